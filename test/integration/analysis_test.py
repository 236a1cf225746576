"""A step that is left by its analysis on real models: by success, by a failure, and inconclusive when nobody can tell."""

import json
import unittest

from test import cases
from test.integration import models
from test.integration.harness import IntegrationTest, needs_weir
from test.integration.models import ENHANCED, EXPERIMENT, phase_of, send_until, variant_of
from test.integration.processes import program

ROWS = models.heldout_rows()


def canary(analysis):
    return {
        "strategy": "canary",
        "steps": [{"setWeight": 50, "pause": {"duration": "500ms"}, "analysis": {"nonInferiority": False, **analysis}},
                  {"setWeight": 100}],
        "holdback": 5,
        "watch": "10m",
    }


@needs_weir
class AnalysisTest(IntegrationTest):
    def start(self, analysis, **changes):
        self.models = models.start_models(self)
        self.gate = self.weir(self.models, routes=[],
                              experiments={EXPERIMENT: models.experiment(rollout=canary(analysis), **changes)})
        self.user = models.ModelClient(self.gate.address)
        self.addCleanup(self.user.close)

    def experiment(self):
        return self.gate.status()["experiments"][0]

    def send_until(self, condition, what):
        return send_until(self.user, ROWS, condition, what, batch=50)

    def report_all(self, answers):
        """Each outcome as it was, for the variant that answered."""
        for row, answer in answers:
            self.user.report(answer.ticket, correct=float(answer.label == row.digit))

    def test_a_step_is_left_when_its_condition_holds(self):
        self.start({"successCondition": "accuracy.candidate > 0.5 && error_rate.candidate < 0.01 && "
                                        "requests.candidate > 100"})
        self.send_until(lambda: int(variant_of(self.gate, ENHANCED)["ended"]) > 100, "calls enough")
        self.assertEqual(phase_of(self.gate), "STEPPING", "no outcome was reported")
        analysis = self.experiment()["analysis"]
        self.assertEqual((analysis["verdict"], analysis["decides"]), ("undecided", True))
        self.assertIn("accuracy.candidate is not known", analysis["why"])

        pairs = [(ROWS[i % len(ROWS)], f"reporter-{i}") for i in range(200)]
        self.report_all(list(zip((row for row, _ in pairs), self.user.infer_all(pairs))))
        self.send_until(lambda: phase_of(self.gate) == "WATCHING", "it is promoted")

    def test_a_failure_rolls_back_and_says_why(self):
        self.start({"failureCondition": "error_rate.candidate > 0.3"}, guardrails=[])
        self.models[ENHANCED].misbehave(fail_share=1.0, fail_code=13)
        self.send_until(lambda: phase_of(self.gate) == "ROLLED_BACK", "it is rolled back")
        self.assertIn("error_rate.candidate is", self.experiment()["phase_reason"])
        self.assertEqual(variant_of(self.gate, ENHANCED)["share"], 0)

    def test_what_nobody_can_tell_is_inconclusive_and_keeps_the_share(self):
        self.start({"successCondition": "accuracy.lift > 5", "timeout": "2s"})
        self.send_until(lambda: phase_of(self.gate) == "INCONCLUSIVE", "its time is over")
        self.assertIn("no verdict within 2s", self.experiment()["phase_reason"])
        self.assertAlmostEqual(variant_of(self.gate, ENHANCED)["share"], 0.5)
        text = self.gate.weirctl("--address", self.gate.admin, "status").stdout
        self.assertIn("analysis: UNDECIDED", text)
        self.assertIn("success-condition", text)
        told = json.loads(self.gate.weirctl("--address", self.gate.admin, "status", "--json").stdout)
        self.assertEqual(told["experiments"][0]["analysis"]["verdict"], "undecided")
        self.assertEqual(self.gate.metric("weir_analysis_verdict", verdict="undecided"), 1)

    def test_the_example_is_valid(self):
        self.start({"successCondition": "requests.candidate > 1"})
        checked = self.gate.weirctl("validate", program("examples/specs/more/analysis.yaml"))
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)


if __name__ == "__main__":
    cases.main()
