"""The assignment log of a real run: every line as assignment_log.md has it, and the experiment worked out from it alone."""

import collections
import datetime
import json
import pathlib
import re
import unittest

import grpc

from test import cases
from test.integration import models
from test.integration.harness import IntegrationTest, needs_weir
from test.integration.models import BASELINE, ENHANCED, EXPERIMENT
from test.integration.processes import program, wait_until

ROWS = models.heldout_rows()


def schema():
    """{type of line: {field: types}} as the tables of the description say."""
    found, title = {}, None
    for line in pathlib.Path(program("router/control/assignment_log.md")).read_text(encoding="utf-8").splitlines():
        title = line[3:] if line.startswith("## ") else title
        row = re.match(r"\| `(\w+)` \| ([a-z ]+) \|", line)
        if row:
            found.setdefault(title, {})[row[1]] = row[2].split(" or ")
    return found


def is_time(value):
    return isinstance(value, str) and value.endswith("Z") and datetime.datetime.fromisoformat(value[:-1] + "+00:00")


IS_OF = {
    "string": lambda value: isinstance(value, str),
    "time": is_time,
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "object": lambda value: isinstance(value, dict),
    "null": lambda value: value is None,
}


@needs_weir
class AssignmentLogTest(IntegrationTest):
    def start(self, **log):
        self.models = models.start_models(self)
        self.gate = self.weir(self.models, routes=[], experiments={EXPERIMENT: models.experiment(guardrails=[])},
                              assignmentLog={"file": "assignments.jsonl", **log},
                              listener={"address": "127.0.0.1:0", "workers": 2})
        self.user = models.ModelClient(self.gate.address)
        self.addCleanup(self.user.close)

    def files(self):
        return sorted((self.gate.folder / "state").glob("assignments.jsonl*"))

    def lines(self):
        """Of all files after the end of the process, each held to the description."""
        self.user.close()
        self.assertEqual(self.gate.terminate(), 0)
        types, lines = schema(), []
        self.assertEqual(set(types), {"assignment", "outcome", "dropped"})
        for file in self.files():
            for text in file.read_text(encoding="utf-8").splitlines():
                line = json.loads(text)
                fields = types[line["type"]]
                self.assertEqual(set(line), set(fields), text)
                for name, value in line.items():
                    self.assertTrue(any(IS_OF[kind](value) for kind in fields[name]), f"{name} of {text}")
                lines.append(line)
        return lines

    def test_the_experiment_can_be_worked_out_from_the_log_alone(self):
        self.start()
        answers = self.user.infer_all([(ROWS[i % len(ROWS)], f"user-{i % 50}") for i in range(400)])
        correct = collections.Counter()
        for i, answer in enumerate(answers[:200]):
            hit = int(answer.label == ROWS[i % len(ROWS)].digit)
            self.assertEqual(self.user.report(answer.ticket, correct=hit), grpc.StatusCode.OK)
            self.assertEqual(self.user.report(answer.ticket, correct=1), grpc.StatusCode.ALREADY_EXISTS)  # No line.
            correct[answer.variant, hit] += 1
        lines = self.lines()
        assigned = [line for line in lines if line["type"] == "assignment"]
        self.assertEqual(len(assigned), 400)
        self.assertEqual(collections.Counter(line["served"] for line in assigned),
                         collections.Counter(answer.variant for answer in answers))
        self.assertEqual({(line["experiment"], line["run"], line["code"], line["reason"], line["inference"])
                          for line in assigned}, {(EXPERIMENT, 1, 0, "assigned", True)})
        by_user = collections.defaultdict(set)
        for line in assigned:
            by_user[line["user"]].add(line["assigned"])
            self.assertEqual(int(line["user"][:2], 16), line["bucket"])
        self.assertEqual(len(by_user), 50)
        self.assertTrue(all(len(variants) == 1 for variants in by_user.values()))
        self.assertNotIn("user-1", "".join(file.read_text() for file in self.files()))

        of_ticket = {line["ticket"]: line for line in assigned}
        self.assertEqual(len(of_ticket), 400)
        joined = collections.Counter()
        for line in lines:
            if line["type"] == "outcome":
                joined[of_ticket[line["ticket"]]["assigned"], int(line["metrics"]["correct"])] += 1
        self.assertEqual(joined, correct)

    def test_failures_and_diversions_are_told(self):
        self.start()
        self.models[ENHANCED].misbehave(fail_share=1.0, fail_code=13)
        answers = self.user.infer_all([(ROWS[0], f"user-{i}") for i in range(100)])
        self.models[ENHANCED].kill()
        wait_until(lambda: self.gate.metric("weir_healthy_endpoints", model_name=ENHANCED) == 0, "it is gone")
        wait_until(lambda: {answer.reason for answer in self.user.infer_all(
            [(ROWS[0], f"user-{i}") for i in range(100)])} == {"assigned", "diverted"}, "calls are diverted")
        seen = collections.Counter((line["assigned"], line["served"], line["reason"], line["code"])
                                   for line in self.lines())
        self.assertEqual(seen[ENHANCED, ENHANCED, "assigned", 13],
                         sum(answer.code == grpc.StatusCode.INTERNAL for answer in answers))
        self.assertGreater(seen[ENHANCED, BASELINE, "diverted", 0], 0)

    def test_a_sample_has_all_calls_of_a_user_or_none_and_files_are_bounded(self):
        self.start(sample=40, fileBytes=65536, files=2)
        for _ in range(4):
            self.user.infer_all([(ROWS[0], f"user-{i}") for i in range(300)])
        lines = self.lines()
        self.assertEqual(len(self.files()), 2)
        for file in self.files():
            self.assertLessEqual(file.stat().st_size, 65536)
        logged = self.gate.folder / "state" / "assignments.jsonl.1"
        self.assertTrue(logged.exists())
        # Of 300 users 120 are of the sample; the oldest lines may be gone.
        users = collections.Counter(line["user"] for line in lines)
        self.assertAlmostEqual(len(users), 120, delta=5 * (300 * 0.4 * 0.6) ** 0.5)
        self.assertTrue(all(int(user, 16) / 2 ** 64 < 0.4001 for user in users))

    def test_a_log_that_cannot_be_written_costs_no_call(self):
        self.start(file="no/such/folder/assignments.jsonl")
        answers = self.user.infer_all([(ROWS[0], f"user-{i}") for i in range(100)])
        self.assertEqual({answer.code for answer in answers}, {grpc.StatusCode.OK})
        wait_until(lambda: self.gate.metric("weir_assignment_log_dropped_total") == 100, "what is lost is counted")
        self.assertEqual(self.gate.metric("weir_assignment_log_lines_total"), 0)


if __name__ == "__main__":
    cases.main()
