"""kill -9 at random moments: no acknowledged command is lost, the chain holds, and nothing is counted twice.

WEIR_CRASHES says how many times (20), WEIR_SEED repeats a run. `./run crash 1000` is the long version.
"""

import os
import random
import subprocess
import threading
import unittest

from test import cases
from test.integration import echo_pb2
from test.integration.harness import IntegrationTest, document, experiment, needs_weir, wait_until
from test.integration.processes import DEADLINE, Process, program

CRASHES = int(os.environ.get("WEIR_CRASHES", "20"))
SEED = int(os.environ.get("WEIR_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
LOWEST, HIGHEST = 1.0, 90.0
ROLLOUT = {"strategy": "canary", "steps": [{"setWeight": 1, "pause": {"duration": "8000h"}}, {"setWeight": 90}],
           "maxDuration": "8500h"}


@needs_weir
class CrashTest(IntegrationTest):
    def setUp(self):
        super().setUp()
        print(f"WEIR_SEED={SEED}", flush=True)
        self.random = random.Random(SEED)
        servers = {name: self.echo_server(name) for name in ("a", "b")}
        self.spec = experiment({"a": 50, "b": 50}, rollout=ROLLOUT)
        self.gate = self.weir(servers, routes=[], experiments={"echo": self.spec})
        self.state = self.gate.folder / "state"
        self.acknowledged, self.asked = LOWEST, []  # Percent; asked after what was acknowledged, and not answered yet.
        self.head = self.gate.status()["journal"]["head"]
        self.sent, self.sent_in_life, self.counted = 0, 0, 0
        self.commands = self.starts = 0

    # --- While it lives.

    def command_until(self, end):
        """Ever larger shares by hand, each of which is journalled before it is acknowledged."""
        percent = self.acknowledged
        while not end.is_set():
            percent = round(percent + 0.01 * self.random.randint(1, 5), 2)
            self.asked.append(percent)
            if self.gate.weirctl("--address", self.gate.admin, "set-weight", "echo", str(percent)).returncode == 0:
                self.acknowledged, self.asked = percent, []
                self.commands += 1

    def send(self, client):
        """Calls under way: whoever lets go of one cancels it."""
        calls = []
        for user in range(self.random.randint(0, 20)):
            self.sent += 1
            self.sent_in_life += 1
            metadata = [("x-user-id", f"user-{self.sent}-{user}")]
            calls.append(client.unary.future(echo_pb2.Note(), metadata=metadata, timeout=DEADLINE))
        return calls

    def live_and_die(self, longest):
        client = self.client(self.gate)
        self.head = self.gate.status()["journal"]["head"]
        if self.random.random() < 0.2:
            comment = f"# edited after {self.commands} commands\n"
            self.gate.write_experiment_text("echo", comment + document("Experiment", "echo", self.spec))
        end = threading.Event()
        commands = threading.Thread(target=self.command_until, args=(end,))
        commands.start()
        calls = self.send(client)
        end.wait(self.random.uniform(0, longest))  # The moment of death, and not a condition that is waited for.
        self.gate.kill()
        end.set()
        commands.join()
        for call in calls:
            call.cancel()
        client.close()

    def die_while_starting(self):
        process = Process("weir", [program("router/weir"), "--config", str(self.gate.config)], self.folder)
        threading.Event().wait(self.random.uniform(0, 0.1))
        process.kill()
        self.starts += 1

    # --- After its death.

    def check(self):
        done = subprocess.run([program("router/cli/weirctl"), "audit", "verify", str(self.state), "--head", self.head],
                              capture_output=True, text=True, timeout=DEADLINE, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.gate.restart()
        status = self.gate.status()
        found = status["experiments"][0]
        self.assertEqual(found["phase"], "STEPPING", found)
        by_hand = found["rollout"].get("share_by_hand")
        share = LOWEST if by_hand is None else round(100 * by_hand, 2)
        self.assertIn(share, [self.acknowledged, *self.asked])
        self.acknowledged, self.asked = share, []
        counted = sum(int(variant["started"]) for variant in found["variants"])
        self.assertLessEqual(counted, self.counted + self.sent_in_life)
        self.assertGreaterEqual(counted, self.counted)  # What was read back once was on disk.
        self.counted, self.sent_in_life = counted, 0
        if self.acknowledged > HIGHEST:
            self.start_over()

    def start_over(self):
        """A smaller share is in force before it is journalled: waited for apart."""
        done = self.gate.weirctl("--address", self.gate.admin, "set-weight", "echo", str(LOWEST))
        self.assertEqual(done.returncode, 0, done.stderr)
        wait_until(lambda: self.gate.status()["journal"]["unjournalled"] == "0", "it is journalled")
        self.acknowledged = LOWEST

    def test_no_acknowledged_command_is_lost_and_nothing_is_counted_twice(self):
        for crash in range(1, CRASHES + 1):
            self.live_and_die(longest=0.4 if crash % 4 else 3)  # Statistics are written once a second.
            while self.random.random() < 0.3:
                self.die_while_starting()
            self.check()
            if crash % 50 == 0:
                print(f"{crash} of {CRASHES} crashes, and {self.starts} while starting: {self.commands} commands "
                      f"acknowledged, none lost; {self.counted} of {self.sent} calls counted", flush=True)
        replayed = self.gate.weirctl("replay", "echo", "--journal", str(self.state))
        self.assertEqual(replayed.returncode, 0, replayed.stdout[-2000:] + replayed.stderr)
        self.assertIn("all reproduced", replayed.stdout)
        self.assertGreater(self.counted, 0)
        print(f"{CRASHES} crashes, and {self.starts} while starting: {self.commands} commands acknowledged, none lost; "
              f"{self.counted} of {self.sent} calls counted; {replayed.stdout.splitlines()[-1]}", flush=True)


if __name__ == "__main__":
    cases.main()
