"""What is on the wire, byte for byte: a client and a server written by hand on either side of the proxy."""

import struct
import threading

import grpc

from test import cases
from test.integration import echo_pb2
from test.integration import raw_h2
from test.integration.echo_client import TIMEOUT
from test.integration.harness import IntegrationTest, needs_weir, wait_until
from test.integration.raw_h2 import (DATA, END_STREAM, GOAWAY, HEADERS, RST_STREAM, error_code, field, frame, headers,
                                     message, request_fields)

OK = [("grpc-status", "0")]
RESPONSE = [(":status", "200"), ("content-type", "application/grpc")]


class Exchange:
    """A server by hand that keeps what it received, stream by stream, and answers as `respond(connection, stream)` does
    at the end of the request, or `at_headers` at its beginning."""

    def __init__(self, respond=None, at_headers=None, settings=b""):
        self._respond, self._at_headers = respond or self.answer_ok, at_headers
        self.requests, self.connections, self._settings = [], [], settings
        self.server = raw_h2.RawServer(self._serve, settings)
        self.address = self.server.address

    @staticmethod
    def answer_ok(connection, stream):
        connection.send(headers(stream, RESPONSE), frame(DATA, 0, stream, message(b"")),
                        headers(stream, OK, end_stream=True))

    def _serve(self, connection):
        of_stream = {}
        self.connections.append(connection)
        while (got := connection.read_frame()) is not None:
            request = of_stream.get(got.stream)
            if got.type == HEADERS:
                fields = connection.headers_of(got)
                if request is None:
                    request = of_stream[got.stream] = {"headers": fields, "data": b"", "trailers": None, "reset": None,
                                                       "frames": []}
                    self.requests.append(request)
                    if self._at_headers:
                        self._at_headers(connection, got.stream)
                else:
                    request["trailers"] = fields
            elif got.type == DATA:
                request["data"] += got.payload
            elif got.type == RST_STREAM and request is not None:
                request["reset"] = error_code(got)
            else:
                continue
            request["frames"].append((got.type, len(got.payload), bool(got.flags & END_STREAM)))
            if got.type in (HEADERS, DATA) and got.flags & END_STREAM and not self._at_headers:
                self._respond(connection, got.stream)


class RawTest(IntegrationTest):
    def through(self, exchange):
        """A client by hand through the proxy to the exchange."""
        self.addCleanup(exchange.server.close)
        self.addCleanup(lambda: self.assertEqual(exchange.server.faults, []))
        self.proxy = self.plain_proxy(exchange)
        exchange.requests.clear()  # A stand-in was tried with one.
        client = raw_h2.RawClient(self.proxy.address)
        self.addCleanup(client.close)
        return client

    def code(self, answer):
        """The grpc-status of an answer, wherever it is."""
        found = field(answer.trailers or answer.headers or [], "grpc-status")
        self.assertEqual(len(found), 1, answer)
        return int(found[0])


class Requests(RawTest):
    def test_metadata_arrive_in_their_order_and_byte_for_byte(self):
        exchange = Exchange()
        client = self.through(exchange)
        sent = [("b", "2"), ("a", "1"), ("b", "1"), ("data-bin", "AQID"), ("data-bin", "AQID,BA=="),
                ("grpc-foo", "kept"), ("grpc-encoding", "gzip"), ("grpc-accept-encoding", "gzip, identity"),
                ("user-agent", "by hand/1.0"),
                ("text", "".join(map(chr, range(0x21, 0x7f)))), ("empty", "")]
        self.assertEqual(self.code(client.call(request_fields(extra=sent), message(b"x"))), 0)
        got = exchange.requests[0]["headers"]
        names = {name for name, _ in sent}
        for name in names:
            self.assertEqual(field(got, name), [value.encode() for key, value in sent if key == name])
        kept = [name.decode() for name, _ in got if name.decode() in names]
        self.assertEqual(kept, [name for name, _ in sent])
        self.assertEqual(field(got, "te"), [b"trailers"])
        self.assertEqual(field(got, "content-type"), [b"application/grpc"])
        self.assertEqual(field(got, ":path"), [b"/weir.test.Echo/Unary"])
        self.assertEqual(field(got, ":authority"), [b"test"])

    def test_bodies_pass_untouched_whatever_they_are(self):
        exchange = Exchange()
        client = self.through(exchange)
        half = message(b"a") + message(b"b", compressed=True)[:3]
        for body in (message(b"x" * 1000, compressed=True), b"\xff" * 33, half, b"\0"):
            client.call(request_fields(), body)
            self.assertEqual(exchange.requests[-1]["data"], body)

    def test_the_end_of_a_request_travels_alone(self):
        exchange = Exchange()
        client = self.through(exchange)
        stream = client.next_stream()
        client.send(headers(stream, request_fields()), frame(DATA, 0, stream, message(b"x")))
        wait_until(lambda: exchange.requests and exchange.requests[0]["data"] == message(b"x"), "the message goes on")
        client.send(frame(DATA, END_STREAM, stream))
        self.assertEqual(self.code(client.answer(stream)), 0)
        self.assertEqual([end for _, _, end in exchange.requests[0]["frames"]][-1], True)

    def test_a_request_may_be_headers_alone(self):
        exchange = Exchange()
        self.assertEqual(self.code(self.through(exchange).call(request_fields(), None)), 0)
        self.assertTrue(exchange.requests[0]["frames"][0][2] or exchange.requests[0]["frames"][1] == (DATA, 0, True))

    @needs_weir
    def test_trailers_of_a_request_pass(self):
        exchange = Exchange()
        self.through(exchange).call(request_fields(), message(b"x"), trailers=[("checksum", "42"), ("sum-bin", "AAEC")])
        self.assertEqual(exchange.requests[0]["trailers"], [(b"checksum", b"42"), (b"sum-bin", b"AAEC")])

    def test_padding_and_priorities_and_split_header_blocks_are_understood(self):
        exchange = Exchange()
        client = self.through(exchange)
        stream = client.next_stream()
        payload = raw_h2.block(request_fields(extra=[("long", "l" * 3000)]))
        client.send(frame(HEADERS, 0x8 | 0x20, stream, b"\x04" + struct.pack(">IB", 0, 15) + payload[:100] + b"\0" * 4),
                    frame(raw_h2.CONTINUATION, 0, stream, payload[100:1000]),
                    frame(raw_h2.CONTINUATION, 0, stream, b""),
                    frame(raw_h2.CONTINUATION, 0x4, stream, payload[1000:]),
                    frame(DATA, 0x8, stream, b"\x0a" + message(b"x") + b"\0" * 10), frame(DATA, END_STREAM, stream))
        self.assertEqual(self.code(client.answer(stream)), 0)
        self.assertEqual(exchange.requests[0]["data"], message(b"x"))
        self.assertEqual(field(exchange.requests[0]["headers"], "long"), [b"l" * 3000])

    @needs_weir
    def test_names_of_weirs_own_are_believed_from_nobody(self):
        exchange = Exchange()
        spoofed = [(name, "enhanced") for name in ("x-weir-variant", "x-weir-reason", "x-weir-ticket", "x-weir-mirror",
                                                   "x-weir-force", "x-weir-anything")]
        self.through(exchange).call(request_fields(extra=spoofed + [("x-other", "kept")]), message(b""))
        self.assertEqual([name for name, _ in exchange.requests[0]["headers"] if name.startswith(b"x-weir")], [])
        self.assertEqual(field(exchange.requests[0]["headers"], "x-other"), [b"kept"])

    @needs_weir
    def test_a_deadline_only_ever_shrinks(self):
        exchange = Exchange()
        client = self.through(exchange)
        unit = {b"H": 3600 * 10**9, b"M": 60 * 10**9, b"S": 10**9, b"m": 10**6, b"u": 10**3, b"n": 1}
        for text in ("1H", "2M", "10S", "99999999S", "5000m", "30000000u", "99999999n", "00000010S"):
            answer = client.call(request_fields(extra=[("grpc-timeout", text)]), message(b""))
            self.assertEqual(self.code(answer), 0, text)
            got = field(exchange.requests[-1]["headers"], "grpc-timeout")
            self.assertEqual(len(got), 1)
            nanoseconds = int(got[0][:-1]) * unit[got[0][-1:]]
            self.assertLessEqual(len(got[0]), 9)
            sent = int(text[:-1]) * unit[text[-1:].encode()]
            self.assertTrue(0 < nanoseconds <= sent, (text, got))
            self.assertGreater(nanoseconds, sent * 0.9 - TIMEOUT * 10**8, (text, got))

    @needs_weir
    def test_a_deadline_that_is_none_is_refused_and_not_taken_for_infinite(self):
        exchange = Exchange()
        client = self.through(exchange)
        for text in ("", "1", "S", "123456789S", "-1S", "+1S", "1s", "1 S", " 1S", "1.5S", "1Sx", "0x1S"):
            answer = client.call(request_fields(extra=[("grpc-timeout", text)]), message(b""))
            if answer.reset is None:
                self.assertNotEqual(self.code(answer), 0, text)
        self.assertNotEqual(self.code(client.call(request_fields(extra=[("grpc-timeout", "1S")] * 2), message(b""))), 0)
        self.assertEqual(exchange.requests, [])

    @needs_weir
    def test_a_contradictory_host_is_refused(self):
        exchange = Exchange()
        client = self.through(exchange)
        for hosts in (["other"], ["test", "test"], ["test", "other"]):
            answer = client.call(request_fields(extra=[("host", host) for host in hosts]), message(b""))
            self.assertTrue(answer.reset is not None or self.code(answer) != 0, answer)
        self.assertEqual(exchange.requests, [])
        self.assertEqual(self.code(client.call(request_fields(extra=[("host", "test")]), message(b""))), 0)
        alone = request_fields(without=[":authority"], extra=[("host", "h")])
        self.assertEqual(self.code(client.call(alone, message(b""))), 0)
        self.assertEqual(field(exchange.requests[-1]["headers"], ":authority"), [b"h"])

    @needs_weir
    def test_another_content_type_is_unsupported_media(self):
        exchange = Exchange()
        client = self.through(exchange)
        for kind in ("application/json", "text/html", "application/grpc-web", "application/grpcx"):
            answer = client.call(request_fields(without=["content-type"], extra=[("content-type", kind)]), b"{}")
            self.assertEqual(field(answer.headers, ":status"), [b"415"], kind)
        for kind in ("application/grpc+proto", "application/grpc+json", "application/grpc;v=1"):
            answer = client.call(request_fields(without=["content-type"], extra=[("content-type", kind)]), message(b""))
            self.assertEqual(self.code(answer), 0, kind)


class Responses(RawTest):
    def test_trailers_only_stay_one_header_block(self):
        def respond(connection, stream):
            connection.send(headers(stream, RESPONSE + [("grpc-status", "5"), ("grpc-message", "50%25 gr%C3%BCn"),
                                                        ("x", "1"), ("x", "2")], end_stream=True))
        answer = self.through(Exchange(respond)).call(request_fields(), message(b""))
        self.assertIsNone(answer.trailers)
        self.assertEqual(field(answer.headers, "grpc-message"), [b"50%25 gr%C3%BCn"])
        self.assertEqual(field(answer.headers, "x"), [b"1", b"2"])
        self.assertEqual(self.code(answer), 5)

    def test_headers_and_trailers_are_never_merged(self):
        def respond(connection, stream):
            connection.send(headers(stream, RESPONSE + [("first", "1")]),
                            headers(stream, OK + [("last", "2")], end_stream=True))
        answer = self.through(Exchange(respond)).call(request_fields(), message(b""))
        self.assertEqual(field(answer.headers, "first"), [b"1"])
        self.assertEqual(field(answer.headers, "grpc-status"), [])
        self.assertEqual(answer.trailers[:2], [(b"grpc-status", b"0"), (b"last", b"2")])

    @needs_weir
    def test_a_models_own_x_weir_names_do_not_pass(self):
        def respond(connection, stream):
            connection.send(headers(stream, RESPONSE + [("x-weir-variant", "spoofed"), ("x-weir-ticket", "spoofed")]),
                            headers(stream, OK + [("x-weir-reason", "spoofed")], end_stream=True))
        answer = self.through(Exchange(respond)).call(request_fields(), message(b""))
        self.assertNotIn(b"spoofed", [value for _, value in answer.headers + answer.trailers])

    def test_an_early_answer_arrives_whole_and_is_no_error(self):
        def at_headers(connection, stream):
            connection.send(headers(stream, RESPONSE), frame(DATA, 0, stream, message(b"y" * 5000)),
                            headers(stream, OK, end_stream=True))
        exchange = Exchange(at_headers=at_headers)
        client = self.through(exchange)
        stream = client.next_stream()
        client.send(headers(stream, request_fields()), frame(DATA, 0, stream, message(b"x")))
        answer = client.answer(stream)
        self.assertEqual((self.code(answer), answer.data), (0, message(b"y" * 5000)))

    @needs_weir
    def test_an_early_answer_is_followed_by_a_friendly_reset_on_both_sides(self):
        exchange = Exchange(at_headers=Exchange.answer_ok)
        client = self.through(exchange)
        stream = client.next_stream()
        client.send(headers(stream, request_fields()), frame(DATA, 0, stream, message(b"x")))
        self.assertEqual(self.code(client.answer(stream)), 0)
        self.assertEqual(error_code(client.wait_for(RST_STREAM, stream=stream)), raw_h2.NO_ERROR)
        wait_until(lambda: exchange.requests[0]["reset"] is not None, "the server's side is closed too")
        self.assertIn(exchange.requests[0]["reset"], (raw_h2.NO_ERROR, raw_h2.CANCEL))

    @needs_weir
    def test_a_clients_reset_is_a_cancel_for_the_server(self):
        exchange = Exchange(at_headers=lambda connection, stream: None)
        client = self.through(exchange)
        for code in (raw_h2.CANCEL, raw_h2.NO_ERROR, raw_h2.INTERNAL_ERROR):
            before = len(exchange.requests)
            stream = client.next_stream()
            client.send(headers(stream, request_fields()))
            wait_until(lambda: len(exchange.requests) > before, "the request arrives")
            client.send(frame(RST_STREAM, 0, stream, struct.pack(">I", code)))
            wait_until(lambda: exchange.requests[-1]["reset"] is not None, "the reset arrives")
            self.assertEqual(exchange.requests[-1]["reset"], raw_h2.CANCEL)

    @needs_weir
    def test_a_missing_status_is_told_from_http(self):
        status = ["200"]

        def respond(connection, stream):
            connection.send(headers(stream, [(":status", status[0]), ("content-type", "text/html")], end_stream=True))
        self.through(Exchange(respond))
        client = self.client(self.proxy)
        expected = {"400": "INTERNAL", "401": "UNAUTHENTICATED", "403": "PERMISSION_DENIED", "404": "UNIMPLEMENTED",
                    "429": "UNAVAILABLE", "500": "UNKNOWN", "502": "UNAVAILABLE", "503": "UNAVAILABLE",
                    "504": "UNAVAILABLE", "418": "UNKNOWN"}
        for status[0], code in expected.items():
            self.assertEqual(client.failure().code().name, code, status[0])

    @needs_weir
    def test_a_servers_reset_has_its_meaning(self):
        reason = [0]

        def respond(connection, stream):
            connection.send(frame(RST_STREAM, 0, stream, struct.pack(">I", reason[0])))
        self.through(Exchange(respond))
        client = self.client(self.proxy)
        expected = {raw_h2.REFUSED_STREAM: "UNAVAILABLE", raw_h2.CANCEL: "CANCELLED",
                    raw_h2.ENHANCE_YOUR_CALM: "RESOURCE_EXHAUSTED", raw_h2.INADEQUATE_SECURITY: "PERMISSION_DENIED",
                    raw_h2.PROTOCOL_ERROR: "INTERNAL", raw_h2.INTERNAL_ERROR: "INTERNAL", raw_h2.NO_ERROR: "INTERNAL"}
        for reason[0], code in expected.items():
            self.assertEqual(client.failure().code().name, code, reason[0])

    @needs_weir
    def test_a_lost_connection_makes_its_calls_unavailable(self):
        def respond(connection, stream):
            connection.send(headers(stream, RESPONSE), frame(DATA, 0, stream, message(b"")[:3]))
            connection.reset()
        self.through(Exchange(respond))
        self.assertEqual(self.client(self.proxy).failure().code(), grpc.StatusCode.UNAVAILABLE)


@needs_weir
class Upstream(RawTest):
    def test_a_refused_stream_is_tried_once_more(self):
        refusals = [1]

        def respond(connection, stream):
            if refusals[0] > 0:
                refusals[0] -= 1
                connection.send(frame(RST_STREAM, 0, stream, struct.pack(">I", raw_h2.REFUSED_STREAM)))
            else:
                Exchange.answer_ok(connection, stream)
        exchange = Exchange(respond)
        client = self.through(exchange)
        self.assertEqual(self.code(client.call(request_fields(), message(b"again"))), 0)
        self.assertEqual([request["data"] for request in exchange.requests], [message(b"again")] * 2)
        refusals[0] = 100
        answer = client.call(request_fields(), message(b"again"))
        self.assertEqual(self.code(answer), grpc.StatusCode.UNAVAILABLE.value[0])
        self.assertEqual(len(exchange.requests), 4)

    def test_streams_that_a_goaway_leaves_out_move_to_a_new_connection(self):
        def respond(connection, stream):
            if len(exchange.connections) == 1:
                connection.send(frame(GOAWAY, 0, 0, struct.pack(">II", 0, 0)))
            else:
                Exchange.answer_ok(connection, stream)
        exchange = Exchange(respond)
        client = self.through(exchange)
        self.assertEqual(self.code(client.call(request_fields(), message(b"moved"))), 0)
        self.assertEqual(exchange.requests[-1]["data"], message(b"moved"))

    def test_streams_that_a_goaway_counts_in_are_finished_where_they_are(self):
        held = []

        def respond(connection, stream):
            if not held:
                held.append((connection, stream))
                connection.send(frame(GOAWAY, 0, 0, struct.pack(">II", stream, 0)))
            else:
                Exchange.answer_ok(connection, stream)
        exchange = Exchange(respond)
        client = self.through(exchange)
        first = client.next_stream()
        client.send(headers(first, request_fields()), frame(DATA, END_STREAM, first, message(b"held")))
        wait_until(lambda: held, "the first call arrives")
        self.assertEqual(self.code(client.call(request_fields(), message(b"new"))), 0)
        Exchange.answer_ok(*held[0])
        self.assertEqual(self.code(client.answer(first)), 0)
        self.assertEqual(len(exchange.requests), 2)

    def test_a_server_that_ends_a_stream_twice_keeps_its_other_calls(self):
        """gRPC's C++ server does so whenever a call's deadline passes before it has answered."""
        held = []

        def respond(connection, stream):
            if not held:
                held.append((connection, stream))
                return
            end = headers(stream, RESPONSE + [("grpc-status", "4")], end_stream=True)
            connection.send((end + frame(RST_STREAM, 0, stream, struct.pack(">I", raw_h2.NO_ERROR))) * 2)
        exchange = Exchange(respond)
        client = self.through(exchange)
        first = client.next_stream()
        client.send(headers(first, request_fields()), frame(DATA, END_STREAM, first, message(b"held")))
        wait_until(lambda: held, "the first call arrives")
        for _ in range(10):
            self.assertEqual(self.code(client.call(request_fields(), message(b""))), 4)
        Exchange.answer_ok(*held[0])
        self.assertEqual(self.code(client.answer(first)), 0)
        self.assertEqual(len(exchange.connections), 1)

    def test_a_servers_limit_of_streams_is_never_exceeded(self):
        lock, open_streams, worst = threading.Lock(), {}, [0]

        def at_headers(connection, stream):
            with lock:
                open_streams[connection] = open_streams.get(connection, 0) + 1
                worst[0] = max(worst[0], open_streams[connection])

            def finish():
                with lock:
                    open_streams[connection] -= 1
                Exchange.answer_ok(connection, stream)
            threading.Timer(0.01, finish).start()

        exchange = Exchange(at_headers=at_headers, settings=struct.pack(">HI", raw_h2.MAX_CONCURRENT_STREAMS, 2))
        self.through(exchange)
        client = self.client(self.proxy)
        client.echo()  # Its limit is known from here on.
        worst[0] = 0
        calls = [client.unary.future(echo_pb2.Note(), timeout=60) for _ in range(100)]
        self.assertEqual({call.code() for call in calls}, {grpc.StatusCode.OK})
        self.assertLessEqual(worst[0], 2)
        self.assertGreater(len(exchange.connections), 1)


if __name__ == "__main__":
    cases.main()
