"""A real Prometheus scrapes weir and evaluates what published dashboards and alerts ask."""

import subprocess
import unittest

from test import cases
from test.integration import models
from test.integration.harness import IntegrationTest, needs_weir
from test.integration.models import BASELINE, ENHANCED, EXPERIMENT
from test.integration.monitoring import PROMETHEUS, Prometheus
from test.integration.processes import DEADLINE, wait_until

ROWS = models.heldout_rows()


@needs_weir
@unittest.skipUnless(PROMETHEUS.exists(), "Prometheus is not installed")
class PrometheusTest(IntegrationTest):
    def setUp(self):
        super().setUp()
        self.models = models.start_models(self)
        self.gate = self.weir(self.models, routes=[], experiments={EXPERIMENT: models.experiment(guardrails=[])})
        self.prometheus = self.keep(Prometheus(self.folder, self.gate.metrics_address))
        self.user = models.ModelClient(self.gate.address)
        self.addCleanup(self.user.close)
        wait_until(lambda: self.prometheus.query("up == 1"), lambda: f"weir is up; {self.prometheus.log()[-2000:]}")

    def send(self, start, count=100):
        return self.user.infer_all([(ROWS[i % len(ROWS)], f"user-{i}") for i in range(start, start + count)])

    def test_the_alert_on_accuracy_names_the_model_that_is_too_often_wrong(self):
        for i, answer in enumerate(self.send(0, 400)):
            self.user.report(answer.ticket, correct=1 if answer.variant == ENHANCED or i % 2 == 0 else 0)
        # Each accuracy appears with its 30th outcome: the candidate's, with fewer calls, is the later one.
        wait_until(lambda: self.prometheus.query("ab_test_model_accuracy >= 75") == {ENHANCED: 100}, "the candidate is well")
        found = wait_until(lambda: self.prometheus.query("ab_test_model_accuracy < 75"), "the alert's expression is true")
        self.assertEqual(set(found), {BASELINE})
        self.assertAlmostEqual(found[BASELINE], 50, delta=15)

    def test_the_alert_on_latency_names_the_model_that_is_too_slow(self):
        self.models[ENHANCED].misbehave(latency={"nanos": 300_000_000})
        sent = 0
        expression = ('histogram_quantile(0.95, rate(ab_test_response_time_seconds_bucket'
                      f'{{experiment="{EXPERIMENT}"}}[5m])) > 0.200')

        def look():
            nonlocal sent
            self.send(sent)
            sent += 100
            return self.prometheus.query(expression)
        found = wait_until(look, "the alert's expression is true")
        self.assertEqual(set(found), {ENHANCED})

    def test_promtool_finds_nothing_to_say_about_the_page(self):
        self.send(0)
        checked = subprocess.run(["promtool", "check", "metrics"], input=self.gate.http("/metrics")[1], text=True,
                                 capture_output=True, timeout=DEADLINE, check=False)
        self.assertEqual((checked.returncode, checked.stdout, checked.stderr), (0, "", ""))


if __name__ == "__main__":
    cases.main()
