"""Connections come and go, servers die and return, and calls keep their word."""

import signal
import threading

import grpc

from test import cases
from test.integration import echo_pb2, health_pb2
from test.integration.echo_client import TIMEOUT, knobs, values
from test.integration.harness import IntegrationTest, experiment, needs_weir, wait_until
from test.integration.load import Load


class Connections(IntegrationTest):
    def test_a_hundred_connections_in_turn_leave_nothing_behind(self):
        proxy = self.plain_proxy(self.echo_server())
        self.client(proxy).echo()
        before = proxy.open_descriptors()
        for _ in range(100):
            client = self.client(proxy)
            client.echo()
            client.close()
        wait_until(lambda: proxy.open_descriptors() <= before, lambda: f"descriptors are {before} again")

    def test_a_client_that_vanishes_takes_its_calls_with_it(self):
        server = self.echo_server()
        proxy, direct = self.plain_proxy(server), self.client(server)
        client = self.client(proxy)
        calls = [client.unary.future(echo_pb2.Note(), metadata=knobs(tag="lost", hang=True), timeout=60)
                 for _ in range(20)]
        wait_until(lambda: direct.counts("lost").started == 20, "the calls arrive")
        client.close()
        wait_until(lambda: direct.counts("lost").cancelled == 20, "the server is told of each")
        del calls

    def test_keepalive_pings_of_a_client_are_tolerated(self):
        proxy = self.plain_proxy(self.echo_server())
        client = self.client(proxy, [
            ("grpc.keepalive_time_ms", 20), ("grpc.keepalive_timeout_ms", 5000),
            ("grpc.keepalive_permit_without_calls", 1), ("grpc.http2.max_pings_without_data", 0),
            ("grpc.http2.min_time_between_pings_ms", 20)])
        for _ in range(3):
            error = client.failure(metadata=knobs(hang=True), timeout=0.5)
            self.assertEqual(error.code(), grpc.StatusCode.DEADLINE_EXCEEDED, error.details())
        client.echo()

    def test_health_of_the_application_passes_through(self):
        client = self.client(self.plain_proxy(self.echo_server()))
        answer = client.health(health_pb2.HealthCheckRequest(), timeout=TIMEOUT)
        self.assertEqual(answer.status, health_pb2.HealthCheckResponse.SERVING)
        with self.assertRaises(grpc.RpcError) as raised:
            client.health(health_pb2.HealthCheckRequest(service="no.such.Service"), timeout=TIMEOUT)
        self.assertEqual(raised.exception.code(), grpc.StatusCode.NOT_FOUND)
        watch = client.watch_health(health_pb2.HealthCheckRequest(), timeout=60)
        self.assertEqual(next(watch).status, health_pb2.HealthCheckResponse.SERVING)
        watch.cancel()


@needs_weir
class Servers(IntegrationTest):
    def expect_connections(self, weir, count):
        """No client has lost its connection: there were just so many."""
        wait_until(lambda: weir.metric("weir_connections_accepted_total"), "connections are counted")
        self.assertEqual(weir.metric("weir_connections_accepted_total"), count)

    def test_a_method_that_nobody_serves_is_unimplemented(self):
        weir = self.weir({"echo": self.echo_server()},
                         routes=[{"match": {"service": "some.other.Service"}, "model": "echo"}])
        client = self.client(weir)
        for _ in range(3):
            self.assertEqual(client.failure().code(), grpc.StatusCode.UNIMPLEMENTED)
        wait_until(lambda: weir.metric("weir_calls_unrouted_total") == 3, "they are counted")
        self.expect_connections(weir, 1)

    def test_an_unreachable_server_makes_a_call_unavailable_and_not_late(self):
        nobody, alive = self.reserved_port(), self.echo_server()
        weir = self.weir({"dead": nobody.address, "nowhere": "no-such-host.invalid:1", "alive": alive}, routes=[
            {"match": {"service": "weir.test.Echo", "method": "ServerStream"}, "model": "dead"},
            {"match": {"service": "weir.test.Echo", "method": "ClientStream"}, "model": "nowhere"},
            {"match": {"service": "*"}, "model": "alive"}])
        client = self.client(weir)
        for _ in range(3):
            with self.assertRaises(grpc.RpcError) as raised:
                next(client.server_stream(echo_pb2.Note(), timeout=TIMEOUT))
            self.assertEqual(raised.exception.code(), grpc.StatusCode.UNAVAILABLE)
            with self.assertRaises(grpc.RpcError) as raised:
                client.client_stream(iter([echo_pb2.Note()]), timeout=TIMEOUT)
            self.assertEqual(raised.exception.code(), grpc.StatusCode.UNAVAILABLE)
            client.echo()
        self.expect_connections(weir, 1)

    def test_a_killed_server_fails_only_the_calls_that_it_had(self):
        server = self.echo_server()
        weir = self.weir({"echo": server})
        client = self.client(weir)
        calls = [client.unary.future(echo_pb2.Note(), metadata=knobs(tag="had", hang=True), timeout=60)
                 for _ in range(20)]
        wait_until(lambda: self.client(server).counts("had").started == 20, "the calls arrive")
        server.kill()
        self.assertEqual([call.code() for call in calls], [grpc.StatusCode.UNAVAILABLE] * 20)
        self.assertEqual(client.failure().code(), grpc.StatusCode.UNAVAILABLE)
        self.restarted(server)
        wait_until(lambda: client.unary.future(echo_pb2.Note(), timeout=TIMEOUT).code() is grpc.StatusCode.OK,
                   "it is back")
        self.expect_connections(weir, 1)  # The client noticed nothing of it.

    def test_a_killed_candidates_calls_are_diverted_and_come_back(self):
        baseline, candidate = self.echo_server("baseline"), self.echo_server("candidate")
        weir = self.weir({"baseline": baseline, "candidate": candidate}, experiments={
            "split": experiment({"baseline": 50, "candidate": 50})})
        client = self.client(weir)
        users = [f"user-{i}" for i in range(40)]

        def answers():
            """user -> (who answered, the variant, the reason)."""
            got = {}
            for user in users:
                reply, call = client.echo(metadata=[("x-user-id", user)])
                got[user] = (reply.seen.server, *values(call.initial_metadata(), "x-weir-variant"),
                             *values(call.initial_metadata(), "x-weir-reason"))
            return got

        assigned = answers()
        theirs = [user for user in users if assigned[user][0] == "candidate"]
        self.assertTrue(0 < len(theirs) < len(users))
        self.assertEqual({answer[1:] for answer in assigned.values()},
                         {("baseline", "assigned"), ("candidate", "assigned")})

        with Load(self, weir, lambda i: [("x-user-id", users[i % len(users)])]) as load:
            load.wait_for(200)
            candidate.kill()
            wait_until(lambda: weir.metric("weir_diverted_total", variant="candidate"), "a call is diverted")
            load.wait_for(200)
        # Whoever failed was at the candidate when it died: at most one call of each of the load's callers.
        self.assertLessEqual(len(load.failures), load.callers)
        self.assertLessEqual({failure.code() for failure in load.failures}, {grpc.StatusCode.UNAVAILABLE})

        diverted = answers()
        for user in users:
            expected = ("baseline", "baseline", "diverted") if user in theirs else assigned[user]
            self.assertEqual(diverted[user], expected)
        self.restarted(candidate)
        wait_until(lambda: answers() == assigned, "every user is back where the rule says")
        self.expect_connections(weir, 2)  # This client's and the load's: none was lost.

    def test_a_model_that_says_that_it_is_not_serving_is_passed_over_until_it_is(self):
        baseline, candidate = self.echo_server("baseline"), self.echo_server("candidate")
        checked = {"endpoints": [candidate.address], "health": {"method": "grpc.health.v1", "interval": "100ms"}}
        weir = self.weir({"baseline": baseline, "candidate": checked}, experiments={
            "split": experiment({"baseline": 0, "candidate": 100}, default="baseline")})
        client, watch = self.client(weir), self.client(candidate)

        def reason():
            reply, call = client.echo()
            return reply.seen.server, *values(call.initial_metadata(), "x-weir-reason")

        wait_until(lambda: reason() == ("candidate", "assigned"), "it serves")
        watch.behave(not_serving=True)
        wait_until(lambda: reason() == ("baseline", "diverted"), "it is passed over")
        watch.behave()
        wait_until(lambda: reason() == ("candidate", "assigned"), "it serves again")

    def test_a_model_of_several_servers_outlives_one(self):
        servers = [self.echo_server("one"), self.echo_server("two")]
        weir = self.weir({"echo": {"endpoints": [server.address for server in servers]}})
        client = self.client(weir)
        wait_until(lambda: client.echo()[0].seen.server == "one", "the one serves")
        wait_until(lambda: client.echo()[0].seen.server == "two", "the other serves too")
        with Load(self, weir) as load:
            load.wait_for(50)
            servers[0].kill()
            load.wait_for(200)
        self.assertLessEqual(len(load.failures), load.callers)
        self.assertEqual({client.echo()[0].seen.server for _ in range(20)}, {"two"})
        self.restarted(servers[0])
        wait_until(lambda: client.echo()[0].seen.server == "one", "the one is back")

    def test_a_models_own_deadline_caps_every_call_to_it(self):
        server = self.echo_server()
        client = self.client(self.weir({"echo": {"endpoints": [server.address], "deadline": "300ms"}}))
        reply, _ = client.echo(timeout=15)
        self.assertLessEqual(reply.seen.deadline_ms, 300)
        for timeout in (15, None):
            error = client.failure(metadata=knobs(tag="slow", hang=True), timeout=timeout)
            self.assertEqual(error.code(), grpc.StatusCode.DEADLINE_EXCEEDED)
        wait_until(lambda: self.client(server).counts("slow").cancelled == 2, "the server is told")

    def test_health_of_weir_itself_is_told_where_no_route_claims_it(self):
        weir = self.weir({"echo": self.echo_server()},
                         routes=[{"match": {"service": "weir.test.Echo"}, "model": "echo"}])
        client = self.client(weir)
        self.assertEqual(client.health(health_pb2.HealthCheckRequest(), timeout=TIMEOUT).status,
                         health_pb2.HealthCheckResponse.SERVING)
        watch = client.watch_health(health_pb2.HealthCheckRequest(), timeout=60)
        self.assertEqual(next(watch).status, health_pb2.HealthCheckResponse.SERVING)
        weir.signal(signal.SIGTERM)
        self.assertEqual(next(watch).status, health_pb2.HealthCheckResponse.NOT_SERVING)
        watch.cancel()
        self.assertEqual(weir.exit_status(), 0)

    def test_a_call_that_waits_for_ready_outlives_a_restart_of_weir(self):
        server = self.echo_server()
        weir = self.weir({"echo": server})
        weir.kill()
        call = self.client(weir).unary.future(echo_pb2.Note(payload=b"patient"), timeout=60, wait_for_ready=True)
        weir.listen_again()
        self.assertEqual(call.result().payload, b"patient")


@needs_weir
class Drain(IntegrationTest):
    def setUp(self):
        super().setUp()
        self.server = self.echo_server()
        self.direct = self.client(self.server)

    def test_ends_when_idle(self):
        weir = self.weir({"echo": self.server})
        self.client(weir).echo()
        self.assertEqual(weir.terminate(), 0)

    def test_ends_without_any_client(self):
        self.assertEqual(self.weir({"echo": self.server}).terminate(), 0)

    def test_loses_no_call_under_load(self):
        weir = self.weir({"echo": self.server})
        with Load(self, weir, lambda i: knobs(tag="load", delay_ms=5), stops_at_failure=True) as load:
            load.wait_for(100)
            self.assertEqual(weir.terminate(), 0)
            load.wait_until_stopped()
        # A call either succeeded or never reached the server.
        self.assertEqual({failure.code() for failure in load.failures}, {grpc.StatusCode.UNAVAILABLE})
        self.assertEqual(self.direct.counts("load").started, load.successes)
        self.assertEqual(self.direct.counts("load").cancelled, 0)

    def test_waits_for_the_calls_in_flight(self):
        weir = self.weir({"echo": self.server})
        client = self.client(weir)
        turns = threading.Semaphore(0)

        def requests():
            for _ in range(5):
                turns.acquire()
                yield echo_pb2.Note(payload=b"still here")

        stream = client.bidi(requests(), timeout=60, metadata=knobs(tag="long"))
        wait_until(lambda: self.direct.counts("long").started == 1, "the stream is open")
        weir.signal(signal.SIGTERM)
        wait_until(lambda: weir.http("/readyz")[0] != 200, "weir says that it is not ready")
        for _ in range(5):
            turns.release()
            self.assertEqual(next(stream).payload, b"still here")
        self.assertEqual(list(stream), [])
        self.assertEqual(stream.code(), grpc.StatusCode.OK)
        self.assertEqual(weir.exit_status(), 0)

    def test_gives_up_calls_that_outlive_the_grace(self):
        weir = self.weir({"echo": self.server}, listener={"address": "127.0.0.1:0", "drainGrace": "1s"})
        call = self.client(weir).unary.future(echo_pb2.Note(), metadata=knobs(tag="hung", hang=True), timeout=60)
        wait_until(lambda: self.direct.counts("hung").started == 1, "the call arrives")
        self.assertEqual(weir.terminate(), 0)  # The grace is the operator's own choice: to keep to it is no failure.
        self.assertEqual(call.code(), grpc.StatusCode.UNAVAILABLE)
        wait_until(lambda: self.direct.counts("hung").cancelled == 1, "the server is told")


if __name__ == "__main__":
    cases.main()
