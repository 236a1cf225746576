"""Bad input harms its sender alone: beside every attack an honest client has each of its calls answered."""

import base64
import contextlib
import socket
import struct

import grpc

from test import cases
from test.integration import echo_pb2, raw_h2
from test.integration.harness import IntegrationTest, wait_until
from test.integration.load import Load
from test.integration.raw_h2 import (CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, PREFACE,
                                     PRIORITY, PUSH_PROMISE, RST_STREAM, SETTINGS, WINDOW_UPDATE, block, frame, headers,
                                     message, request_fields)

U32 = struct.Struct(">I")


def setting(key, value):
    return struct.pack(">HI", key, value)


def zeros(count):
    return b"\0" * count


# What ends a connection, as bytes after the preface and SETTINGS.
BROKEN_CONNECTIONS = {
    "garbage": bytes(range(256)) * 40,
    "a frame of 16 MiB": frame(DATA, 0, 1, length=0xffffff) + zeros(70_000),
    "a frame over the limit": frame(HEADERS, END_HEADERS, 1, zeros(20_000)),
    "DATA on stream 0": frame(DATA, 0, 0, b"x"),
    "HEADERS on stream 0": frame(HEADERS, END_HEADERS, 0, block(request_fields())),
    "an even stream": headers(2, request_fields()),
    "a stream below an earlier one": headers(5, request_fields()) + headers(3, request_fields()),
    "DATA on an idle stream": frame(DATA, 0, 7, b"x"),
    "RST_STREAM on an idle stream": frame(RST_STREAM, 0, 7, U32.pack(8)),
    "RST_STREAM of a wrong size": headers(1, request_fields()) + frame(RST_STREAM, 0, 1, b"abc"),
    "SETTINGS of a wrong size": frame(SETTINGS, 0, 0, b"12345"),
    "SETTINGS on a stream": frame(SETTINGS, 0, 1, b""),
    "an acknowledgement with content": frame(SETTINGS, 1, 0, setting(3, 1)),
    "an impossible window": frame(SETTINGS, 0, 0, setting(4, 1 << 31)),
    "an impossible frame size": frame(SETTINGS, 0, 0, setting(5, 100)),
    "ENABLE_PUSH of 2": frame(SETTINGS, 0, 0, setting(2, 2)),
    "PING of a wrong size": frame(PING, 0, 0, b"1234567"),
    "PING on a stream": frame(PING, 0, 1, b"12345678"),
    "WINDOW_UPDATE of nothing": frame(WINDOW_UPDATE, 0, 0, U32.pack(0)),
    "WINDOW_UPDATE over 2^31-1": frame(WINDOW_UPDATE, 0, 0, U32.pack(0x7fffffff)) * 2,
    "WINDOW_UPDATE of a wrong size": frame(WINDOW_UPDATE, 0, 0, b"123"),
    "GOAWAY on a stream": frame(GOAWAY, 0, 1, zeros(8)),
    "PUSH_PROMISE of a client": frame(PUSH_PROMISE, END_HEADERS, 1, U32.pack(2) + block(request_fields())),
    "CONTINUATION of nothing": frame(CONTINUATION, END_HEADERS, 1, block(request_fields())),
    "a header block interrupted": frame(HEADERS, 0, 1, block(request_fields())) + frame(PING, 0, 0, zeros(8)),
    "a header block interrupted by another": frame(HEADERS, 0, 1, b"") + frame(CONTINUATION, END_HEADERS, 3, b""),
    "a header block that does not decode": frame(HEADERS, END_HEADERS, 1, b"\xff\xff\xff\xff\xff\xff\xff\xff"),
    "an index beyond the table": frame(HEADERS, END_HEADERS, 1, b"\xbf\xbf\xfe"),
    "padding longer than its frame": frame(HEADERS, END_HEADERS | 0x8, 1, b"\xff" + block(request_fields())),
    "endless CONTINUATIONs": frame(HEADERS, 0, 1, b"") + frame(CONTINUATION, 0, 1, b"") * 10_000,
    "a header block of 1 MiB": headers(1, request_fields(extra=[(f"x-{i}", "v" * 16_000) for i in range(64)])),
    "an HPACK bomb": frame(HEADERS, END_HEADERS, 1, b"\x40\x04bomb" + b"\x7f\x81\x1e" + b"b" * 4000 + b"\xbe" * 12_000),
    "a flood of resets": b"".join(headers(1 + 2 * i, request_fields()) + frame(RST_STREAM, 0, 1 + 2 * i, U32.pack(8))
                                  for i in range(4000)),
    "a flood of PINGs": frame(PING, 0, 0, zeros(8)) * 100_000,
    "a flood of SETTINGS": frame(SETTINGS, 0, 0, b"") * 100_000,
    "a flood of PRIORITYs": frame(PRIORITY, 0, 1, zeros(4) + b"\x0f") * 100_000,
    "a flood of WINDOW_UPDATEs": headers(1, request_fields()) + frame(WINDOW_UPDATE, 0, 1, U32.pack(1)) * 100_000,
    "a flood of empty DATA": headers(1, request_fields()) + frame(DATA, 0, 1, b"") * 100_000,
    "a flood of unknown frames": frame(0x42, 0, 0, b"") * 100_000,
}

# What ends one stream: the fields of a request.
BROKEN_REQUESTS = {
    "an upper-case name": request_fields(extra=[("X-Upper", "v")]),
    "an empty name": request_fields(extra=[("", "v")]),
    "a space in a name": request_fields(extra=[("a b", "v")]),
    "a colon in a name": request_fields(extra=[("a:b", "v")]),
    "a line feed in a name": request_fields(extra=[("a\nb", "v")]),
    "a byte above ASCII in a name": request_fields(extra=[(b"caf\xc3\xa9", "v")]),
    "a line feed in a value": request_fields(extra=[("a", "v\nx-injected: 1")]),
    "a carriage return in a value": request_fields(extra=[("a", "v\rw")]),
    "a zero in a value": request_fields(extra=[("a", "v\0w")]),
    "no :method": request_fields(without=[":method"]),
    "no :path": request_fields(without=[":path"]),
    "no :scheme": request_fields(without=[":scheme"]),
    "an empty :path": request_fields(path=""),
    "two :path": [(":path", "/a/b")] + request_fields(),
    "two :method": [(":method", "POST")] + request_fields(),
    "an unknown pseudo-header": [(":unknown", "v")] + request_fields(),
    "a :status in a request": [(":status", "200")] + request_fields(),
    "a pseudo-header after a regular one": request_fields(without=[":path"],
                                                          extra=[(":path", "/weir.test.Echo/Unary")]),
    "a connection header": request_fields(extra=[("connection", "close")]),
    "a transfer-encoding": request_fields(extra=[("transfer-encoding", "chunked")]),
    "a te that is not trailers": request_fields(extra=[("te", "gzip")], without=["te"]),
    "a content-length that is not kept": request_fields(extra=[("content-length", "3")]),
    "too many headers": request_fields(extra=[(f"x-{i}", "v") for i in range(1000)]),
    "headers over 16 KiB": request_fields(extra=[("large", "v" * 30_000)]),
}


class BadInput(IntegrationTest):
    def setUp(self):
        super().setUp()
        self.server = self.echo_server()
        self.proxy = self.plain_proxy(self.server)

    @contextlib.contextmanager
    def honest_clients(self):
        """All of whose calls succeed, before, while and after."""
        with Load(self, self.proxy, callers=2) as load:
            load.wait_for(20)
            yield load
            load.wait_for(20)
        self.assertEqual(load.failures, [])
        self.assertTrue(self.proxy.is_running())

    def attacker(self, **options):
        client = raw_h2.RawClient(self.proxy.address, **options)
        self.addCleanup(client.close)
        return client

    def send_all(self, client, data):
        """As much of it as the other side takes."""
        client.answers = False
        with contextlib.suppress(ConnectionError):
            client.send(data)

    def test_a_connection_that_breaks_the_rules_ends(self):
        with self.honest_clients() as honest:
            for name, attack in BROKEN_CONNECTIONS.items():
                with self.subTest(name):
                    client = self.attacker()
                    self.send_all(client, attack)
                    client.wait_for_end()  # Raises when it does not come.
                    honest.wait_for(2)

    def test_a_connection_that_does_not_speak_http_2_ends(self):
        with self.honest_clients() as honest:
            for name, attack in {
                    "garbage": bytes(range(255, 0, -1)) * 10,
                    "HTTP/1.1": b"GET /metrics HTTP/1.1\r\nhost: weir\r\n\r\n",
                    "an upgrade": b"GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n",
                    "TLS": bytes.fromhex("16030100050100000103030000000000") + zeros(100),
                    "a preface with a mistake": PREFACE[:-1] + b"x" + frame(SETTINGS, 0, 0),
                    "a preface without SETTINGS": PREFACE + headers(1, request_fields()),
            }.items():
                with self.subTest(name):
                    client = self.attacker(preface=b"")
                    self.send_all(client, attack)
                    client.wait_for_end()
                    honest.wait_for(2)

    def test_a_broken_request_costs_its_stream_alone(self):
        with self.honest_clients():
            for name, fields in BROKEN_REQUESTS.items():
                with self.subTest(name):
                    client = self.attacker()
                    answer = client.call(fields, message(b"\x0a\x01x"))
                    self.assertIsNotNone(answer, "the connection ended")
                    status = raw_h2.field(answer.trailers or answer.headers or [], "grpc-status")
                    http = raw_h2.field(answer.headers or [], ":status")
                    self.assertTrue(answer.reset is not None or http != [b"200"] or status != [b"0"], "it was served")
                    good = client.call(request_fields(), message(b"\x0a\x04good"))
                    self.assertEqual(raw_h2.field(good.trailers or good.headers, "grpc-status"), [b"0"])

    def test_a_broken_stream_costs_its_stream_alone(self):
        with self.honest_clients():
            for name, broken in {
                    "WINDOW_UPDATE of nothing": frame(WINDOW_UPDATE, 0, 0x7777, U32.pack(0)),
                    "a window over 2^31-1": frame(WINDOW_UPDATE, 0, 0x7777, U32.pack(0x7fffffff)),
                    "trailers without an end": frame(HEADERS, END_HEADERS, 0x7777, block([("a", "b")])),
                    "a pseudo-header among trailers": frame(HEADERS, END_HEADERS | END_STREAM, 0x7777,
                                                            block([(":path", "/")])),
            }.items():
                with self.subTest(name):
                    client = self.attacker()
                    stream = client.next_stream()
                    client.send(headers(stream, request_fields("/weir.test.Echo/Bidi")),
                                broken[:5] + U32.pack(stream) + broken[9:])
                    self.assertIsNotNone(client.answer(stream), "the connection ended")
                    good = client.call(request_fields(), message(b"\x0a\x04good"))
                    self.assertEqual(raw_h2.field(good.trailers or good.headers, "grpc-status"), [b"0"])

    def test_large_metadata_of_a_grpc_client_fail_that_call_alone_and_say_why(self):
        client = self.client(self.proxy)
        with self.honest_clients():
            client.echo(metadata=[("large", "v" * 7000)])
            error = client.failure(metadata=[("large", "v" * 20_000)])
            self.assertIn(error.code(), (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.INTERNAL), error.details())
            client.echo()

    def test_more_data_than_was_granted_ends_the_stream_or_the_connection(self):
        client = self.attacker()
        with self.honest_clients():
            hang = [("test-knobs-bin", base64.b64encode(echo_pb2.Knobs(hang=True).SerializeToString()).rstrip(b"="))]
            self.send_all(client, headers(1, request_fields("/weir.test.Echo/ClientStream", extra=hang)) +
                          frame(DATA, 0, 1, zeros(16_384)) * 80)
            got = client.wait_for(RST_STREAM, GOAWAY)
            self.assertTrue(got is None or raw_h2.error_code(got) == raw_h2.FLOW_CONTROL_ERROR, got)

    def expect_slow_ones_to_be_closed(self, beginnings):
        host, port = self.proxy.address.split(":")
        with self.honest_clients() as honest:
            slow = [socket.create_connection((host, int(port))) for _ in beginnings]
            for wire, beginning in zip(slow, beginnings):
                self.addCleanup(wire.close)
                wire.settimeout(20)
                wire.sendall(beginning)
            honest.wait_for(100)
            for wire in slow:  # Each is closed by the proxy, in its time.
                with contextlib.suppress(ConnectionError):
                    while wire.recv(4096):
                        pass

    def test_clients_that_never_finish_their_preface_keep_nobody_waiting(self):
        self.expect_slow_ones_to_be_closed([PREFACE[:size] for size in range(len(PREFACE))])

    def test_clients_that_never_finish_their_headers_keep_nobody_waiting(self):
        start = PREFACE + frame(SETTINGS, 0, 0)
        fields = block(request_fields())
        self.expect_slow_ones_to_be_closed([start + frame(HEADERS, 0, 1, fields[:size]) for size in range(0, 100, 5)])

    def test_honest_cancellations_in_a_burst_are_no_attack(self):
        client = self.client(self.proxy)
        for _ in range(3):
            calls = [client.bidi(iter([]), timeout=20) for _ in range(100)]
            answered = [client.unary.future(echo_pb2.Note(), timeout=20) for _ in range(100)]
            for call in calls:
                call.cancel()
            self.assertEqual({call.code() for call in answered}, {grpc.StatusCode.OK})
        client.echo()


if __name__ == "__main__":
    cases.main()
