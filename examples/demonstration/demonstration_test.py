"""The demo's parts that can be told right from wrong without a proxy."""

import io
import json
import math
import os
import select
import signal
import subprocess
import sys
import tempfile
import textwrap
import unittest

from examples.demonstration import bounds, children, screen, status
from test import cases

# As protobuf's JSON printer writes weir.v1.Status: camelCase, 64-bit integers as strings, defaults left out.
STATUS = json.loads("""{
  "ready": true,
  "experiments": [{
    "name": "digits-classifier", "phase": "ROLLED_BACK", "phaseReason": "errors", "run": 2, "epoch": 3,
    "variants": [
      {"name": "digits-baseline", "isDefault": true, "share": 1, "requests": "77", "started": "1200",
       "runErrors": "12", "p50": "0.008s", "p99": "0.012250s", "outcomes": [{"metric": "accuracy", "count": "900", "mean": 0.83,
       "lower": 0.79, "upper": 0.87}]},
      {"name": "digits-enhanced", "started": "400", "runErrors": "80", "outcomes": [{"metric": "accuracy", "count": "7"}]}],
    "guardrails": [{"name": "errors", "variant": "digits-enhanced", "rule": "error rate > 1.2 x default's",
       "log10Evidence": 3.4, "log10Threshold": 3.0, "breached": true, "action": "rollback"},
      {"name": "tail", "rule": "p99", "log10Evidence": -2.5, "log10Threshold": 3}],
    "mirrors": [{"name": "traffic-mirror", "requests": "1600", "dropped": "3"}],
    "breach": {"guardrail": "errors", "publishedAt": "2026-01-02T03:04:05.250Z", "candidateCalls": "391",
       "log10Evidence": 3.4, "log10Threshold": 3}
  }]}""")


def experiment():
    return status.experiment_of(STATUS, "digits-classifier")


class BoundsTest(unittest.TestCase):
    def test_error_bounds_are_those_of_the_published_table(self):
        log_inverse_alpha = math.log(1000)
        for candidate, ratio, share, requests in [(0.05, 1, 0.5, 475), (0.05, 1, 0.1, 207), (0.05, 1, 0.01, 174),
                                                  (0.05, 2, 0.5, 1635), (0.05, 2, 0.1, 573), (0.05, 2, 0.01, 449),
                                                  (0.20, 1, 0.5, 66), (0.20, 1, 0.1, 24), (0.20, 1, 0.01, 18),
                                                  (0.20, 2, 0.5, 133), (0.20, 2, 0.1, 38.5), (0.20, 2, 0.01, 26)]:
            bound = bounds.error_ratio(candidate, 0.01, share, ratio, log_inverse_alpha)
            self.assertAlmostEqual(bound, requests, delta=0.5, msg=(candidate, ratio, share))

    def test_a_default_without_errors_makes_every_error_the_candidates(self):
        errors = math.log(1000) / math.log(1 / 0.5)
        self.assertAlmostEqual(bounds.error_ratio(0.2, 0.0, 0.5, 1, math.log(1000)), errors / 0.2)

    def test_an_absolute_limit_is_proven_by_the_candidate_alone(self):
        self.assertAlmostEqual(bounds.rate_ceiling(1.0, 0.01, math.log(1000)), 1.5)
        self.assertEqual(bounds.kl(0.3, 0.3), 0)


class StatusTest(unittest.TestCase):
    def test_numbers_are_numbers_whatever_the_style_of_the_json(self):
        e = experiment()
        self.assertEqual((e.run, e.epoch, e.variant("digits-baseline").started), (2, 3, 1200))
        self.assertEqual(e.variant("digits-enhanced").share, 0)
        self.assertAlmostEqual(e.variant("digits-baseline").p99, 0.01225)
        self.assertEqual(e.variant("digits-baseline").outcomes["accuracy"].interval, (0.79, 0.87))
        self.assertIsNone(e.variant("digits-enhanced").outcomes["accuracy"].interval)
        self.assertEqual(e.breach.candidate_calls, 391)

    def test_shut_means_rolled_back_and_no_share_for_a_candidate(self):
        document = json.loads(json.dumps(STATUS))
        self.assertTrue(status.experiment_of(document, "digits-classifier").is_shut())
        document["experiments"][0]["variants"][1]["share"] = 0.3
        self.assertFalse(status.experiment_of(document, "digits-classifier").is_shut())

    def test_timestamps_keep_their_fraction(self):
        self.assertAlmostEqual(status.time_of("1970-01-01T00:01:00.125Z"), 60.125)
        self.assertAlmostEqual(status.time_of("1970-01-01T00:01:00Z"), 60)
        self.assertAlmostEqual(status.time_of("1970-01-01T00:00:00.123456789Z"), 0.123456789)

    def test_an_experiment_that_is_not_there_is_none(self):
        self.assertIsNone(status.experiment_of({}, "digits-classifier"))


class Terminal(io.StringIO):
    def isatty(self):
        return True


class ScreenTest(unittest.TestCase):
    def test_the_table_tells_shares_errors_accuracy_and_evidence(self):
        text = "\n".join(screen.table(experiment(), 12.0))
        self.assertRegex(text, r"digits-baseline +100.0 % +1,200 +8.0 ms +- +12.2 ms +12 \(1.0 %\)  83.0 % \[79.0, 87.0\]")
        self.assertRegex(text, r"digits-enhanced +0.0 % +400 .* 80 \(20.0 %\)  - \(7 outcomes\)")
        self.assertRegex(text, r"traffic-mirror +mirror +1,600 +0  3 copies dropped")
        self.assertIn("3.40 of 3.00", text)

    def test_a_bar_is_full_at_the_threshold_and_empty_where_evidence_speaks_against_a_breach(self):
        self.assertEqual(screen.bar(3.4, 3.0), "#" * screen.BAR)
        self.assertEqual(screen.bar(-2.0, 3.0), "." * screen.BAR)
        self.assertEqual(screen.bar(1.5, 3.0).count("#"), screen.BAR // 2)

    def test_a_terminal_redraws_in_place_below_the_story(self):
        out = Terminal()
        s = screen.Screen(out)
        s.show(experiment())
        height = len(screen.table(experiment(), 0)) + 1
        before = out.tell()
        s.say("a line")
        drawn = out.getvalue()[before:]
        self.assertTrue(drawn.startswith(f"\033[{height}A\033[Ja line\n"))
        self.assertEqual(drawn.count("\n"), height + 1)

    def test_elsewhere_there_are_plain_lines_and_few(self):
        out = io.StringIO()
        s = screen.Screen(out)
        s._started -= screen.PLAIN_EVERY
        for _ in range(10):
            s.show(experiment())
        self.assertEqual(out.getvalue().count("\n"), 1)
        self.assertNotIn("\033", out.getvalue())

    def test_a_line_is_cut_at_the_terminals_width_without_cutting_colours(self):
        self.assertEqual(screen.cut(f"{screen.RED}abcdef{screen.RESET}gh", 3), f"{screen.RED}abc{screen.RESET}")


class ChildrenTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.children = children.Children(self.folder.name)
        self.addCleanup(self.children.stop_all)

    def start(self, script, name="child"):
        return self.children.start(name, ["/bin/sh", "-c", script])

    def test_all_are_ended_even_one_that_ignores_sigterm(self):
        grace, children.GRACE = children.GRACE, 0.2
        self.addCleanup(setattr, children, "GRACE", grace)
        polite = self.start("echo up; exec sleep 1000", "polite")
        stubborn = self.start("trap '' TERM; echo up; while :; do sleep 0.1; done", "stubborn")
        for child in (polite, stubborn):
            child.wait_for_line("^up$")
        self.children.stop_all()
        self.assertEqual(polite.process.returncode, -signal.SIGTERM)
        self.assertEqual(stubborn.process.returncode, -signal.SIGKILL)

    def test_a_child_that_ends_by_itself_is_named_with_its_last_words(self):
        child = self.start("echo I cannot; exit 3")
        child.process.wait()
        with self.assertRaisesRegex(children.Failed, "child ended by itself with status 3") as caught:
            self.children.check()
        self.assertEqual(caught.exception.guilty.tail(), ["I cannot"])

    def test_waiting_for_a_line_gives_its_match_or_says_that_the_child_is_gone(self):
        self.assertEqual(self.start("echo listening on 1.2.3.4:5; exec sleep 1000", "up").wait_for_line(r"^listening on (\S+)$")[1],
                         "1.2.3.4:5")
        with self.assertRaises(children.Failed):
            self.start("exit 1", "down").wait_for_line("^never$")

    def test_a_program_that_is_not_built_is_said_to_be_missing(self):
        with self.assertRaisesRegex(children.Failed, "./run build makes it"):
            self.children.start("weir", ["/nonexistent/weir"])

    def test_children_die_with_a_demo_that_is_killed(self):
        script = textwrap.dedent(f"""
            import sys, time
            from examples.demonstration import children
            child = children.Children({self.folder.name!r}).start("c", ["/bin/sleep", "1000"])
            print(child.process.pid, flush=True)
            time.sleep(1000)""")
        demo = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True,
                                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
        pid = int(demo.stdout.readline())
        descriptor = os.pidfd_open(pid)
        demo.kill()
        demo.wait()
        demo.stdout.close()
        ended, _, _ = select.select([descriptor], [], [], 30)
        os.close(descriptor)
        self.assertTrue(ended, "the child outlived the demo")

    def test_free_ports_differ(self):
        self.assertEqual(len(set(children.free_ports(20))), 20)


if __name__ == "__main__":
    cases.main()
