"""gRPC for Python through the proxy, against servers in both languages."""

import threading

import grpc

from test import cases
from test.integration import echo_pb2
from test.integration.echo_client import MEBIBYTE, TIMEOUT, knobs, notes, seen_values, values
from test.integration.harness import IntegrationTest, wait_until

ALL_BYTES = bytes(range(256))
PRINTABLE = "".join(map(chr, range(0x21, 0x7f)))


class AgainstCpp(IntegrationTest):
    language = "cc"

    def setUp(self):
        super().setUp()
        self.server = self.echo_server("echo", self.language)
        self.direct = self.client(self.server)
        self.proxied = self.client(self.plain_proxy(self.server))

    def test_a_unary_call_is_answered(self):
        reply, call = self.proxied.echo(b"hello")
        self.assertEqual((reply.payload, reply.seen.server, call.code()), (b"hello", "echo", grpc.StatusCode.OK))

    def test_a_client_stream_arrives_whole(self):
        reply = self.proxied.client_stream(iter(notes(*[b"x" * i for i in range(50)])), timeout=TIMEOUT)
        self.assertEqual((reply.seen.requests, reply.seen.request_bytes), (50, 49 * 50 // 2))

    def test_a_server_stream_arrives_whole(self):
        replies = self.proxied.server_stream(echo_pb2.Note(payload=b"y"), metadata=knobs(replies=300), timeout=TIMEOUT)
        self.assertEqual([reply.payload for reply in replies], [b"y"] * 300)

    def test_a_conversation_takes_turns(self):
        says, turn = [], threading.Semaphore(0)

        def requests():
            for number in range(50):
                yield echo_pb2.Note(payload=b"%d" % number)
                turn.acquire()  # The next only after the answer.

        for reply in self.proxied.bidi(requests(), timeout=TIMEOUT):
            says.append(reply.payload)
            turn.release()
        self.assertEqual(says, [b"%d" % number for number in range(50)])

    def test_metadata_pass_byte_for_byte_both_ways_and_keep_their_order(self):
        pairs = [("dup", "c"), ("dup", "a"), ("dup", "c"), ("bytes-bin", ALL_BYTES), ("text", PRINTABLE), ("empty", "")]
        reply, call = self.proxied.echo(metadata=knobs(initial=pairs, trailing=pairs) + pairs)
        for key in ("dup", "bytes-bin", "text", "empty"):
            sent = [value for name, value in pairs if name == key]
            raw = [value if isinstance(value, bytes) else value.encode() for value in sent]
            self.assertEqual(seen_values(reply.seen, key), raw)
            self.assertEqual(values(call.initial_metadata(), key), sent)
            self.assertEqual(values(call.trailing_metadata(), key), sent)

    def test_a_status_passes_with_any_message(self):
        for code in grpc.StatusCode:
            if code is grpc.StatusCode.OK:
                continue
            message = "50 % Grüße, 東京\n"
            error = self.proxied.failure(metadata=knobs(status_code=code.value[0], status_message=message,
                                                        no_reply=True, trailing=[("detail-bin", ALL_BYTES)]))
            self.assertEqual((error.code(), error.details()), (code, message))
            self.assertEqual(values(error.trailing_metadata(), "detail-bin"), [ALL_BYTES])

    def test_a_deadline_is_kept_and_known_to_the_server(self):
        reply, _ = self.proxied.echo(timeout=15)
        self.assertTrue(0 < reply.seen.deadline_ms <= 15_200, reply.seen.deadline_ms)
        error = self.proxied.failure(metadata=knobs(hang=True, tag="slow"), timeout=0.2)
        self.assertEqual(error.code(), grpc.StatusCode.DEADLINE_EXCEEDED)
        wait_until(lambda: self.direct.counts("slow").cancelled == 1, "the server is told to stop")

    def test_a_cancelled_call_ends_at_the_server(self):
        call = self.proxied.unary.future(echo_pb2.Note(), metadata=knobs(hang=True, tag="given up"), timeout=TIMEOUT)
        wait_until(lambda: self.direct.counts("given up").started == 1, "the call arrives")
        call.cancel()
        wait_until(lambda: self.direct.counts("given up").ended == 1, "the call ends")
        self.assertEqual(self.direct.counts("given up").cancelled, 1)

    def test_large_messages_pass(self):
        payload = ALL_BYTES * (4 * MEBIBYTE // 256)
        self.assertEqual(self.proxied.echo(payload)[0].payload, payload)
        replies = self.proxied.bidi(iter(notes(*[payload] * 3)), timeout=TIMEOUT)
        self.assertEqual([reply.payload == payload for reply in replies], [True] * 3)

    def test_compressed_messages_pass(self):
        payload = b"z" * 100_000
        reply, _ = self.proxied.echo(payload, metadata=knobs(gzip=True), compression=grpc.Compression.Gzip)
        self.assertEqual(reply.payload, payload)

    def test_a_server_that_ends_early_ends_well(self):
        def endless():
            while True:
                yield echo_pb2.Note(payload=b"more")
        reply = self.proxied.client_stream(endless(), metadata=knobs(finish_after=3), timeout=TIMEOUT)
        self.assertEqual(reply.seen.requests, 3)

    def test_an_unknown_method_of_the_server_is_unimplemented(self):
        absent = self.proxied.channel.unary_unary("/weir.test.Echo/Absent", echo_pb2.Note.SerializeToString,
                                                  echo_pb2.Note.FromString)
        with self.assertRaises(grpc.RpcError) as raised:
            absent(echo_pb2.Note(), timeout=TIMEOUT)
        self.assertEqual(raised.exception.code(), grpc.StatusCode.UNIMPLEMENTED)

    def test_fifty_calls_at_once_are_each_answered_with_their_own(self):
        calls = [self.proxied.unary.future(echo_pb2.Note(payload=b"%d" % i), timeout=TIMEOUT) for i in range(50)]
        self.assertEqual([call.result().payload for call in calls], [b"%d" % i for i in range(50)])


class AgainstPython(AgainstCpp):
    language = "py"


if __name__ == "__main__":
    cases.main()
