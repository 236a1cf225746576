"""A model server that speaks nonsense harms its own calls alone."""

import struct

import grpc

from test import cases
from test.integration import echo_pb2, raw_h2
from test.integration.harness import IntegrationTest, needs_weir
from test.integration.load import Load
from test.integration.raw_h2 import (CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING,
                                     PUSH_PROMISE, RST_STREAM, SETTINGS, WINDOW_UPDATE, block, frame, headers, message)

U32 = struct.Struct(">I")
RESPONSE = [(":status", "200"), ("content-type", "application/grpc")]
OK = [("grpc-status", "0")]


def ok(stream, response=RESPONSE, body=message(b""), trailers=OK):
    return headers(stream, response) + frame(DATA, 0, stream, body) + headers(stream, trailers, end_stream=True)


# What a server sends in place of an answer to `stream`.
ANSWERS = {
    "garbage": lambda stream: bytes(range(256)) * 100,
    "HTTP/1.1": lambda stream: b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n",
    "a frame of 16 MiB": lambda stream: frame(DATA, 0, stream, length=0xffffff) + b"x" * 70_000,
    "DATA before headers": lambda stream: frame(DATA, END_STREAM, stream, message(b"")),
    "headers without :status": lambda stream: ok(stream, [("content-type", "application/grpc")]),
    "a request as a response": lambda stream: ok(stream, raw_h2.request_fields()),
    "an illegal name": lambda stream: ok(stream, RESPONSE + [("Bad Name", "v")]),
    "an illegal value": lambda stream: ok(stream, RESPONSE + [("a", "b\r\nc: d")]),
    "illegal trailers": lambda stream: ok(stream, trailers=OK + [("a\nb", "v")]),
    "a pseudo-header in trailers": lambda stream: ok(stream, trailers=OK + [(":status", "200")]),
    "headers of 1 MiB": lambda stream: ok(stream, RESPONSE + [(f"x-{i}", "v" * 16_000) for i in range(64)]),
    "endless headers": lambda stream: (frame(HEADERS, 0, stream, block(RESPONSE)) +
                                       frame(CONTINUATION, 0, stream) * 10_000),
    "headers that do not decode": lambda stream: frame(HEADERS, END_HEADERS, stream, b"\xff" * 8),
    "PUSH_PROMISE": lambda stream: frame(PUSH_PROMISE, END_HEADERS, stream,
                                         U32.pack(2) + block(raw_h2.request_fields())),
    "DATA of a stream that never was": lambda stream: frame(DATA, 0, stream + 1000, b"x"),
    "a window over 2^31-1": lambda stream: frame(WINDOW_UPDATE, 0, 0, U32.pack(0x7fffffff)),
    "more DATA than the window": lambda stream: (headers(stream, RESPONSE) +
                                                 frame(DATA, 0, stream, b"\0" * 16_384) * 1000),
    "a flood of PINGs": lambda stream: frame(PING, 0, 0, b"\0" * 8) * 100_000,
    "a flood of SETTINGS": lambda stream: frame(SETTINGS, 0, 0) * 100_000,
    "a flood of empty DATA": lambda stream: headers(stream, RESPONSE) + frame(DATA, 0, stream) * 100_000,
    "GOAWAY with an error": lambda stream: frame(GOAWAY, 0, 0, U32.pack(stream) + U32.pack(2)),
    "RST_STREAM of an idle stream": lambda stream: frame(RST_STREAM, 0, stream + 1000, U32.pack(8)),
}


@needs_weir
class BadUpstream(IntegrationTest):
    def test_its_calls_fail_and_nobody_elses(self):
        good = self.echo_server("good")
        answer = [None]

        def serve(connection):
            while (got := connection.wait_for(HEADERS)) is not None:
                connection.headers_of(got)
                connection.answers = False
                connection.send(answer[0](got.stream))

        bad = raw_h2.RawServer(serve)
        self.addCleanup(bad.close)
        weir = self.weir({"good": good, "bad": bad.address}, routes=[
            {"match": {"service": "weir.test.Echo", "method": "ServerStream"}, "model": "bad"},
            {"match": {"service": "*"}, "model": "good"}])
        client = self.client(weir)
        with Load(self, weir, callers=2) as honest:
            for name, answer[0] in ANSWERS.items():
                with self.subTest(name):
                    honest.wait_for(5)
                    with self.assertRaises(grpc.RpcError) as raised:
                        list(client.server_stream(echo_pb2.Note(), timeout=10))
                    self.assertIn(raised.exception.code().name,
                                  ("UNAVAILABLE", "INTERNAL", "UNKNOWN", "RESOURCE_EXHAUSTED"))
            honest.wait_for(20)
        self.assertEqual(honest.failures, [])
        self.assertTrue(weir.is_running())


if __name__ == "__main__":
    cases.main()
