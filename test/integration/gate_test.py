"""The main job, end to end on real models: split, measure, shut the gate, keep it shut, open it again."""

import signal
import unittest

import grpc

from test import cases
from test.integration import models
from test.integration.harness import IntegrationTest, needs_weir, samples
from test.integration.models import BASELINE, ENHANCED, EXPERIMENT, phase_of, send_until, variant_of
from test.integration.processes import wait_until

ROWS = models.heldout_rows()


@needs_weir
class GateTest(IntegrationTest):
    def setUp(self):
        super().setUp()
        self.models = models.start_models(self)
        self.gate = self.weir(self.models, routes=[], experiments={EXPERIMENT: models.experiment()})
        self.user = models.ModelClient(self.gate.address)
        self.addCleanup(self.user.close)

    def ctl(self, *arguments):
        return self.gate.weirctl("--address", self.gate.admin, *arguments)

    def restart(self):
        self.user.close()
        self.gate.restart()
        self.user = models.ModelClient(self.gate.address)
        self.addCleanup(self.user.close)

    def break_candidate(self):
        """Makes the candidate fail until the gate is shut."""
        self.models[ENHANCED].misbehave(fail_share=0.5, fail_code=13)
        send_until(self.user, ROWS, lambda: phase_of(self.gate) == "ROLLED_BACK", "the gate shuts")

    def test_a_call_is_answered_by_the_variant_that_the_reply_names(self):
        answers = self.user.infer_all([(row, f"user-{i}") for i, row in enumerate(ROWS[:200])])
        direct = {}
        for name, server in self.models.items():
            client = models.ModelClient(server.address)
            direct[name] = [answer.label for answer in client.infer_all([(row, None) for row in ROWS[:200]])]
            client.close()
        for i, answer in enumerate(answers):
            self.assertEqual(answer.code, grpc.StatusCode.OK)
            self.assertEqual(answer.reason, "assigned")
            self.assertEqual(answer.label, direct[answer.variant][i])

    def test_users_are_split_by_weight_and_stick_and_explain_knows_them(self):
        users = [f"user-{i}" for i in range(2000)]
        first = [answer.variant for answer in self.user.infer_all([(ROWS[0], user) for user in users])]
        again = [answer.variant for answer in self.user.infer_all([(ROWS[1], user) for user in users])]
        self.assertEqual(first, again)
        # Five standard deviations of a binomial.
        self.assertAlmostEqual(first.count(ENHANCED) / len(users), 0.30, delta=5 * (0.3 * 0.7 / len(users)) ** 0.5)
        for user, variant in list(zip(users, first))[:5]:
            explained = self.ctl("explain", "--key", user)
            self.assertEqual(explained.returncode, 0, explained.stderr)
            self.assertIn(f"{user} goes to {variant}", explained.stdout)

    def test_metrics_count_each_call_once_by_the_model_that_answered(self):
        answers = self.user.infer_all([(ROWS[i % len(ROWS)], f"user-{i}") for i in range(500)])
        expected = {name: sum(answer.variant == name for answer in answers) for name in (BASELINE, ENHANCED)}

        def counted():
            return {name: self.gate.metric("ab_test_requests_total", model_name=name, experiment=EXPERIMENT)
                    for name in expected}
        wait_until(lambda: counted() == expected, lambda: f"{counted()} is {expected}")
        for name, calls in expected.items():
            self.assertEqual(self.gate.metric("ab_test_response_time_seconds_count", model_name=name), calls)
            self.assertEqual(self.gate.metric("ab_test_errors_total", model_name=name), 0)
        self.assertAlmostEqual(self.gate.metric("ab_test_traffic_percentage", model_name=ENHANCED), 30)
        self.assertEqual(self.gate.metric("weir_configuration_valid"), 1)
        self.assertGreater(len(list(samples(self.gate.http("/metrics")[1]))), 100)

    def test_a_candidate_that_fails_loses_its_traffic_and_the_status_says_why(self):
        send_until(self.user, ROWS, lambda: int(variant_of(self.gate, ENHANCED)["ended"]) >= 100, "a healthy start")
        self.assertEqual(phase_of(self.gate), "RUNNING")
        self.break_candidate()
        found = self.gate.status()["experiments"][0]
        self.assertEqual(found["breach"]["guardrail"], "errors")
        self.assertGreaterEqual(found["breach"]["log10_evidence"], found["breach"]["log10_threshold"])
        self.assertIn("errors", found["phase_reason"])
        wait_until(lambda: int(self.gate.status()["oldest_adopted_version"]) >= int(self.gate.status()["table_version"]),
                   "every worker goes by the table that shuts the gate")
        after = self.user.infer_all([(ROWS[i], f"user-{i}") for i in range(200)])
        self.assertEqual({(answer.variant, answer.code) for answer in after}, {(BASELINE, grpc.StatusCode.OK)})
        self.assertEqual(self.gate.metric("weir_experiment_phase", phase="rolled_back"), 1)
        self.assertEqual(self.gate.metric("weir_rollbacks_total"), 1)
        self.assertEqual(self.ctl("status", "--exit-code").returncode, 1)
        self.assertIn("ROLLED BACK", self.ctl("status").stdout)

    def test_a_rollback_survives_kill_minus_nine_and_a_reset_opens_a_new_run(self):
        self.break_candidate()
        wait_until(lambda: self.gate.status()["journal"]["unjournalled"] == "0", "the rollback is journalled")
        self.gate.kill()
        self.restart()
        self.assertEqual(phase_of(self.gate), "ROLLED_BACK")
        after = self.user.infer_all([(ROWS[i], f"user-{i}") for i in range(200)])
        self.assertEqual({answer.variant for answer in after}, {BASELINE})

        self.models[ENHANCED].misbehave()
        reset = self.ctl("reset", EXPERIMENT)
        self.assertEqual(reset.returncode, 0, reset.stderr)
        found = self.gate.status()["experiments"][0]
        self.assertEqual((found["phase"], found["run"]), ("RUNNING", 2))
        answers = send_until(self.user, ROWS, lambda: int(variant_of(self.gate, ENHANCED)["ended"]) >= 50,
                             "the candidate has traffic again")
        self.assertIn(ENHANCED, {answer.variant for answer in answers})
        self.assertEqual(phase_of(self.gate), "RUNNING")

    def test_only_what_is_rolled_back_can_be_reset(self):
        running, absent = self.ctl("reset", EXPERIMENT), self.ctl("reset", "absent")
        self.assertEqual((running.returncode, absent.returncode), (1, 1))
        self.assertIn(EXPERIMENT, running.stderr)
        self.assertIn("absent", absent.stderr)

    def test_new_weights_are_taken_up_without_a_lost_call(self):
        changed = models.experiment(candidates=[{"name": BASELINE, "weight": 50}, {"name": ENHANCED, "weight": 50}])
        self.gate.write_experiment(EXPERIMENT, changed)
        answers = send_until(self.user, ROWS, lambda: variant_of(self.gate, ENHANCED)["share"] == 0.5, "the new share")
        self.assertEqual({answer.code for answer in answers}, {grpc.StatusCode.OK})
        self.assertEqual(phase_of(self.gate), "RUNNING")

    def test_a_broken_file_is_refused_and_the_last_good_one_stays(self):
        self.gate.write_experiment_text(EXPERIMENT, "apiVersion: weir/v1\nkind: Experiment\nspec: {defualt: x}\n")
        wait_until(lambda: self.gate.status()["configuration_errors"], "the broken file is noticed")
        errors = "\n".join(self.gate.status()["configuration_errors"])
        self.assertRegex(errors, r"digits\.yaml:3:\d+: .*defualt")
        self.assertEqual(self.gate.metric("weir_configuration_valid"), 0)
        self.assertGreaterEqual(self.gate.metric("weir_reloads_total", result="refused"), 1)
        self.assertEqual(self.user.infer(ROWS[0], "alice").reason, "assigned")
        self.gate.write_experiment(EXPERIMENT, models.experiment())
        wait_until(lambda: self.gate.metric("weir_configuration_valid") == 1, "the repaired file is taken up")
        self.assertEqual(self.gate.status()["configuration_errors"], [])

    def test_outcomes_are_counted_once_and_only_by_a_true_ticket(self):
        answer = self.user.infer(ROWS[0], "alice")
        forged = answer.ticket[:-1] + ("A" if answer.ticket[-1] != "A" else "B")
        self.assertEqual(self.user.report(answer.ticket, correct=1), grpc.StatusCode.OK)
        self.assertEqual(self.user.report(answer.ticket, correct=1), grpc.StatusCode.ALREADY_EXISTS)
        self.assertEqual(self.user.report(forged, correct=1), grpc.StatusCode.PERMISSION_DENIED)
        self.assertEqual(self.user.report("nonsense", correct=1), grpc.StatusCode.INVALID_ARGUMENT)
        other = self.user.infer(ROWS[1], "bob")
        self.assertEqual(self.user.report(other.ticket, unheard_of=1), grpc.StatusCode.INVALID_ARGUMENT)
        wait_until(lambda: self.gate.metric("weir_outcomes_total") == 1, "one outcome is counted")

    def test_a_drain_lets_go_of_traffic_and_ends_well(self):
        self.assertEqual(self.user.infer(ROWS[0], "alice").code, grpc.StatusCode.OK)
        self.assertEqual(self.gate.terminate(), 0)

    def test_a_drain_finishes_what_is_under_way(self):
        self.models[BASELINE].misbehave(latency={"nanos": 500_000_000})
        self.models[ENHANCED].misbehave(latency={"nanos": 500_000_000})
        call = self.user._start(ROWS[0], "alice")  # pylint: disable=protected-access
        wait_until(lambda: self.gate.metric("weir_calls_in_flight") == 1, "the call is under way")
        self.gate.signal(signal.SIGTERM)
        self.assertEqual(call.code(), grpc.StatusCode.OK)
        self.assertEqual(self.gate.exit_status(), 0)


if __name__ == "__main__":
    cases.main()
