"""What is left of a rollback on real models: its report, its audit rows, and its decision made again."""

import json
import unittest

from test import cases
from test.integration import models
from test.integration.harness import IntegrationTest, document, needs_weir
from test.integration.models import ENHANCED, EXPERIMENT, phase_of, send_until
from test.integration.processes import wait_until

ROWS = models.heldout_rows()


@needs_weir
class RecordTest(IntegrationTest):
    def setUp(self):
        super().setUp()
        self.models = models.start_models(self)
        self.gate = self.weir(self.models, routes=[], experiments={EXPERIMENT: models.experiment()})
        self.user = models.ModelClient(self.gate.address)
        self.addCleanup(self.user.close)
        self.reports = self.gate.folder / "state" / "reports"

    def ctl(self, *arguments):
        done = self.gate.weirctl("--address", self.gate.admin, *arguments)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def roll_back(self):
        self.models[ENHANCED].misbehave(fail_share=0.5, fail_code=13)
        send_until(self.user, ROWS, lambda: phase_of(self.gate) == "ROLLED_BACK", "the gate shuts")
        wait_until(lambda: list(self.reports.glob("*.md")), "the report is written")

    def test_a_rollback_leaves_a_report_and_is_decided_again_to_the_last_bit(self):
        self.roll_back()
        breach = self.gate.status()["experiments"][0]["breach"]
        page = self.ctl("report", EXPERIMENT)
        self.assertIn(f"# {EXPERIMENT}: run 1 was rolled back", page)
        self.assertIn("breached: it shut the gate", page)
        report = json.loads(self.ctl("report", EXPERIMENT, "--json"))
        self.assertEqual(report["breach"]["log10_evidence"], breach["log10_evidence"])
        counted = {variant["name"]: variant for variant in report["variants"]}
        self.assertEqual(counted[ENHANCED]["started"], breach["candidate_calls"])
        self.assertEqual(counted[ENHANCED]["errors"], breach["candidate_errors"])
        replayed = json.loads(self.ctl("replay", EXPERIMENT, "--json"))
        self.assertEqual((replayed["reproduced"], replayed["judged_again"], replayed["differing"]), (2, 1, 0))
        self.assertIn("2 decisions, all reproduced", self.ctl("replay", EXPERIMENT))

    def test_a_report_that_a_crash_kept_is_written_at_the_next_start(self):
        self.roll_back()
        self.gate.kill()
        for path in self.reports.iterdir():
            path.unlink()
        self.gate.restart()
        wait_until(lambda: list(self.reports.glob("*.md")), "the report is written")

    def test_a_run_that_goes_on_is_reported_from_the_journal(self):
        self.user.infer_all([(ROWS[i], f"user-{i}") for i in range(200)])

        def counted():
            report = json.loads(self.ctl("report", EXPERIMENT, "--json"))
            return sum(int(variant["started"]) for variant in report["variants"])
        wait_until(lambda: counted() == 200, "the report counts every call")
        self.assertIn("run 1 as it stands", self.ctl("report", EXPERIMENT))

    def test_the_audit_shows_who_changed_what(self):
        text = document("Experiment", EXPERIMENT, models.experiment())
        self.gate.write_experiment_text(EXPERIMENT, "# a word of explanation\n" + text)
        wait_until(lambda: "specification-taken-up" in self.ctl("audit", "show", EXPERIMENT), "the edit is journalled")
        diff = self.ctl("audit", "show", EXPERIMENT, "--diff")
        self.assertIn("+# a word of explanation", diff)
        self.assertIn("version 2 of digits", diff)
        self.assertIn(f"{EXPERIMENT}.yaml, of ", diff)

        def verify():
            head = self.gate.status()["journal"]["head"]
            return self.ctl("audit", "verify", str(self.gate.folder / "state"), "--head", head)
        wait_until(lambda: "is that of row 2" in verify(), "the status shows the head of the edit's row")
        other = self.gate.weirctl("audit", "verify", str(self.gate.folder / "state"), "--head", "ab" * 32)
        self.assertEqual(other.returncode, 1)


if __name__ == "__main__":
    cases.main()
