"""weirctl as a program: its streams, its exit codes and its answers, without a proxy."""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree

from test import cases

WEIRCTL = pathlib.Path("router/cli/weirctl").resolve()
SPEC = pathlib.Path("examples/specs/more/rollout.yaml").resolve()


def weirctl(*arguments):
    return subprocess.run([WEIRCTL, *map(str, arguments)], capture_output=True, text=True, timeout=120, check=False)


class Plan(unittest.TestCase):
    def test_an_experiments_own_file_and_its_traffic_make_a_plan(self):
        done = weirctl("plan", SPEC, "--traffic", "50/s")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        for expected in ["canary at 50 calls/s", "step 1", "watch", "in all 3 d", "assumed", "errors x2, 1 % to 2 %"]:
            self.assertIn(expected, done.stdout)

    def test_json_is_one_line_whose_numbers_agree_with_each_other(self):
        done = weirctl("plan", SPEC, "--traffic", "1e6/d", "--baseline-error", "0.5%", "--json")
        self.assertEqual(done.stdout.count("\n"), 1)
        plan = json.loads(done.stdout)
        self.assertAlmostEqual(plan["calls_per_second"], 1e6 / 86400)
        self.assertEqual([stage["name"] for stage in plan["stages"]], ["step 1", "step 2", "step 3", "step 4", "watch"])
        steps = sum(stage["seconds"] for stage in plan["stages"] if stage["name"] != "watch")
        self.assertAlmostEqual(plan["days_without_watch"], steps / 86400)
        errors = next(guardrail for guardrail in plan["guardrails"] if guardrail["guardrail"] == "errors")
        for stage in errors["stages"]:
            requests = [fault["expected_candidate_requests"] for fault in stage["faults"]]
            self.assertEqual(requests, sorted(requests, reverse=True))
            for fault in stage["faults"]:
                self.assertGreater(fault["expected_candidate_requests"], fault["bound_candidate_requests"])

    def test_more_traffic_never_takes_longer(self):
        days = [json.loads(weirctl("plan", SPEC, "--traffic", traffic, "--json").stdout)["days_without_watch"]
                for traffic in ["10/h", "1/m", "1/s", "100/s"]]
        self.assertEqual(days, sorted(days, reverse=True))

    def test_a_plot_is_a_document(self):
        with tempfile.TemporaryDirectory() as folder:
            plot = pathlib.Path(folder, "plan.svg")
            done = weirctl("plan", SPEC, "--traffic", "50/s", "--svg", plot)
            self.assertEqual(done.returncode, 0)
            self.assertIn(f"the plot is in {plot}", done.stderr)
            self.assertTrue(ElementTree.parse(plot).getroot().tag.endswith("svg"))

    def test_wrong_options_are_usage_errors_and_wrong_files_refusals(self):
        for arguments in [["--traffic", "50/w"], [], ["--traffic", "50/s", "--baseline", "cost=1"],
                          ["--traffic", "50/s", "--power", "2"]]:
            done = weirctl("plan", SPEC, *arguments)
            self.assertEqual((done.returncode, done.stdout), (2, ""), arguments)
            self.assertTrue(done.stderr)
        done = weirctl("plan", "absent.yaml", "--traffic", "50/s")
        self.assertEqual(done.returncode, 1)
        self.assertIn("absent.yaml", done.stderr)

    def test_help_teaches(self):
        done = weirctl("plan", "--help")
        self.assertEqual(done.returncode, 0)
        for expected in ["--baseline-error", "--calls-per-user", "weirctl plan canary.yaml --traffic 50/s", "Wald"]:
            self.assertIn(expected, done.stdout)


class Simulate(unittest.TestCase):
    def test_an_outcome_that_falls_warns_as_the_file_says(self):
        done = weirctl("simulate", SPEC, "--fault", "accuracy=-0.4@stage3", "--runs", 2, "--longest-pause", 2, "--json")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(json.loads(done.stdout)["warned_by"], {"accuracy-floor": 2})

    def test_a_fault_that_there_is_not_is_a_usage_error(self):
        done = weirctl("simulate", SPEC, "--fault", "beauty=-1")
        self.assertEqual(done.returncode, 2)
        self.assertIn("accuracy=SHIFT", done.stderr)


class Validate(unittest.TestCase):
    def test_says_what_the_guardrails_promise(self):
        done = weirctl("validate", SPEC)
        self.assertEqual(done.returncode, 0)
        self.assertIn("rolled back falsely with probability 0.002 at most", done.stdout)


if __name__ == "__main__":
    os.environ.pop("WEIR_ADMIN", None)
    cases.main()
