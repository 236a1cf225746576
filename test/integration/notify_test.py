"""A real rollback is told to those who asked to hear of it: signed webhooks, chats, and a real Alertmanager."""

import datetime
import hashlib
import hmac
import json
import pathlib
import subprocess
import unittest

from test import cases
from test.integration import models
from test.integration.harness import IntegrationTest, needs_weir
from test.integration.models import ENHANCED, EXPERIMENT, phase_of, send_until
from test.integration.monitoring import ALERTMANAGER, Alertmanager, Receiver
from test.integration.processes import program, wait_until

ROWS = models.heldout_rows()
SECRET = b"a secret of more than thirty-two bytes"


def is_signed(received, secret):
    signed = received.headers["X-Weir-Timestamp"].encode() + b"." + received.body
    expected = "sha256=" + hmac.new(secret, signed, hashlib.sha256).hexdigest()
    return hmac.compare_digest(received.headers["X-Weir-Signature"], expected)


def seconds(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


@needs_weir
class NotifyTest(IntegrationTest):
    def receiver(self, answer=200, certificate=None):
        receiver = Receiver(answer, certificate)
        self.addCleanup(receiver.close)
        return receiver

    def start(self, *targets, **changes):
        self.models = models.start_models(self)
        if targets:
            changes["notify"] = list(targets)
        self.gate = self.weir(self.models, routes=[], experiments={EXPERIMENT: models.experiment(**changes)})
        self.user = models.ModelClient(self.gate.address)
        self.addCleanup(self.user.close)

    def ctl(self, *arguments):
        done = self.gate.weirctl("--address", self.gate.admin, *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def break_candidate(self):
        self.models[ENHANCED].misbehave(fail_share=0.5, fail_code=13)
        send_until(self.user, ROWS, lambda: phase_of(self.gate) == "ROLLED_BACK", "the gate shuts")

    def target(self, receiver):
        """Its NotifyTargetStatus; one of nothing while there is none."""
        return next((t for t in self.gate.status()["notify_targets"] if receiver.address in t["target"]),
                    {"sent": None, "queued": None, "last_error": ""})

    def rollback_in(self, receiver):
        return next((d for d in receiver.documents() if d["event"] == "rolledBack"), None)

    def test_a_rollback_arrives_signed_and_with_its_evidence(self):
        hook, chat = self.receiver(), self.receiver()
        secret = pathlib.Path(self.folder, "secret")
        secret.write_bytes(SECRET + b"\n")
        self.start({"webhook": hook.url, "secretFile": str(secret)}, {"slack": chat.url, "events": ["rolledBack"]})
        self.break_candidate()
        told = wait_until(lambda: self.rollback_in(hook), "the webhook hears of the rollback")
        self.assertTrue(all(is_signed(received, SECRET) for received in hook.received))
        self.assertFalse(is_signed(hook.received[0], b"another"))
        self.assertEqual((told["version"], told["proxy"], told["experiment"], told["run"], told["action"], told["actor"]),
                         (1, "test", EXPERIMENT, 1, "rolled-back", "weir"))
        verified = self.gate.weirctl("audit", "verify", str(self.gate.folder / "state"), "--head", told["auditHead"])
        self.assertEqual(verified.returncode, 0, verified.stdout + verified.stderr)
        forged = self.gate.weirctl("audit", "verify", str(self.gate.folder / "state"), "--head", "0" * 64)
        self.assertEqual(forged.returncode, 1, forged.stdout + forged.stderr)
        breach = self.gate.status()["experiments"][0]["breach"]
        self.assertEqual(told["breach"]["guardrail"], "errors")
        self.assertEqual(told["breach"]["variant"], ENHANCED)
        self.assertEqual(str(told["breach"]["candidateErrors"]), breach["candidate_errors"])
        self.assertGreaterEqual(told["breach"]["log10Evidence"], told["breach"]["log10Threshold"])
        [message] = wait_until(chat.documents, "the chat hears of it, and of nothing else")
        self.assertIn(f"*{EXPERIMENT}: rolled-back*", message["text"])

        other = b"the secret that took its place, as long"
        secret.write_bytes(other)
        self.ctl("reset", EXPERIMENT)
        wait_until(lambda: any(d["action"] == "reset" for d in hook.documents()), "the webhook hears of the reset")
        self.assertTrue(is_signed(hook.received[-1], other))
        self.assertEqual(len({d["id"] for d in hook.documents()}), len(hook.received))
        wait_until(lambda: self.target(chat)["sent"] == "1" and self.target(hook)["queued"] == "0", "the status counts")
        self.assertNotIn("/hook", json.dumps(self.gate.status()["notify_targets"]))
        self.assertEqual(self.gate.metric("weir_notify_sent_total", target=f"slack http://{chat.address}"), 1)
        self.assertIn(f"webhook http://{hook.address}", self.ctl("status"))

    def test_receivers_that_hang_fail_or_reset_delay_no_rollback_and_are_tried_again(self):
        broken = {answer: self.receiver(answer) for answer in ("hang", 500, "reset")}
        well = self.receiver()
        self.start(*({"webhook": receiver.url} for receiver in [*broken.values(), well]))
        wait_until(lambda: all(receiver.received for receiver in broken.values()), "each is tried")
        self.break_candidate()
        breach = self.gate.status()["experiments"][0]["breach"]
        self.assertLess(seconds(breach["published_at"]) - seconds(breach["judged_at"]), 0.25)
        wait_until(lambda: self.rollback_in(well), "the one that is well hears of it meanwhile")
        self.assertEqual(self.target(broken[500])["sent"], "0")
        self.assertIn("HTTP 500", self.target(broken[500])["last_error"])
        for receiver in broken.values():
            receiver.answer = 200
        for answer, receiver in broken.items():
            wait_until(lambda r=receiver: self.rollback_in(r), f"the one that answered {answer} hears of it after all")
            repeated = [d["id"] for d in receiver.documents()]
            self.assertGreater(len(repeated), len(set(repeated)), "an attempt that failed has the same id as its repetition")
        wait_until(lambda: all(t["queued"] == "0" for t in self.gate.status()["notify_targets"]), "nothing waits")
        self.assertEqual({t["dropped"] for t in self.gate.status()["notify_targets"]}, {"0"})

    def test_over_tls_only_a_receiver_whose_certificate_is_trusted_is_told(self):
        files = {}
        for name in ("trusted", "unknown"):
            path = pathlib.Path(self.folder, name + ".pem")
            subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=hook",
                            "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", path, "-out", str(path) + ".crt"],
                           check=True, capture_output=True)
            path.write_text(path.read_text() + pathlib.Path(str(path) + ".crt").read_text())
            files[name] = path
        trusted, unknown = (self.receiver(certificate=files[name]) for name in ("trusted", "unknown"))
        self.start({"webhook": trusted.url, "caFile": str(files["trusted"]) + ".crt"}, {"webhook": unknown.url})
        wait_until(lambda: trusted.documents(), "the one that is trusted is told")
        wait_until(lambda: "certificate" in self.target(unknown)["last_error"], "the other one is not, and the status says why")
        self.assertEqual(unknown.received, [])

    def test_the_example_is_valid(self):
        self.start()
        checked = self.gate.weirctl("validate", program("examples/specs/more/outside.yaml"))
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)

    @unittest.skipUnless(ALERTMANAGER.exists(), "Alertmanager is not installed")
    def test_an_alertmanager_has_the_alert_until_the_reset_over_kill_minus_nine(self):
        pager = self.receiver()
        alertmanager = self.keep(Alertmanager(self.folder, pager))
        wait_until(lambda: alertmanager.alerts() == [], lambda: f"it is ready; {alertmanager.log()[-2000:]}")
        self.start({"alertmanager": f"http://{alertmanager.address}"})
        self.break_candidate()
        [labels] = wait_until(alertmanager.alerts, lambda: f"the alert fires; {alertmanager.log()[-2000:]}")
        self.assertEqual(labels, {"alertname": "WeirRolledBack", "severity": "critical", "proxy": "test",
                                  "experiment": EXPERIMENT})
        fired = wait_until(pager.documents, "it is handed on")[0]
        self.assertEqual(fired["status"], "firing")
        self.assertIn("errors", fired["alerts"][0]["annotations"]["description"])

        self.user.close()
        self.gate.kill()
        self.gate.restart()
        wait_until(lambda: self.target(alertmanager)["sent"] == "1", "the next process says that it stands")
        self.assertEqual(alertmanager.alerts(), [labels])

        self.ctl("reset", EXPERIMENT)
        wait_until(lambda: alertmanager.alerts() == [], "the alert is over")
        ended = wait_until(lambda: next((d for d in pager.documents() if d["status"] == "resolved"), None),
                           "its end is handed on")
        self.assertEqual(ended["alerts"][0]["labels"], labels)

    @unittest.skipUnless(ALERTMANAGER.exists(), "Alertmanager is not installed")
    def test_a_soft_limit_and_a_late_rise_are_told_once_and_end_with_their_run(self):
        pager, hook = self.receiver(), self.receiver()
        alertmanager = self.keep(Alertmanager(self.folder, pager))
        wait_until(lambda: alertmanager.alerts() == [], lambda: f"it is ready; {alertmanager.log()[-2000:]}")
        soft = {"name": "errors", "metric": "error_rate", "compareTo": "default", "maxRatio": 1.2, "alpha": 0.001,
                "action": "warn"}
        targets = [{"alertmanager": f"http://{alertmanager.address}"}, {"webhook": hook.url, "events": ["warned"]}]
        self.start(*targets, guardrails=[soft])
        self.models[ENHANCED].misbehave(fail_share=0.5, fail_code=13)
        names = {"WeirGuardrailWarned", "WeirLateRiseWarned"}
        send_until(self.user, ROWS, lambda: {a["alertname"] for a in alertmanager.alerts()} == names, "both alerts fire")
        for labels in alertmanager.alerts():
            self.assertEqual(labels, {"alertname": labels["alertname"], "severity": "warning", "proxy": "test",
                                      "experiment": EXPERIMENT, "guardrail": "errors", "variant": ENHANCED})
        alarms = int(self.gate.status()["experiments"][0]["guardrails"][0]["detector_alarms"])
        send_until(self.user, ROWS, lambda: int(
            self.gate.status()["experiments"][0]["guardrails"][0]["detector_alarms"]) > alarms, "the detector alarms again")
        self.assertNotEqual(phase_of(self.gate), "ROLLED_BACK")
        wait_until(lambda: self.target(hook)["queued"] == "0", "the webhook is told")
        self.assertEqual(sorted(d["warning"]["of"] for d in hook.documents()), ["detector", "guardrail"])
        self.assertEqual({(d["event"], d["warning"]["name"], d["warning"]["variant"]) for d in hook.documents()},
                         {("warned", "errors", ENHANCED)})

        self.models[ENHANCED].misbehave()
        self.gate.write_experiment(EXPERIMENT, models.experiment(notify=targets, guardrails=[soft], run="again"))
        wait_until(lambda: alertmanager.alerts() == [], "both are over with their run")
        resolved = lambda: {a["labels"]["alertname"] for d in pager.documents() if d["status"] == "resolved"
                            for a in d["alerts"]}
        wait_until(lambda: resolved() == names, "their ends are handed on")


if __name__ == "__main__":
    cases.main()
