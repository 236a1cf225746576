"""Rollouts that choose their shares, on real models: a bandit by what clients report, and a schedule by risk."""

import unittest

from test import cases
from test.integration import models
from test.integration.harness import IntegrationTest, needs_weir
from test.integration.models import BASELINE, ENHANCED, EXPERIMENT, phase_of, variant_of
from test.integration.processes import wait_until

ROWS = models.heldout_rows()

BANDIT = {
    "strategy": "bandit",
    "bandit": {"metric": "accuracy", "floor": 20, "leastShare": 5, "maxMove": 15, "every": "1s", "minOutcomes": 30},
    "pause": {"duration": "1h"},
}
RISK = {
    "strategy": "canary",
    "schedule": "risk",
    "riskBudget": 20,
    "risk": {"impact": 100, "first": 20, "maxMove": 40, "every": "1s"},
    "holdback": 5,
    "watch": "1h",
}


@needs_weir
class AllocationTest(IntegrationTest):
    def start(self, **changes):
        self.models = models.start_models(self)
        self.gate = self.weir(self.models, routes=[], experiments={EXPERIMENT: models.experiment(**changes)})
        self.user = models.ModelClient(self.gate.address)
        self.addCleanup(self.user.close)
        self.calls = 0

    def send(self, batch=100):
        """Calls of ever new users; (answer, row) of each."""
        pairs = [(ROWS[i % len(ROWS)], f"user-{i}") for i in range(self.calls, self.calls + batch)]
        self.calls += batch
        return list(zip(self.user.infer_all(pairs), (row for row, _ in pairs)))

    def allocation(self):
        return self.gate.status()["experiments"][0]["rollout"]["allocation"]

    def share(self):
        return variant_of(self.gate, ENHANCED)["share"]

    def send_until(self, condition, what, right):
        """Reports each answer as `right` says; all shares seen on the way."""
        shares = [self.share()]

        def look():
            for answer, row in self.send():
                self.user.report(answer.ticket, correct=float(right(answer, row)))
            shares.append(self.share())
            return condition()
        wait_until(look, what, 60.0)
        return shares

    def test_a_bandit_gives_the_better_model_what_the_floor_leaves_by_bounded_moves_and_over_kill_minus_nine(self):
        self.start(rollout=BANDIT)
        self.assertAlmostEqual(self.share(), 0.30)

        # The models are nearly as good as each other: the reports make a difference of it that is seen in seconds.
        def right(answer, row):
            return answer.label == row.digit and not (answer.variant == BASELINE and row.digit < 5)
        shares = self.send_until(lambda: self.share() > 0.55, "the better model has more than a half", right)
        self.gate.kill()
        self.user.close()
        self.gate.restart()
        self.user = models.ModelClient(self.gate.address)
        self.assertGreater(self.share(), 0.55)
        shares += self.send_until(lambda: self.share() > 0.799, "the better model has all but the floor", right)
        self.assertLessEqual(max(shares), 0.80 + 1e-9)
        found = self.allocation()
        self.assertEqual(found["policy"], "thompson")
        self.assertGreater(found["arms"][1]["best"], 0.95)
        self.assertGreater(self.gate.metric("weir_probability_best", variant=ENHANCED), 0.95)
        self.assertEqual(phase_of(self.gate), "STEPPING")
        text = self.gate.weirctl("--address", self.gate.admin, "status").stdout
        self.assertIn("shares by thompson", text)

    def test_a_schedule_by_risk_walks_up_to_the_promotion(self):
        self.start(rollout=RISK)
        self.assertAlmostEqual(self.share(), 0.20)
        seen = []

        def look():
            self.send(300)
            seen.append(self.share())
            return phase_of(self.gate) == "WATCHING"
        wait_until(look, "it is promoted", 60.0)
        self.assertEqual(seen, sorted(seen))
        self.assertAlmostEqual(self.share(), 0.95)

    def test_a_schedule_by_risk_shrinks_when_the_model_becomes_worse(self):
        self.start(rollout={**RISK, "approval": {"required": 1}}, guardrails=[])

        def sent(condition):
            self.send(300)
            return condition()
        wait_until(lambda: sent(lambda: self.share() > 0.9), "it has grown", 60.0)
        self.models[ENHANCED].misbehave(fail_share=0.5, fail_code=13)
        wait_until(lambda: sent(lambda: self.share() < 0.5), "it has shrunk", 60.0)
        self.assertEqual(phase_of(self.gate), "STEPPING")
        self.assertGreater(self.allocation()["arms"][1]["harm"], 0.3)
        self.assertGreater(self.gate.metric("weir_harm_bound", variant=ENHANCED), 0.3)


if __name__ == "__main__":
    cases.main()
