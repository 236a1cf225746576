#!/usr/bin/python3
"""The demo: what Weir does, told on your terminal in under three minutes with two real models.

    ./run demo [--keep]

Starts three model servers, weir and a client on free ports of loopback, makes the candidate fail and then slow down, kills weir,
and shows what becomes of the traffic. Ends by itself with nothing left running; --keep leaves everything up until Ctrl-C. It fails,
with a status other than 0, where weir does not do what the story says.
"""

import argparse
import csv
import json
import math
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).absolute().parent  # Not resolved: a test runs it among links.
sys.path.insert(0, str(HERE.parent))
from examples.demonstration import bounds, children, screen, status  # noqa: E402

EXPERIMENT = "digits-classifier"
BASELINE, ENHANCED, MIRROR = "digits-baseline", "digits-enhanced", "traffic-mirror"
WEIGHTS_OF = {BASELINE: "baseline", ENHANCED: "enhanced", MIRROR: "enhanced"}
SHARE = 0.30        # Of the candidate, as specs/experiments/digits.yaml says.
MAX_RATIO = 1.2     # Of the guardrail "errors", there.
MAX_ERROR_RATE = 0.05
MAX_TAIL_RATIO = 1.5
MAX_TAIL = 0.500    # Seconds, of the guardrail "tail-ceiling".

# Both models take 4 to 12 ms and fail one call in 200: as real ones, they are neither instant nor perfect.
USUAL_ERRORS = 0.005
LATENCY, JITTER = 0.004, 0.008  # Seconds.
USUAL = {"latency": f"{LATENCY * 1000:.0f}ms", "jitter": f"{JITTER * 1000:.0f}ms", "fail-share": USUAL_ERRORS,
         "fail-code": "INTERNAL"}
FAULTY_ERRORS, FAULTY_LATENCY = 0.20, 0.600  # Beyond both tail guardrails, also when the machine is busy.
FAILING = {**USUAL, "fail-share": FAULTY_ERRORS}
SLOW = {**USUAL, "latency": f"{FAULTY_LATENCY * 1000:.0f}ms"}

FLIP_TIMEOUT = 40.0  # Seconds: far beyond what any of the faults should take.
POLL = 0.25
END_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Demo:
    def __init__(self, options, terminal):
        self.bin = pathlib.Path(options.bin).resolve()
        self.healthy = options.healthy
        self.rate = options.rate
        self.keep = options.keep
        self.terminal = terminal
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="weir-demo-"))
        self.children = children.Children(self.folder)
        self.addresses = {}
        self.weir = None
        self.client = None
        self.failed = False

    # --- Starting things.

    def start_models(self):
        for name, weights in WEIGHTS_OF.items():
            child = self.children.start(name, [self.bin / "model_server", "--model", HERE / f"models/{weights}.json"])
            self.addresses[name] = child.wait_for_line(r"^listening on (\S+)$")[1]
            self.tell(name, USUAL)

    def write_configuration(self):
        """The committed specifications, with the addresses of this run."""
        listener, admin, metrics = (f"127.0.0.1:{port}" for port in children.free_ports(3))
        self.addresses.update(listener=listener, admin=admin, metrics=metrics)
        proxy = (HERE / "specs/proxy.yaml").read_text()
        for committed, actual in [("127.0.0.1:8080", listener), ("127.0.0.1:9901", admin), ("127.0.0.1:9090", metrics),
                                  ("127.0.0.1:8001", self.addresses[BASELINE]), ("127.0.0.1:8002", self.addresses[ENHANCED]),
                                  ("127.0.0.1:8003", self.addresses[MIRROR]), ("../../out/state", "state")]:
            proxy = proxy.replace(committed, actual)
        (self.folder / "proxy.yaml").write_text(proxy)
        shutil.copytree(HERE / "specs/experiments", self.folder / "experiments")

    def start_weir(self):
        self.weir = self.children.start("weir", [self.bin / "weir", "--config", self.folder / "proxy.yaml"])
        deadline = time.monotonic() + 15
        while not self.is_ready():
            self.weir.check()
            if time.monotonic() > deadline:
                raise children.Failed("weir is not ready after 15 s", self.weir)
            time.sleep(0.05)

    def is_ready(self):
        try:
            with urllib.request.urlopen(f"http://{self.addresses['metrics']}/readyz", timeout=1) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def start_client(self):
        self.client = self.children.start("client", [
            self.bin / "model_client", "replay", "--target", self.addresses["listener"], "--rows", HERE / "models/heldout.csv",
            "--rate", self.rate, "--duration", "24h" if self.keep else "10m", "--users", 2000, "--zipf", 1.05,
            "--streaming", 0.2, "--late-share", 0.1, "--late-by", "3s", "--json"])

    # --- Asking and telling.

    def tell(self, model, faults):
        words = [word for name, value in faults.items() for word in (f"--{name}", str(value))]
        self.run([self.bin / "model_client", "faults", "--target", self.addresses[model], *words])

    def weirctl(self, *words):
        return self.run([self.bin / "weirctl", "--address", self.addresses["admin"], *words], guilty=self.weir)

    def run(self, command, guilty=None):
        """What a short-lived program prints."""
        words = " ".join(pathlib.Path(str(word)).name for word in command[:2]) + " ..."
        try:
            done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                  timeout=30, check=False, start_new_session=True)
        except subprocess.TimeoutExpired:
            raise children.Failed(f"'{words}' did not end within 30 s", guilty) from None
        if done.returncode != 0:
            raise children.Failed(f"'{words}' ended with status {done.returncode}: {(done.stderr or done.stdout).strip()}", guilty)
        return done.stdout

    def state(self):
        experiment = status.experiment_of(json.loads(self.weirctl("status", "--json")), EXPERIMENT)
        if experiment is None:
            raise children.Failed(f"weir does not know the experiment {EXPERIMENT}", self.weir)
        return experiment

    def watch(self, seconds, until=lambda experiment: False):
        """Shows the state for so long, or until it is as wanted. The last state, and whether it is."""
        deadline = time.monotonic() + seconds
        while True:
            self.children.check()
            experiment = self.state()
            self.terminal.show(experiment)
            if until(experiment):
                return experiment, True
            if time.monotonic() > deadline:
                return experiment, False
            time.sleep(POLL)

    def expect(self, condition, what):
        if not condition:
            raise children.Failed(f"the story went wrong: {what}", self.weir)

    # --- The story.

    def tell_story(self):
        say = self.terminal.say
        say("Two models that read handwritten digits: a coarse linear one, and a neural network that is to replace it.", bold=True)
        self.start_models()
        self.write_configuration()
        self.start_weir()
        self.start_client()
        say(f"weir splits {self.rate} calls a second of 2,000 unequal users 70/30, and sends a copy of each to a third server.")
        experiment, _ = self.watch(self.healthy)
        self.expect(experiment.phase == "RUNNING", f"a healthy candidate was rolled back: {experiment.phase_reason}")

        say("")
        say("1. The candidate begins to fail one call in five.", bold=True)
        self.break_candidate(FAILING, self.least_for_errors)
        say("   All users are on the default now; the candidate gets nothing:")
        self.watch(4)
        self.tell(ENHANCED, USUAL)

        say("")
        say("2. kill -9 weir, and start it again.", bold=True)
        self.kill_and_restart()

        say("")
        say(f"3. The candidate is mended. weirctl reset {EXPERIMENT}", bold=True)
        self.weirctl("reset", EXPERIMENT)
        experiment, running = self.watch(10, lambda e: e.phase == "RUNNING" and e.variant(ENHANCED).share > 0)
        self.expect(running, "the reset opened nothing")
        say(f"   A new run, number {experiment.run}, with no evidence from the last one.")
        experiment, _ = self.watch(self.healthy)
        self.expect(experiment.phase == "RUNNING", f"a mended candidate was rolled back: {experiment.phase_reason}")
        # An interval needs 256 users of the variant who have come back.
        self.watch(60, lambda e: all(e.variant(name).outcomes.get("accuracy") is not None and
                                     e.variant(name).outcomes["accuracy"].interval is not None
                                     for name in (BASELINE, ENHANCED)))

        say("")
        say("4. The candidate becomes slow: 600 to 608 ms instead of 4 to 12 ms.", bold=True)
        self.break_candidate(SLOW, self.least_for_latency)
        experiment, _ = self.watch(4)

        say("")
        say("5. What the models are worth, by the outcomes that clients reported", bold=True)
        self.compare_accuracy(experiment)
        self.terminal.leave_table()

    def break_candidate(self, faults, least_of):
        before = self.state()
        self.expect(before.phase == "RUNNING", f"the gate was shut before the fault: {before.phase_reason}")
        self.tell(ENHANCED, faults)
        at = time.time()
        after, shut = self.watch(FLIP_TIMEOUT, status.Experiment.is_shut)
        self.expect(shut, f"the gate was still open {FLIP_TIMEOUT:.0f} s after the fault")
        self.expect(after.breach is not None, "a rollback without a breach")
        breach = after.breach
        calls = breach.candidate_calls - before.variant(ENHANCED).started
        seconds = breach.published_at - at
        least = least_of(breach, before)
        say = self.terminal.say
        say(f"   The gate shut. {after.phase_reason}")
        say(f"   From the fault to the flip: {calls} candidate requests, {seconds:.2f} s.")
        say(f"   The least that any method would need, on average (Wald): {math.ceil(least)} requests, "
            f"{least / (self.rate * SHARE):.2f} s at this rate,")
        say(f"   for a test that begins with the fault. This one had {before.variant(ENHANCED).started:,} healthy requests to outweigh.")

    def least_for_errors(self, breach, _):
        log_inverse_alpha = breach.threshold * math.log(10)
        if breach.guardrail == "error-ceiling":
            return bounds.rate_ceiling(FAULTY_ERRORS, MAX_ERROR_RATE, log_inverse_alpha)
        self.expect(breach.guardrail == "errors", f"guardrail '{breach.guardrail}' shut the gate, though only errors rose")
        return bounds.error_ratio(FAULTY_ERRORS, USUAL_ERRORS, SHARE, MAX_RATIO, log_inverse_alpha)

    def least_for_latency(self, breach, before):
        self.expect(breach.guardrail in ("tail", "tail-ceiling"),
                    f"guardrail '{breach.guardrail}' shut the gate, though only latency rose")
        edge = MAX_TAIL if breach.guardrail == "tail-ceiling" else MAX_TAIL_RATIO * before.variant(BASELINE).p99
        beyond = min(1.0, max(0.02, (FAULTY_LATENCY + JITTER - edge) / JITTER))  # Of the candidate's calls.
        return bounds.rate_ceiling(beyond, 0.01, breach.threshold * math.log(10))

    def kill_and_restart(self):
        self.weir.kill()
        self.children.forget(self.weir)
        self.start_weir()
        experiment, _ = self.watch(4)
        self.expect(experiment.is_shut(), f"the gate is open after a restart: {experiment.phase}")
        served = experiment.variant(ENHANCED).requests
        self.expect(served == 0, f"the candidate got {served} requests after the restart")
        self.terminal.say(f"   Still shut, and why is still known: {experiment.phase_reason}")

    def compare_accuracy(self, experiment):
        for name in (BASELINE, ENHANCED):
            trained = trained_accuracy(WEIGHTS_OF[name])
            outcome = experiment.variant(name).outcomes.get("accuracy")
            self.expect(outcome is not None and outcome.interval is not None, f"{name} has no accuracy")
            lower, upper = outcome.interval
            self.expect(lower <= trained <= upper, f"{name}: training measured {trained:.4f}, outside [{lower:.4f}, {upper:.4f}]")
            self.terminal.say(f"   {name:<16} {outcome.mean * 100:.2f} % of {outcome.count:,} outcomes, 95 % interval "
                              f"[{lower * 100:.2f}, {upper * 100:.2f}]; examples/train.py measured {trained * 100:.2f} %: inside")

    def end_client(self):
        """What the client itself saw."""
        returncode = self.client.stop()
        self.children.forget(self.client)
        if returncode != 0:
            raise children.Failed(f"the client ended with status {returncode}", self.client)
        summary = json.loads(self.client.tail(1)[0])
        self.terminal.say("")
        for variant in summary["variants"]:
            name = "no answer from a model" if variant["variant"] == "-" else variant["variant"]
            errors = ", ".join(f"{count} {code}" for code, count in sorted(variant["errors"].items())) or "no errors"
            note = "   (weir was dead)" if variant["variant"] == "-" else ""
            self.terminal.say(f"   The client saw: {name}: {variant['calls']:,} calls, {errors}{note}")

    def wait_for_interrupt(self):
        say = self.terminal.say
        say("")
        say("Everything stays up until Ctrl-C:", bold=True)
        for name, address in self.addresses.items():
            say(f"   {name:<16} {address}")
        say(f"   files            {self.folder}")
        say(f"   try: {self.bin / 'weirctl'} --address {self.addresses['admin']} status")
        say(f"   try: {self.bin / 'weirctl'} --address {self.addresses['admin']} reset {EXPERIMENT}")
        say(f"   try: {self.bin / 'model_client'} faults --target {self.addresses[ENHANCED]}    (mends the candidate)")
        try:
            while True:
                self.children.check()
                time.sleep(0.5)
        except KeyboardInterrupt:
            say("ending")

    def clean_up(self):
        self.children.stop_all()
        if not self.failed:
            shutil.rmtree(self.folder, ignore_errors=True)


def trained_accuracy(model):
    """What the training script printed: the share of the held-out rows whose committed prediction is right."""
    with open(HERE / "models/heldout.csv", encoding="ascii") as file:
        rows = list(csv.DictReader(file))
    return sum(row[model] == row["digit"] for row in rows) / len(rows)


def report(demo, failure):
    demo.failed = True
    out = sys.stderr
    out.write(f"\ndemo: {failure}\n")
    if failure.guilty is not None:
        out.write(f"demo: the last lines of {failure.guilty.log}:\n")
        for line in failure.guilty.tail():
            out.write(f"    {line}\n")
    out.write(f"demo: all logs and files are in {demo.folder}\n")


def parse(arguments):
    parser = argparse.ArgumentParser(prog="./run demo", description="Weir's story on your terminal.")
    parser.add_argument("--bin", default="out", help="the folder of weir, weirctl, model_server and model_client")
    parser.add_argument("--keep", action="store_true", help="leave everything up at the end, until Ctrl-C")
    parser.add_argument("--rate", type=int, default=300, help="calls a second (300)")
    parser.add_argument("--healthy", type=float, default=15, help="seconds before the first fault (15)")
    return parser.parse_args(arguments)


def interrupt(signal_number, frame):
    raise KeyboardInterrupt


def main():
    options = parse(sys.argv[1:])
    for end_signal in END_SIGNALS:
        signal.signal(end_signal, interrupt)
    terminal = screen.Screen()
    demo = Demo(options, terminal)
    try:
        demo.tell_story()
        if options.keep:
            demo.wait_for_interrupt()
        demo.end_client()
        terminal.say(f"\nDone in {terminal.seconds():.0f} s; nothing is left running.")
        return 0
    except children.Failed as failure:
        report(demo, failure)
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\ndemo: interrupted; ending what was started\n")
        return 130
    finally:
        for end_signal in END_SIGNALS:
            signal.signal(end_signal, signal.SIG_IGN)  # The clean-up is short, and runs to its end.
        demo.clean_up()


if __name__ == "__main__":
    sys.exit(main())
