"""A rollout on real models, step by step and by command: approvals, kill -9 in the middle, and a rollback by hand."""

import unittest

from test import cases
from test.integration import models
from test.integration.harness import IntegrationTest, needs_weir
from test.integration.models import BASELINE, ENHANCED, EXPERIMENT, phase_of, send_until, variant_of
from test.integration.processes import program, wait_until

ROWS = models.heldout_rows()

CANARY = {
    "strategy": "canary",
    "steps": [
        {"setWeight": 10, "pause": {"duration": "500ms", "minSamples": 20}},
        {"setWeight": 30, "pause": {"duration": "500ms"}, "approval": {"required": 2, "roles": ["operator"]}},
        {"setWeight": 100, "pause": {"duration": "500ms", "minSamples": 20}},
    ],
    "holdback": 5,
    "watch": "1s",
}


@needs_weir
class RolloutTest(IntegrationTest):
    def setUp(self):
        super().setUp()
        self.models = models.start_models(self)
        self.gate = self.weir(self.models, routes=[], experiments={EXPERIMENT: models.experiment(rollout=CANARY)})
        self.connect()

    def connect(self):
        self.user = models.ModelClient(self.gate.address)
        self.addCleanup(self.user.close)

    def ctl(self, *arguments):
        return self.gate.weirctl("--address", self.gate.admin, *arguments)

    def obey(self, verb, *arguments):
        done = self.ctl(verb, EXPERIMENT, *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def rollout(self):
        return self.gate.status()["experiments"][0]["rollout"]

    def share(self):
        return variant_of(self.gate, ENHANCED)["share"]

    def send_until(self, condition, what):
        """Calls of ever new users; every one must end well."""
        answers = send_until(self.user, ROWS, condition, what, batch=50)
        self.assertEqual({answer.code.name for answer in answers}, {"OK"})
        return answers

    def to_approval(self):
        self.send_until(lambda: self.rollout()["awaits_approval"], "the second step waits for approval")

    def test_a_canary_goes_from_nothing_to_everything_and_over_kill_minus_nine(self):
        self.assertEqual((phase_of(self.gate), self.rollout()["step"]), ("STEPPING", 1))
        self.assertAlmostEqual(self.share(), 0.10)
        self.to_approval()
        self.assertAlmostEqual(self.share(), 0.30)
        self.assertAlmostEqual(self.gate.metric("ab_test_traffic_percentage", model_name=ENHANCED), 30)
        self.obey("approve", "--actor", "ann", "--role", "operator")
        before = self.rollout()

        self.user.close()
        self.gate.kill()
        self.gate.restart()
        self.connect()
        self.assertEqual(phase_of(self.gate), "STEPPING")
        after = self.rollout()
        self.assertEqual((after["step"], after["awaits_approval"], after["approvals"]),
                         (2, True, before["approvals"]))
        self.assertAlmostEqual(self.share(), 0.30)

        refused = self.ctl("approve", EXPERIMENT, "--actor", "eve")
        self.assertEqual(refused.returncode, 1)
        self.assertIn("needs the role operator", refused.stderr)
        self.assertIn("step 3 of 3", self.obey("approve", "--actor", "bob", "--role", "operator"))
        self.assertAlmostEqual(self.share(), 0.95)
        self.send_until(lambda: phase_of(self.gate) == "WATCHING", "it is promoted")
        self.assertAlmostEqual(self.share(), 0.95)
        self.send_until(lambda: phase_of(self.gate) == "COMPLETED", "the watch is over")
        wait_until(lambda: int(self.gate.status()["oldest_adopted_version"]) >= int(self.gate.status()["table_version"]),
                   "every worker goes by the last table")
        answers = self.user.infer_all([(ROWS[i], f"user-{i}") for i in range(200)])
        self.assertEqual({answer.variant for answer in answers}, {ENHANCED})
        self.assertEqual(self.gate.metric("weir_experiment_phase", phase="completed"), 1)

    def test_the_examples_are_valid(self):
        for example in ("rollout", "bandit", "risk", "blue-green"):
            checked = self.gate.weirctl("validate", program(f"examples/specs/more/{example}.yaml"))
            self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)

    def test_a_rollback_by_hand_is_at_once_and_lasts_until_a_reset(self):
        self.to_approval()
        self.assertIn("ROLLED BACK", self.obey("rollback", "--comment", "we do not like it"))
        self.assertEqual(self.share(), 0)
        wait_until(lambda: int(self.gate.status()["oldest_adopted_version"]) >= int(self.gate.status()["table_version"]),
                   "every worker goes by the table that shuts the gate")
        answers = self.user.infer_all([(ROWS[i], f"user-{i}") for i in range(200)])
        self.assertEqual({answer.variant for answer in answers}, {BASELINE})
        self.assertIn("we do not like it", self.ctl("status").stdout)
        self.assertEqual(self.ctl("approve", EXPERIMENT, "--role", "operator").returncode, 1)
        self.obey("reset", "--comment", "we like it again", "--actor", "ann")
        self.assertEqual((phase_of(self.gate), self.rollout()["step"]), ("STEPPING", 1))
        self.assertRegex(self.ctl("audit", "show", EXPERIMENT).stdout, "ann +reset +we like it again")

    def test_no_text_keeps_the_gate_open(self):
        # Two lines, no UTF-8, and more than the admin port takes at all.
        self.obey("rollback", "--comment", "slow\nand wrong \udcff" + 70_000 * "!", "--actor", 300 * "a" + "\x1b")
        self.assertEqual((phase_of(self.gate), self.share()), ("ROLLED_BACK", 0))
        self.assertIn("slow and wrong ?!!!", self.ctl("status").stdout)
        refused = self.ctl("reset", EXPERIMENT, "--comment", "one\ntwo")
        self.assertEqual(refused.returncode, 1)
        self.assertIn("without control characters", refused.stderr)

    def test_a_pause_keeps_the_share_and_a_share_by_hand_is_taken_back_by_resume(self):
        self.obey("pause", "--comment", "lunch")
        self.assertEqual(phase_of(self.gate), "PAUSED")
        self.send_until(lambda: int(variant_of(self.gate, ENHANCED)["ended"]) >= 40, "more samples than the step wants")
        self.assertEqual((phase_of(self.gate), self.rollout()["step"]), ("PAUSED", 1))
        refused = self.ctl("set-weight", EXPERIMENT, "11")
        self.assertEqual(refused.returncode, 1)
        self.assertIn("needs approval", refused.stderr)
        self.obey("set-weight", "4")
        self.assertAlmostEqual(self.share(), 0.04)
        self.obey("resume")
        self.assertAlmostEqual(self.share(), 0.10)
        self.to_approval()


if __name__ == "__main__":
    cases.main()
