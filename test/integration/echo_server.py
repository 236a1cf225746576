"""weir.test.Echo and weir.test.Observer in Python: the same as echo_server.cc, on gRPC for Python."""

import collections
import pathlib
import sys
import threading
from concurrent import futures

sys.path.insert(0, str(pathlib.Path(__file__).absolute().parents[2]))

import grpc  # pylint: disable=wrong-import-position

from test.integration import echo_pb2  # pylint: disable=wrong-import-position

KNOBS = "test-knobs-bin"


class Observations:
    """Counts by tag. Any thread may call it."""

    def __init__(self):
        self._lock = threading.Lock()
        self._counts = collections.defaultdict(echo_pb2.Counts)
        self._behaviour = echo_pb2.Knobs()

    def add(self, tag, field, last=None):
        with self._lock:
            for key in {tag, ""}:
                counts = self._counts[key]
                setattr(counts, field, getattr(counts, field) + 1)
                if last is not None:
                    counts.last.CopyFrom(last)

    def of(self, tag):
        with self._lock:
            copy = echo_pb2.Counts()
            copy.CopyFrom(self._counts[tag])
            return copy

    def behave(self, knobs):
        with self._lock:
            self._behaviour = knobs

    def knobs_for(self, serialized):
        knobs = echo_pb2.Knobs.FromString(serialized)
        with self._lock:
            knobs.MergeFrom(self._behaviour)
        return knobs


class EchoCall:
    """One call, of any kind."""

    def __init__(self, name, observations, context):
        self._observations, self._context = observations, context
        self._over = threading.Event()
        self.seen = echo_pb2.Seen(server=name)
        serialized = b""
        for key, value in context.invocation_metadata():
            if key == KNOBS:
                serialized = value
            else:
                self.seen.metadata.add(key=key, value=value if isinstance(value, bytes) else value.encode())
        left = context.time_remaining()
        if left is not None and left < 1e6:  # A call without a deadline has one in the far future here.
            self.seen.deadline_ms = int(left * 1000)
        self.knobs = observations.knobs_for(serialized)
        self._has_answered = self._has_finished = False
        observations.add(self.knobs.tag, "started", self.seen)
        context.add_callback(self._on_done)
        self._begin()

    def _begin(self):
        metadata = [(m.key, m.value if m.key.endswith("-bin") else m.value.decode()) for m in self.knobs.initial]
        if self.knobs.gzip:
            self._context.set_compression(grpc.Compression.Gzip)
        self._context.set_trailing_metadata(
            [(m.key, m.value if m.key.endswith("-bin") else m.value.decode()) for m in self.knobs.trailing])
        if metadata or self.knobs.headers_first:
            self._context.send_initial_metadata(metadata)
        if self.knobs.hang:
            self._over.wait()
        elif self.knobs.delay_ms:
            self._over.wait(self.knobs.delay_ms / 1000)

    def _on_done(self):
        if not self._has_finished:
            self._observations.add(self.knobs.tag, "cancelled")
        self._observations.add(self.knobs.tag, "ended")
        self._over.set()

    def received(self, note):
        self.seen.requests += 1
        self.seen.request_bytes += len(note.payload)
        self._observations.add(self.knobs.tag, "requests")

    def reply(self, payload=b""):
        note = echo_pb2.Note(payload=b"r" * self.knobs.reply_bytes or payload)
        if not self._has_answered:
            note.seen.CopyFrom(self.seen)
        self._has_answered = True
        self._observations.add(self.knobs.tag, "replies")
        return note

    def is_last(self):
        return 0 < self.knobs.finish_after <= self.seen.requests

    def finish(self):
        """The end of every handler."""
        if self.knobs.server_cancel:
            self._context.cancel()
            return
        self._has_finished = True
        self._context.set_details(self.knobs.status_message)
        codes = {code.value[0]: code for code in grpc.StatusCode}
        if self.knobs.status_code and self.knobs.no_reply:
            self._context.abort(codes[self.knobs.status_code], self.knobs.status_message)
        self._context.set_code(codes[self.knobs.status_code])


class Handlers(grpc.GenericRpcHandler):
    def __init__(self, name, observations):
        self._name, self._observations = name, observations

    def service(self, details):
        note, parse = echo_pb2.Note.SerializeToString, echo_pb2.Note.FromString
        return {
            "/weir.test.Echo/Unary": grpc.unary_unary_rpc_method_handler(self._unary, parse, note),
            "/weir.test.Echo/ClientStream": grpc.stream_unary_rpc_method_handler(self._client_stream, parse, note),
            "/weir.test.Echo/ServerStream": grpc.unary_stream_rpc_method_handler(self._server_stream, parse, note),
            "/weir.test.Echo/Bidi": grpc.stream_stream_rpc_method_handler(self._bidi, parse, note),
            "/weir.test.Observer/Count": grpc.unary_unary_rpc_method_handler(
                lambda request, context: self._observations.of(request.tag), echo_pb2.CountRequest.FromString,
                echo_pb2.Counts.SerializeToString),
            "/weir.test.Observer/Behave": grpc.unary_unary_rpc_method_handler(
                self._behave, echo_pb2.Knobs.FromString, echo_pb2.Counts.SerializeToString),
        }.get(details.method)

    def _behave(self, knobs, context):
        self._observations.behave(knobs)
        return self._observations.of("")

    def _unary(self, request, context):
        call = EchoCall(self._name, self._observations, context)
        call.received(request)
        reply = call.reply(request.payload)
        call.finish()
        return reply

    def _client_stream(self, requests, context):
        call = EchoCall(self._name, self._observations, context)
        for request in requests:
            call.received(request)
            if call.is_last():
                break
        reply = call.reply()
        call.finish()
        return reply

    def _server_stream(self, request, context):
        call = EchoCall(self._name, self._observations, context)
        call.received(request)
        for _ in range(call.knobs.replies):
            yield call.reply(request.payload)
        call.finish()

    def _bidi(self, requests, context):
        call = EchoCall(self._name, self._observations, context)
        for _ in range(call.knobs.replies):
            yield call.reply()
        held = []
        for request in requests:
            call.received(request)
            if call.knobs.after_half_close:
                held.append(request.payload)
            elif not call.knobs.no_reply:
                yield call.reply(request.payload)
            if call.is_last():
                break
        for payload in held:
            yield call.reply(payload)
        call.finish()


def main():
    name, port = sys.argv[1:]
    options = [("grpc.max_receive_message_length", 64 << 20), ("grpc.max_send_message_length", 64 << 20),
               ("grpc.max_metadata_size", 64 * 1024), ("grpc.so_reuseport", 1)]
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=32), options=options)
    server.add_generic_rpc_handlers((Handlers(name, Observations()),))
    bound = server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    print(f"listening on 127.0.0.1:{bound}", flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main()
