"""A number that weir cannot see comes from a real Prometheus, which scrapes it from somebody else."""

import unittest

from test import cases
from test.integration import models
from test.integration.harness import IntegrationTest, needs_weir
from test.integration.models import EXPERIMENT
from test.integration.monitoring import PROMETHEUS, Prometheus, Receiver
from test.integration.processes import wait_until


@needs_weir
@unittest.skipUnless(PROMETHEUS.exists(), "Prometheus is not installed")
class PrometheusQueryTest(IntegrationTest):
    def setUp(self):
        super().setUp()
        self.revenue = 42
        self.shop = Receiver()
        self.addCleanup(self.shop.close)
        self.shop.page = lambda: f'shop_revenue{{till="1"}} {self.revenue}\nshop_revenue{{till="2"}} 0.5\n'
        self.prometheus = self.keep(Prometheus(self.folder, self.shop.address))
        self.gate = self.weir(models.start_models(self), routes=[], experiments={EXPERIMENT: models.experiment(metrics=[
            {"name": "accuracy", "source": "feedback", "field": "correct"},
            self.metric("revenue", "sum(shop_revenue)"),
            self.metric("tills", "shop_revenue"),
            self.metric("nonsense", "sum("),
        ])})

    def metric(self, name, query):
        return {"name": name, "source": "prometheus", "address": f"http://{self.prometheus.address}", "query": query,
                "interval": "200ms", "timeout": "200ms", "maxAge": "2s"}

    def known(self, name="revenue"):
        return next(m for m in self.gate.status()["experiments"][0]["external_metrics"] if m["name"] == name)

    def wait_for(self, condition, what, name="revenue"):
        return wait_until(lambda: condition(self.known(name)) and self.known(name),
                          lambda: f"{what}: {self.known(name)}; {self.prometheus.log()[-1000:]}")

    def test_its_last_value_and_age_are_shown_and_it_follows_the_world(self):
        self.wait_for(lambda m: m.get("value") == 42.5 and m["believed"], "the value of the query arrives")
        self.assertAlmostEqual(self.gate.metric("weir_external_value", metric="revenue", experiment=EXPERIMENT), 42.5)
        self.assertLess(self.gate.metric("weir_external_age_seconds", metric="revenue"), 2)
        self.revenue = 43
        self.wait_for(lambda m: m.get("value") == 43.5, "it follows")
        shown = self.gate.weirctl("--address", self.gate.admin, "status").stdout
        self.assertRegex(shown, r"revenue +43\.5 ")

    def test_what_gives_no_single_number_is_an_error_in_words(self):
        self.wait_for(lambda m: "2 series: one number is wanted" in m["error"], "the second query is told", "tills")
        self.wait_for(lambda m: "bad_data" in m["error"] and "parse error" in m["error"], "the third is told", "nonsense")
        self.assertNotIn("value", self.known("tills"))

    def test_without_an_answer_the_last_value_ages_until_it_is_not_believed(self):
        self.wait_for(lambda m: m["believed"], "the value arrives")
        self.prometheus.kill()
        gone = self.wait_for(lambda m: not m["believed"], "it is too old to be believed")
        self.assertEqual(gone["value"], 42.5)
        self.assertIn("Connection refused", gone["error"])
        self.assertGreater(self.gate.metric("weir_external_failures_total", metric="revenue"), 0)
        self.assertIn("TOO OLD", self.gate.weirctl("--address", self.gate.admin, "status").stdout)


if __name__ == "__main__":
    cases.main()
