"""Disks that fail and journals that are damaged: refused clearly, what shuts still shuts, traffic goes on."""

import itertools
import os
import pathlib
import signal
import subprocess
import unittest

from test import cases
from test.integration import disk_faults
from test.integration.harness import IntegrationTest, experiment, needs_weir, wait_until
from test.integration.processes import DEADLINE, program

ROLLOUT = {"strategy": "canary", "steps": [{"setWeight": 10, "pause": {"duration": "1h"}}, {"setWeight": 50}]}
PAGE = 4096
needs_strace = unittest.skipUnless(disk_faults.STRACE, "strace is not installed")


class JournalTest(IntegrationTest):
    def verified(self, state, *arguments):
        """What `weirctl audit verify` says of a journal that must be whole."""
        done = subprocess.run([program("router/cli/weirctl"), "audit", "verify", str(state), *arguments],
                              capture_output=True, text=True, timeout=DEADLINE, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout


@needs_weir
class WeirOnABadDisk(JournalTest):
    def setUp(self):
        super().setUp()
        self.servers = {name: self.echo_server(name) for name in ("a", "b")}
        self.gate = self.weir(self.servers, routes=[],
                              experiments={"echo": experiment({"a": 50, "b": 50}, rollout=ROLLOUT)})
        self.state = self.gate.folder / "state"

    def ctl(self, *arguments):
        return self.gate.weirctl("--address", self.gate.admin, *arguments)

    def expect_traffic(self):
        client = self.client(self.gate)
        for user in range(20):
            client.echo(metadata=[("x-user-id", f"user-{user}")])
        client.close()

    def experiment(self):
        return self.gate.status()["experiments"][0]

    def share(self):
        return next(v["share"] for v in self.experiment()["variants"] if v["name"] == "b")

    def journal(self):
        return self.gate.status()["journal"]

    # --- A disk that fails for a while.

    def fail_and_heal(self, inject, said):
        self.expect_traffic()
        self.assertEqual(self.ctl("set-weight", "echo", "20").returncode, 0)
        head = self.journal()["head"]
        disk = self.keep(disk_faults.FailingDisk(self.gate.pid, self.state, inject, self.folder))
        refused = self.ctl("set-weight", "echo", "30")
        self.assertEqual(refused.returncode, 1, refused.stdout)
        self.assertIn(said, refused.stderr)
        self.assertAlmostEqual(self.share(), 0.20)
        self.assertFalse(self.journal()["healthy"])
        self.assertIn(said, self.journal()["error"])
        self.expect_traffic()
        shut = self.ctl("rollback", "echo", "--comment", "the disk is no reason")
        self.assertEqual(shut.returncode, 1, shut.stdout)
        self.assertIn("in force, but not in the journal yet", shut.stderr)
        self.assertIn(said, shut.stderr)
        self.assertEqual((self.experiment()["phase"], self.share()), ("ROLLED_BACK", 0))
        self.assertEqual(self.journal()["unjournalled"], "1")
        self.expect_traffic()
        self.assertIn("the journal fails", self.gate.log())
        disk.heal()
        wait_until(lambda: (self.journal()["unjournalled"], self.journal()["healthy"]) == ("0", True),
                   "the journal works again")
        newest = self.journal()["head"]
        self.gate.kill()
        self.verified(self.state, "--head", head)
        self.verified(self.state, "--head", newest)
        self.gate.restart()
        self.assertEqual((self.experiment()["phase"], self.share()), ("ROLLED_BACK", 0))
        self.assertEqual(self.ctl("replay", "echo").returncode, 0)
        self.assertEqual(self.ctl("reset", "echo").returncode, 0)
        self.expect_traffic()

    @needs_strace
    def test_an_fsync_that_fails_opens_nothing_and_shuts_all_the_same(self):
        self.fail_and_heal("fsync,fdatasync:error=EIO", "the store failed")

    @needs_strace
    def test_a_full_disk_opens_nothing_and_shuts_all_the_same(self):
        self.fail_and_heal("write,pwrite64:error=ENOSPC", "the disk is full")

    @needs_strace
    def test_a_read_only_disk_freezes_at_the_default_until_it_can_be_written(self):
        self.gate.terminate()
        self.gate.wrapper = disk_faults.wrapper(self.state, "openat:error=EROFS")
        self.gate.restart()
        self.assertEqual((self.experiment()["phase"], self.share()), ("FROZEN", 0))
        self.assertFalse(self.journal()["healthy"])
        self.assertIn("it cannot be written there", self.journal()["error"])
        self.assertEqual(self.ctl("reset", "echo").returncode, 1)
        self.expect_traffic()

    @needs_strace
    def test_a_disk_that_hangs_does_not_keep_a_process_that_is_to_end(self):
        gate = self.weir(self.servers, routes=[], listener={"address": "127.0.0.1:0", "drainGrace": "0s"},
                         experiments={"echo": experiment({"a": 50, "b": 50}, rollout=ROLLOUT)})
        hangs = "pwrite64,fsync,fdatasync:delay_enter=3600s"
        disk = self.keep(disk_faults.FailingDisk(gate.pid, gate.folder / "state", hangs, self.folder))
        client = self.client(gate)
        client.echo(metadata=[("x-user-id", "user-1")])
        gate.signal(signal.SIGTERM)
        wait_until(lambda: "the disk does not answer" in gate.log(), "it gives up")
        disk.kill()  # Or else it would hold the thread that hangs, even in a process that has ended.
        self.assertEqual(gate.exit_status(), 3)

    # --- A journal that is damaged.

    def damage(self, what):
        """Turns every bit of the first page that holds `what`."""
        path = self.state / "journal.db"
        data = bytearray(path.read_bytes())
        page = data.index(what) // PAGE * PAGE
        data[page:page + PAGE] = bytes(byte ^ 0xff for byte in data[page:page + PAGE])
        path.write_bytes(data)

    def expect_frozen(self):
        self.gate.restart()
        self.assertEqual((self.experiment()["phase"], self.share()), ("FROZEN", 0))
        self.assertIn("journal", self.experiment()["phase_reason"] + self.experiment()["notice"])
        self.assertIn("damaged", self.journal()["error"])
        self.assertIn("every experiment is at its default", self.gate.log())
        refused = self.ctl("reset", "echo")
        self.assertEqual(refused.returncode, 1)
        self.expect_traffic()

    def damaged_at(self, what):
        self.expect_traffic()
        wait_until(lambda: self.counted() == 20, "the calls are counted")
        self.gate.terminate()
        self.damage(what)
        self.expect_frozen()

    def counted(self):
        return sum(int(variant["started"]) for variant in self.experiment()["variants"])

    def test_a_journal_without_its_beginning_freezes(self):
        self.damaged_at(b"SQLite format 3")

    def test_a_journal_with_a_damaged_middle_freezes_and_verify_names_the_place(self):
        self.damaged_at(b"run-opened")
        done = self.ctl("audit", "verify", str(self.state))
        self.assertEqual(done.returncode, 1)
        self.assertIn("broken", done.stdout + done.stderr)

    def test_a_journal_with_damaged_statistics_freezes(self):
        self.damaged_at(b"run/echo/1")

    def test_a_torn_tail_is_recovered(self):
        self.assertEqual(self.ctl("set-weight", "echo", "20").returncode, 0)
        self.expect_traffic()
        wait_until(lambda: (self.state / "journal.db-wal").stat().st_size > PAGE, "a checkpoint is in the log")
        self.gate.kill()
        log = self.state / "journal.db-wal"
        with open(log, "r+b") as file:
            file.truncate(log.stat().st_size - 100)
        self.gate.restart()
        self.assertAlmostEqual(self.share(), 0.20)
        self.assertTrue(self.journal()["healthy"])
        self.expect_traffic()


@needs_strace
class JournalOnABadDisk(JournalTest):
    """The journal alone, with one system call of it failing, or all from one on."""

    def probe(self, inject):
        """[(what the probe was told, of which change, head or code)], and the journal's folder."""
        folder = pathlib.Path(self.folder, f"probe-{len(os.listdir(self.folder))}")
        folder.mkdir()
        done = subprocess.run([*disk_faults.wrapper(folder, inject), program("test/integration/journal_probe"),
                               str(folder), "4"], capture_output=True, text=True, timeout=DEADLINE, check=False)
        self.assertEqual(done.returncode, 0, f"{inject}: {done.stdout}{done.stderr}")
        return [line.split(maxsplit=2) for line in done.stdout.splitlines()], folder

    def test_whatever_fails_and_when_what_was_acknowledged_is_there(self):
        refused = 0
        for call, error in itertools.product(("fdatasync", "pwrite64"), ("EIO", "ENOSPC")):
            for first in range(1, 13):
                for rest in ("", "+"):
                    inject = f"{call}:error={error}:when={first}{rest}"
                    with self.subTest(inject):
                        told, folder = self.probe(inject)
                        refused += sum(what == "refused" for what, *_ in told)
                        written = [(int(change), head) for what, change, head in told if what == "written"]
                        if not rest:
                            self.assertEqual([change for change, _ in written], [1, 2, 3, 4])
                        if written:
                            self.assertIn(f"is that of row {written[-1][0]}\n",
                                          self.verified(folder, "--head", written[-1][1]))
        self.assertGreater(refused, 50)  # Else nothing was injected.


if __name__ == "__main__":
    cases.main()
