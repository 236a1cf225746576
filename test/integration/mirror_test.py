"""A mirror gets its copies, and the primary calls never learn how it fares."""

import threading

import grpc

from test import cases
from test.integration import echo_pb2, raw_h2
from test.integration.echo_client import MEBIBYTE, TIMEOUT, knobs, notes, seen_values
from test.integration.harness import IntegrationTest, experiment, wait_until
from test.integration.load import Load


class Mirror(IntegrationTest):
    def setUp(self):
        super().setUp()
        self.primary = self.echo_server("primary")
        self.direct = self.client(self.primary)

    def mirrored(self, shadow, percent=100, **mirror):
        """weir in front of the primary, with `shadow` as its mirror."""
        return self.weir({"primary": self.primary, "shadow": shadow}, experiments={
            "mirrored": experiment({"primary": 100}, mirror={"name": "shadow", "percent": percent, **mirror})})

    def hand_made(self, serve, **options):
        server = raw_h2.RawServer(serve, **options)
        self.addCleanup(server.close)
        return server

    def expect_unharmed(self, weir, calls=300):
        """Primary calls of each kind succeed, whatever the mirror does."""
        with Load(self, weir, lambda i: knobs(tag="load")) as load:
            load.wait_for(calls)
        self.assertEqual(load.failures, [])
        client = self.client(weir)
        big = b"m" * MEBIBYTE
        replies = client.bidi(iter(notes(*[big] * 32)), timeout=60)
        self.assertEqual([reply.payload == big for reply in replies], [True] * 32)
        self.assertEqual(client.client_stream(iter(notes(*[big] * 32)), timeout=60).seen.requests, 32)
        replies = client.server_stream(echo_pb2.Note(), metadata=knobs(replies=100, reply_bytes=10_000), timeout=60)
        self.assertEqual(len(list(replies)), 100)
        self.assertTrue(weir.is_running())

    def test_gets_a_marked_copy_of_every_call(self):
        shadow = self.echo_server("shadow")
        weir = self.mirrored(shadow)
        client, watch = self.client(weir), self.client(shadow)
        for i in range(50):
            reply, _ = client.echo(b"copied", metadata=knobs(tag="unary") + [("x-user-id", f"u{i}"),
                                                                             ("data-bin", b"\0\xff")])
            self.assertEqual(reply.seen.server, "primary")
            self.assertEqual(seen_values(reply.seen, "x-weir-mirror"), [])
        client.client_stream(iter(notes(b"a", b"bb", b"ccc")), metadata=knobs(tag="stream"), timeout=TIMEOUT)
        wait_until(lambda: watch.counts("unary").ended == 50, "each unary call is copied")
        wait_until(lambda: watch.counts("stream").ended == 1, "the stream is copied")
        seen = watch.counts("unary")
        self.assertEqual((seen.started, seen.requests, seen.cancelled), (50, 50, 0))
        self.assertEqual(len(seen_values(seen.last, "x-weir-mirror")), 1)
        self.assertEqual(seen_values(seen.last, "data-bin"), [b"\0\xff"])
        self.assertEqual(watch.counts("stream").requests, 3)
        wait_until(lambda: weir.metric("weir_mirror_requests_total") == 51, "the copies are counted apart")
        self.assertEqual(weir.metric("ab_test_requests_total"), 51)
        self.assertEqual(weir.metric("ab_test_requests_total", model_name="shadow") or 0, 0)
        self.assertEqual(weir.metric("weir_mirror_dropped_total") or 0, 0)

    def test_gets_its_percentage(self):
        shadow = self.echo_server("shadow")
        client = self.client(self.mirrored(shadow, percent=0))
        for _ in range(50):
            client.echo()
        self.assertEqual(self.client(shadow).counts().started, 0)

    def test_gets_only_methods_that_are_listed_as_safe(self):
        shadow = self.echo_server("shadow")
        weir = self.mirrored(shadow, methods=["Unary"])
        client = self.client(weir)
        client.client_stream(iter(notes(b"unsafe")), metadata=knobs(tag="unsafe"), timeout=TIMEOUT)
        client.echo(metadata=knobs(tag="safe"))
        wait_until(lambda: self.client(shadow).counts("safe").ended == 1, "the safe one is copied")
        self.assertEqual(self.client(shadow).counts("unsafe").started, 0)

    def test_that_is_dead_harms_nobody(self):
        self.expect_unharmed(self.mirrored(self.reserved_port().address))

    def test_that_fails_harms_nobody(self):
        shadow = self.echo_server("shadow")
        self.client(shadow).behave(status_code=13, no_reply=True)
        weir = self.mirrored(shadow)
        self.expect_unharmed(weir)
        wait_until(lambda: (weir.metric("weir_mirror_errors_total") or 0) > 100, "its errors are counted apart")
        self.assertEqual(weir.metric("ab_test_errors_total") or 0, 0)

    def test_that_hangs_harms_nobody_and_is_dropped(self):
        shadow = self.echo_server("shadow")
        self.client(shadow).behave(hang=True)
        weir = self.mirrored(shadow)
        before = weir.resident_bytes()
        self.expect_unharmed(weir, calls=2000)  # More than a mirror may have in flight.
        wait_until(lambda: (weir.metric("weir_mirror_dropped_total") or 0) > 0, "copies are dropped")
        self.assertLess(weir.resident_bytes() - before, 64 * MEBIBYTE)

    def test_that_never_reads_harms_nobody(self):
        self.expect_unharmed(self.mirrored(self.hand_made(lambda connection: threading.Event().wait(60), speaks=False)))

    def test_that_is_slow_harms_nobody(self):
        shadow = self.echo_server("shadow")
        self.client(shadow).behave(delay_ms=300)
        self.expect_unharmed(self.mirrored(shadow))

    def test_that_resets_harms_nobody(self):
        def reset(connection):
            while (got := connection.wait_for(raw_h2.HEADERS)) is not None:
                connection.headers_of(got)
                connection.send(raw_h2.frame(raw_h2.RST_STREAM, 0, got.stream, b"\0\0\0\2"))
        self.expect_unharmed(self.mirrored(self.hand_made(reset)))

    def test_that_closes_harms_nobody(self):
        self.expect_unharmed(self.mirrored(self.hand_made(lambda connection: connection.reset())))

    def test_that_speaks_nonsense_harms_nobody(self):
        nonsense = b"HTTP/1.1 400 no\r\n\r\n" * 100
        self.expect_unharmed(self.mirrored(self.hand_made(lambda connection: connection.send(nonsense))))

    def test_that_dies_and_returns_gets_copies_again(self):
        shadow = self.echo_server("shadow")
        weir = self.mirrored(shadow)
        with Load(self, weir, lambda i: knobs(tag="load")) as load:
            load.wait_for(100)
            shadow.kill()
            load.wait_for(100)
            returned = self.restarted(shadow)
            watch = self.client(returned)
            wait_until(lambda: watch.counts("load").ended > 10, "copies arrive again")
        self.assertEqual(load.failures, [])

    def test_is_cancelled_with_a_primary_call_whose_request_is_unfinished(self):
        shadow = self.echo_server("shadow")
        weir = self.mirrored(shadow)
        watch = self.client(shadow)
        over = threading.Event()
        self.addCleanup(over.set)

        def requests():
            yield echo_pb2.Note(payload=b"first")
            over.wait()

        call = self.client(weir).bidi(requests(), metadata=knobs(tag="given up"), timeout=60)
        self.assertEqual(next(call).payload, b"first")
        wait_until(lambda: watch.counts("given up").requests == 1, "the copy is under way")
        call.cancel()
        wait_until(lambda: watch.counts("given up").ended == 1, "the copy ends too")
        self.assertEqual(call.code(), grpc.StatusCode.CANCELLED)


if __name__ == "__main__":
    cases.main()
