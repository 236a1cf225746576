"""The circuit: what a rollback and a switch do to calls, streams and sequences, on all workers under constant load."""

import datetime
import queue
import statistics
import threading
import time
import unittest

import grpc

from test import cases
from test.integration import admin_pb2, echo_pb2
from test.integration.echo_client import TIMEOUT
from test.integration.harness import IntegrationTest, experiment, needs_weir
from test.integration.processes import wait_until

WORKERS = 4
CONNECTIONS = 8
LIMIT_MS = 250
ROUNDS = 5  # Of each measurement.
OLD, NEW = "blue", "green"
KEYED = experiment({OLD: 50, NEW: 50}, guardrails=[{"name": "ceiling", "metric": "error_rate", "max": 0.05}])


def variant_of(call):
    """Whom the reply names; of an error without a message its headers are all trailers."""
    found = {**dict(call.trailing_metadata() or ()), **dict(call.initial_metadata() or ())}
    return found.get("x-weir-variant")


class ConstantLoad:
    """One caller a connection, who asks again as soon as it is answered: who answered, and when."""

    def __init__(self, test, weir, metadata=()):
        self._clients = [test.client(weir) for _ in range(CONNECTIONS)]
        self._metadata = list(metadata)
        self._over = threading.Event()
        self._answers = queue.SimpleQueue()
        self.seen = []  # (when, variant, code, caller)
        self._threads = [threading.Thread(target=self._run, args=(i, client), daemon=True)
                         for i, client in enumerate(self._clients)]
        for thread in self._threads:
            thread.start()
        test.addCleanup(self.stop)

    def _run(self, caller, client):
        number = 0
        while not self._over.is_set():
            number += 1
            user = ("x-user-id", f"{caller}-{number}")
            try:
                _, call = client.echo(b"load", [user, *self._metadata])
            except grpc.RpcError as failure:
                call = failure
            self._answers.put((time.time(), variant_of(call), call.code(), caller))

    def stop(self):
        self._over.set()
        for thread in self._threads:
            thread.join(60)

    def take(self):
        while not self._answers.empty():
            self.seen.append(self._answers.get())
        return self.seen

    def wait_for(self, variant, more=50):
        """Until so many more answers came of a variant."""
        def count():
            return sum(answer[1] == variant for answer in self.take())
        goal = count() + more
        wait_until(lambda: count() >= goal, lambda: f"{variant} answers {more} more calls; last {self.seen[-5:]}", 60)

    def wait_for_all(self, more=2):
        """Until every caller has had so many more answers: what was under way before is over."""
        before = len(self.take())

        def fewest():
            callers = [answer[3] for answer in self.take()[before:]]
            return min(callers.count(caller) for caller in range(CONNECTIONS))
        wait_until(lambda: fewest() >= more, lambda: f"every caller is answered {more} times", 60)

    def last_of(self, variant):
        return max(answer[0] for answer in self.take() if answer[1] == variant)


class Hiccups:
    """How long this machine keeps a thread waiting that wants to go on: it is in every time that is measured here."""

    def __init__(self, test):
        self._over = threading.Event()
        self._late = []  # (when, seconds)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        test.addCleanup(self._stop)

    def _run(self):
        nap = 0.002
        last = time.time()
        while not self._over.wait(nap):
            now = time.time()
            self._late.append((now, now - last - nap))
            last = now

    def _stop(self):
        self._over.set()
        self._thread.join(60)

    def worst_between(self, begun, ended):
        """Of the delays that were over then; those that a late end is due to are over soon after it."""
        return max((late for when, late in list(self._late) if begun <= when and when - late <= ended), default=0)


@needs_weir
class CircuitTest(IntegrationTest):
    def start(self, spec):
        self.old, self.new = self.echo_server(OLD), self.echo_server(NEW)
        self.gate = self.weir({OLD: {"endpoints": [self.old.address], "health": {"method": "grpc.health.v1"}},
                               NEW: self.new}, routes=[], experiments={"e": spec},
                              listener={"address": "127.0.0.1:0", "workers": WORKERS})
        channel = grpc.insecure_channel(self.gate.admin, options=[("grpc.enable_http_proxy", 0)])
        self.addCleanup(channel.close)
        self.hiccups = Hiccups(self)
        self._command = channel.unary_unary("/weir.v1.Admin/Command", admin_pb2.CommandRequest.SerializeToString,
                                            admin_pb2.CommandResponse.FromString)

    def command(self, kind, **fields):
        """When it was given."""
        begun = time.time()
        self._command(admin_pb2.CommandRequest(experiment="e", actor="test", comment="test", kind=kind, **fields),
                      timeout=TIMEOUT)
        return begun

    def reset(self):
        """Once the journal has what went before: a disk that is slow refuses it until then."""
        def is_open():
            try:
                self.command(admin_pb2.CommandRequest.RESET)
                return True
            except grpc.RpcError as failure:
                self.assertEqual(failure.code(), grpc.StatusCode.UNAVAILABLE)
                return False
        wait_until(is_open, "a new run is open")

    def stood(self):
        return self.gate.status()["experiments"][0]

    def wait_for_adoption(self):
        wait_until(lambda: (status := self.gate.status())["oldest_adopted_version"] == status["table_version"],
                   "every worker goes by the newest table")

    def measured(self, begun, variant, load):
        """From `begun` to the last answer of the variant, and the longest that the machine stood still then, in ms."""
        ended = load.last_of(variant)
        return 1000 * (ended - begun), 1000 * self.hiccups.worst_between(begun, ended)

    def report(self, what, times):
        """Of each time the limit holds, but for what the machine itself added to it, and that is forgiven once."""
        shown = ", ".join(f"{ms:.0f} ({late:.0f})" for ms, late in times)
        print(f"{what}, on {WORKERS} workers, in brackets the machine's own delays: {shown} ms, "
              f"median {statistics.median(ms for ms, _ in times):.0f}", flush=True)
        for ms, late in times:
            self.assertLess(ms - min(late, LIMIT_MS), LIMIT_MS, what)

    def expect_only(self, load, variant):
        """Once all workers have adopted the table and what was under way has ended, nobody else answers."""
        self.wait_for_adoption()
        load.wait_for_all()
        before = len(load.take())
        load.wait_for(variant, more=100)
        self.assertEqual({answer[1] for answer in load.seen[before:]}, {variant})

    def test_a_rollback_by_hand_stops_new_calls_on_all_workers_within_250_ms(self):
        self.start(KEYED)
        load = ConstantLoad(self, self.gate)
        took = []
        for _ in range(ROUNDS):
            load.wait_for(NEW)
            begun = self.command(admin_pb2.CommandRequest.ROLLBACK)
            self.expect_only(load, OLD)
            took.append(self.measured(begun, NEW, load))
            self.reset()
        self.report("from the command to the last answer of the candidate", took)

    def test_a_breach_stops_new_calls_on_all_workers_within_250_ms(self):
        self.start(KEYED)
        sick = self.client(self.new)
        load = ConstantLoad(self, self.gate)
        took = []
        for _ in range(ROUNDS):
            load.wait_for(NEW)
            sick.behave(status_code=grpc.StatusCode.INTERNAL.value[0])
            wait_until(lambda: self.stood()["phase"] == "ROLLED_BACK", "the gate shuts", 60)
            self.expect_only(load, OLD)
            judged = datetime.datetime.fromisoformat(self.stood()["breach"]["judged_at"].replace("Z", "+00:00"))
            took.append(self.measured(judged.timestamp(), NEW, load))
            sick.behave()
            self.reset()
        self.report("from the verdict to the last answer of the candidate", took)

    def test_open_streams_of_a_rolled_back_candidate_drain_and_end_unavailable(self):
        self.start(experiment({OLD: 0, NEW: 1}, drainTimeout="2s"))
        streams = []
        for _ in range(CONNECTIONS):
            asked = queue.SimpleQueue()
            streams.append((asked, self.client(self.gate).bidi(iter(asked.get, None), timeout=60)))

        def each_answers(payload):
            for asked, stream in streams:
                asked.put(echo_pb2.Note(payload=payload))
                self.assertEqual(next(stream).payload, payload)
        each_answers(b"before")
        self.assertEqual({variant_of_stream(stream) for _, stream in streams}, {NEW})
        begun = self.command(admin_pb2.CommandRequest.ROLLBACK)
        self.wait_for_adoption()
        each_answers(b"while it drains")
        for _, stream in streams:
            with self.assertRaises(grpc.RpcError):
                next(stream)
            self.assertEqual(stream.code(), grpc.StatusCode.UNAVAILABLE)
            self.assertEqual(stream.details(), f"experiment e was rolled back, and {NEW} is drained")
        self.assertGreaterEqual(time.time() - begun, 2)
        wait_until(lambda: self.gate.metric("weir_drained_calls_total", variant=NEW) == CONNECTIONS, "all are counted")
        self.assertEqual(self.gate.metric("ab_test_errors_total", model_name=NEW), 0)
        wait_until(lambda: self.client(self.new).counts().cancelled == CONNECTIONS, "the model hears of the ends")

    def test_a_sequence_goes_on_with_its_variant_until_the_drain_is_over(self):
        spec = experiment({OLD: 0, NEW: 1}, drainTimeout="3s",
                          assignment={"key": [{"header": "x-user-id"}], "sequence": {"header": "x-sequence-id"}})
        self.start(spec)
        clients = [self.client(self.gate) for _ in range(CONNECTIONS)]

        def ask(client, sequence):
            return variant_of(client.echo(metadata=[("x-user-id", "alice"), ("x-sequence-id", sequence)])[1])
        self.assertEqual(ask(clients[0], "one"), NEW)
        spec["candidates"] = [{"name": OLD, "weight": 100}, {"name": NEW, "weight": 0}]
        self.gate.wait_for_table(lambda: self.gate.write_experiment("e", spec))
        # Over every connection: the workers have told each other.
        self.assertEqual({ask(client, "one") for client in clients}, {NEW})
        self.assertEqual({ask(client, "two") for client in clients}, {OLD})
        self.command(admin_pb2.CommandRequest.ROLLBACK)
        self.wait_for_adoption()
        self.assertEqual({ask(client, "one") for client in clients}, {NEW})

        def is_over():
            try:
                return {ask(client, "one") for client in clients} == {OLD}
            except grpc.RpcError as failure:  # A call of it was under way when its time was over.
                self.assertIn("is drained", failure.details())
                return False
        wait_until(is_over, "the drain ends the sequence")

    def test_a_blue_green_is_previewed_switched_and_switched_back_in_a_moment(self):
        self.start(experiment({OLD: 0, NEW: 100}, rollout={
            "strategy": "blueGreen", "pause": {"duration": "1h"}, "watch": "1h",
            "preview": {"header": "x-preview", "value": NEW}}))
        previewer = self.client(self.gate)

        def preview():
            _, call = previewer.echo(metadata=[("x-user-id", "dev"), ("x-preview", NEW)])
            return variant_of(call), dict(call.initial_metadata())["x-weir-reason"]
        there, back = [], []
        load = ConstantLoad(self, self.gate)
        for _ in range(ROUNDS):
            load.wait_for(OLD)
            self.assertEqual(preview(), (NEW, "targeted"))
            begun = self.command(admin_pb2.CommandRequest.PROMOTE, full=True)
            self.expect_only(load, NEW)
            there.append(self.measured(begun, OLD, load))
            self.assertEqual(preview(), (NEW, "assigned"))
            self.assertEqual(self.gate.metric("weir_healthy_endpoints", model_name=OLD), 1)  # Warm.
            begun = self.command(admin_pb2.CommandRequest.ROLLBACK)
            self.expect_only(load, OLD)
            back.append(self.measured(begun, NEW, load))
            self.assertEqual(preview(), (OLD, "assigned"))
            self.reset()
            self.wait_for_adoption()
        self.assertEqual({answer[2] for answer in load.take()}, {grpc.StatusCode.OK})
        self.report("the switch", there)
        self.report("the switch back", back)


    def test_there_is_no_switch_to_a_green_that_fails_its_previews(self):
        self.start(experiment({OLD: 0, NEW: 100}, rollout={
            "strategy": "blueGreen", "pause": {"duration": "100ms", "minSamples": 30}, "watch": "1h",
            "preview": {"header": "x-preview", "value": NEW},
            "analysis": {"failureCondition": f"preview_error_rate.{NEW} > 0.1"}}))
        sick, previewer = self.client(self.new), self.client(self.gate)
        load = ConstantLoad(self, self.gate)

        def preview(times):
            for _ in range(times):
                try:
                    previewer.echo(metadata=[("x-user-id", "dev"), ("x-preview", NEW)])
                except grpc.RpcError as failure:
                    self.assertEqual(failure.code(), grpc.StatusCode.INTERNAL)
        sick.behave(status_code=grpc.StatusCode.INTERNAL.value[0])
        preview(30)
        wait_until(lambda: self.stood()["phase"] == "ROLLED_BACK", lambda: f"{self.stood()}", 60)
        self.assertIn(f"preview_error_rate.{NEW} is 1", self.stood()["phase_reason"])
        sick.behave()
        self.reset()
        self.wait_for_adoption()
        preview(29)
        wait_until(lambda: "29 of 30 previewed calls" in self.stood()["rollout"]["waits_for"],
                   lambda: f"{self.stood()}", 60)
        self.assertEqual({answer[1] for answer in load.take()}, {OLD})
        preview(1)
        wait_until(lambda: self.stood()["phase"] == "WATCHING", lambda: f"{self.stood()}", 60)
        self.expect_only(load, NEW)


def variant_of_stream(stream):
    return dict(stream.initial_metadata()).get("x-weir-variant")


if __name__ == "__main__":
    cases.main()
