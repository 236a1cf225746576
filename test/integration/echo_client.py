"""Calls weir.test.Echo and weir.test.Observer with Debian's gRPC for Python, by paths and serializers."""

import grpc

from test.integration import echo_pb2
from test.integration import health_pb2

MEBIBYTE = 1 << 20
TIMEOUT = 20.0  # Of a call that must succeed.

_OPTIONS = [
    ("grpc.use_local_subchannel_pool", 1),  # Each channel has its own connection.
    ("grpc.max_receive_message_length", 64 * MEBIBYTE),
    ("grpc.max_send_message_length", 64 * MEBIBYTE),
    ("grpc.max_metadata_size", 64 * 1024),
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 200),
    ("grpc.enable_http_proxy", 0),
]


def knobs(initial=(), trailing=(), **fields):
    """Request metadata that tell the server how to behave (echo.proto, Knobs)."""
    message = echo_pb2.Knobs(**fields)
    for target, pairs in ((message.initial, initial), (message.trailing, trailing)):
        for key, value in pairs:
            target.add(key=key, value=value if isinstance(value, bytes) else value.encode())
    return [("test-knobs-bin", message.SerializeToString())]


class EchoClient:
    """One channel, which is one connection."""

    def __init__(self, address, options=()):
        self.channel = grpc.insecure_channel(address, options=_OPTIONS + list(options))
        note, parse = echo_pb2.Note.SerializeToString, echo_pb2.Note.FromString
        self.unary = self.channel.unary_unary("/weir.test.Echo/Unary", note, parse)
        self.client_stream = self.channel.stream_unary("/weir.test.Echo/ClientStream", note, parse)
        self.server_stream = self.channel.unary_stream("/weir.test.Echo/ServerStream", note, parse)
        self.bidi = self.channel.stream_stream("/weir.test.Echo/Bidi", note, parse)
        self._count = self.channel.unary_unary("/weir.test.Observer/Count", echo_pb2.CountRequest.SerializeToString,
                                               echo_pb2.Counts.FromString)
        self._behave = self.channel.unary_unary("/weir.test.Observer/Behave", echo_pb2.Knobs.SerializeToString,
                                                echo_pb2.Counts.FromString)
        self.health = self.channel.unary_unary("/grpc.health.v1.Health/Check",
                                               health_pb2.HealthCheckRequest.SerializeToString,
                                               health_pb2.HealthCheckResponse.FromString)
        self.watch_health = self.channel.unary_stream("/grpc.health.v1.Health/Watch",
                                                      health_pb2.HealthCheckRequest.SerializeToString,
                                                      health_pb2.HealthCheckResponse.FromString)

    def echo(self, payload=b"hello", metadata=(), timeout=TIMEOUT, **kwargs):
        """A unary call that must succeed: its reply and its call (for metadata and code)."""
        return self.unary.with_call(echo_pb2.Note(payload=payload), metadata=list(metadata), timeout=timeout, **kwargs)

    def failure(self, payload=b"hello", metadata=(), timeout=TIMEOUT, **kwargs):
        """A unary call that must fail: its grpc.RpcError."""
        try:
            self.echo(payload, metadata, timeout, **kwargs)
        except grpc.RpcError as error:
            return error
        raise AssertionError("the call succeeded, and should not have")

    def counts(self, tag=""):
        """What the server has seen; on a channel straight to it."""
        return self._count(echo_pb2.CountRequest(tag=tag), timeout=TIMEOUT, wait_for_ready=True)

    def behave(self, **fields):
        return self._behave(echo_pb2.Knobs(**fields), timeout=TIMEOUT, wait_for_ready=True)

    def close(self):
        self.channel.close()


def values(metadata, key):
    """The values of a key, in order."""
    return [entry.value for entry in metadata if entry.key == key]


def seen_values(seen, key):
    """The same of the metadata that a server saw; bytes."""
    return [entry.value for entry in seen.metadata if entry.key == key]


def notes(*payloads):
    return [echo_pb2.Note(payload=payload) for payload in payloads]
