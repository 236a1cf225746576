"""HTTP/2 by hand: a client and a server that may do what no library lets them do. Frames are written here; header
blocks are sent as literals and read with libnghttp2, which weir is linked with anyway."""

import collections
import contextlib
import ctypes
import socket
import struct
import threading

from test.integration.processes import DEADLINE

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED, HAS_PRIORITY = 0x1, 0x1, 0x4, 0x8, 0x20
NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, REFUSED_STREAM, CANCEL, ENHANCE_YOUR_CALM = 0, 1, 2, 7, 8, 11
FLOW_CONTROL_ERROR, INADEQUATE_SECURITY = 3, 12
MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE = 3, 4

Frame = collections.namedtuple("Frame", "type flags stream payload")


def frame(kind, flags, stream, payload=b"", length=None):
    """A frame's bytes; `length` may lie."""
    return struct.pack(">I", len(payload) if length is None else length)[1:] + bytes([kind, flags]) + struct.pack(
        ">I", stream) + payload


def _integer(value, prefix_bits):
    limit = (1 << prefix_bits) - 1
    if value < limit:
        return bytes([value])
    out = bytearray([limit])
    value -= limit
    while value >= 128:
        out.append(value % 128 + 128)
        value //= 128
    out.append(value)
    return bytes(out)


def block(fields):
    """A header block of literals that are never indexed. Names and values may be illegal."""
    out = b""
    for name, value in fields:
        name, value = (text if isinstance(text, bytes) else text.encode() for text in (name, value))
        out += b"\0" + _integer(len(name), 7) + name + _integer(len(value), 7) + value
    return out


class Inflater:
    """Decodes header blocks of one connection."""

    class _Field(ctypes.Structure):
        _fields_ = [("name", ctypes.POINTER(ctypes.c_uint8)), ("value", ctypes.POINTER(ctypes.c_uint8)),
                    ("name_length", ctypes.c_size_t), ("value_length", ctypes.c_size_t), ("flags", ctypes.c_uint8)]

    _EMIT, _FINAL = 2, 1

    def __init__(self):
        self._library = ctypes.CDLL("libnghttp2.so.14")
        self._library.nghttp2_hd_inflate_hd2.restype = ctypes.c_ssize_t
        self._state = ctypes.c_void_p()
        if self._library.nghttp2_hd_inflate_new(ctypes.byref(self._state)) != 0:
            raise MemoryError("no inflater")

    def decode(self, data):
        fields, at = [], 0
        while True:
            found, flags = self._Field(), ctypes.c_int(0)
            rest = data[at:]
            used = self._library.nghttp2_hd_inflate_hd2(self._state, ctypes.byref(found), ctypes.byref(flags), rest,
                                                        ctypes.c_size_t(len(rest)), 1)
            if used < 0:
                raise ValueError(f"header block does not decode: {used}")
            at += used
            if flags.value & self._EMIT:
                fields.append((ctypes.string_at(found.name, found.name_length),
                               ctypes.string_at(found.value, found.value_length)))
            if flags.value & self._FINAL:
                self._library.nghttp2_hd_inflate_end_headers(self._state)
                return fields

    def __del__(self):
        self._library.nghttp2_hd_inflate_del(self._state)


class Connection:
    """One side of a connection. Frames are read in order; PINGs and SETTINGS are answered on the way."""

    def __init__(self, wire):
        self.wire = wire
        self.wire.settimeout(DEADLINE)
        self.wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = b""
        self._inflater = Inflater()
        self.answers = True  # PINGs and SETTINGS.

    def send(self, *frames):
        self.wire.sendall(b"".join(frames))

    def _take(self, size):
        while len(self._received) < size:
            more = self.wire.recv(65536)
            if not more:
                return None
            self._received += more
        taken, self._received = self._received[:size], self._received[size:]
        return taken

    def read_frame(self):
        """The next frame, or None when the other side has closed."""
        try:
            head = self._take(9)
            payload = head and self._take(int.from_bytes(head[:3], "big"))
        except ConnectionError:
            return None
        if payload is None:
            return None
        got = Frame(head[3], head[4], int.from_bytes(head[5:9], "big") & 0x7fffffff, payload)
        if got.type in (DATA, HEADERS) and got.flags & PADDED:
            got = got._replace(flags=got.flags & ~PADDED, payload=payload[1:len(payload) - payload[0]])
        if self.answers and got.type in (PING, SETTINGS) and not got.flags & ACK:
            with contextlib.suppress(OSError):
                self.send(frame(got.type, ACK, 0, got.payload if got.type == PING else b""))
        return got

    def headers_of(self, got):
        """The fields of a HEADERS frame and its CONTINUATIONs."""
        payload = got.payload
        if got.flags & HAS_PRIORITY:
            payload = payload[5:]
        while not got.flags & END_HEADERS:
            got = self.read_frame()
            payload += got.payload
        return self._inflater.decode(payload)

    def wait_for(self, *kinds, stream=None):
        """The next frame of these kinds (of that stream); None at the end of the connection. Header blocks on the way
        are decoded, so that the table stays right."""
        while True:
            got = self.read_frame()
            if got is None:
                return None
            if got.type in kinds and (stream is None or got.stream == stream):
                return got
            if got.type == HEADERS:
                self.headers_of(got)

    def wait_for_end(self):
        """The last GOAWAY before the other side closed, or None when it closed without one."""
        last = None
        while True:
            got = self.read_frame()
            if got is None:
                return last
            if got.type == GOAWAY:
                last = got

    def close(self):
        self.wire.close()

    def reset(self):
        """Closes with a TCP reset."""
        self.wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.wire.close()


def error_code(got):
    """Of RST_STREAM or GOAWAY."""
    return int.from_bytes(got.payload[:4] if got.type == RST_STREAM else got.payload[4:8], "big")


def request_fields(path="/weir.test.Echo/Unary", extra=(), without=(), authority="test"):
    fields = [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", authority), ("te", "trailers"),
              ("content-type", "application/grpc")]
    return [field for field in fields if field[0] not in without] + list(extra)


def message(payload, compressed=False):
    """A length-prefixed message."""
    return struct.pack(">BI", compressed, len(payload)) + payload


def headers(stream, fields, end_stream=False):
    """HEADERS and as many CONTINUATIONs as it takes."""
    payload = block(fields)
    pieces = [payload[i:i + 16384] for i in range(0, len(payload), 16384)] or [b""]
    flags = END_STREAM if end_stream else 0
    out = b""
    for i, piece in enumerate(pieces):
        last = END_HEADERS if i == len(pieces) - 1 else 0
        out += frame(HEADERS, flags | last, stream, piece) if i == 0 else frame(CONTINUATION, last, stream, piece)
    return out


Answer = collections.namedtuple("Answer", "headers data trailers reset")


class RawClient(Connection):
    def __init__(self, address, settings=b"", preface=PREFACE):
        host, port = address.split(":")
        super().__init__(socket.create_connection((host, int(port)), DEADLINE))
        if preface:
            self.send(preface, frame(SETTINGS, 0, 0, settings))
        self._next_stream = 1

    def next_stream(self):
        stream, self._next_stream = self._next_stream, self._next_stream + 2
        return stream

    def call(self, fields, body=b"", trailers=None):
        """Sends a whole request and reads its whole answer."""
        stream = self.next_stream()
        self.send(headers(stream, fields, end_stream=body is None and trailers is None))
        if body is not None:
            self.send(frame(DATA, END_STREAM if trailers is None else 0, stream, body))
        if trailers is not None:
            self.send(headers(stream, trailers, end_stream=True))
        return self.answer(stream)

    def answer(self, stream):
        """Until END_STREAM, RST_STREAM, or the end of the connection (then None)."""
        first = trailers = None
        data = b""
        while True:
            got = self.wait_for(HEADERS, DATA, RST_STREAM, stream=stream)
            if got is None:
                return None
            if got.type == RST_STREAM:
                return Answer(first, data, trailers, error_code(got))
            if got.type == HEADERS:
                fields = self.headers_of(got)
                first, trailers = (fields, trailers) if first is None else (first, fields)
            else:
                data += got.payload
                if got.payload:
                    self.send(frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", len(got.payload))))
            if got.flags & END_STREAM:
                return Answer(first, data, trailers, None)


class RawServer:
    """Listens, and hands each connection to `serve(connection)` on its own thread, after the preface and SETTINGS."""

    def __init__(self, serve, settings=b"", speaks=True):
        self._serve, self._settings, self._speaks = serve, settings, speaks
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self._listener.getsockname()[1]
        self.connections = []
        self.faults = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                wire, _ = self._listener.accept()
                connection = Connection(wire)
                self.connections.append(connection)
                threading.Thread(target=self._greet, args=(connection,), daemon=True).start()

    def _greet(self, connection):
        try:
            if self._speaks:
                if connection._take(len(PREFACE)) != PREFACE:
                    return
                connection.send(frame(SETTINGS, 0, 0, self._settings))
            self._serve(connection)
        except (OSError, TimeoutError):
            pass
        except Exception as fault:  # pylint: disable=broad-except  (Shown by the test.)
            self.faults.append(fault)

    def close(self):
        self._listener.close()
        for connection in self.connections:
            connection.close()


def field(fields, name):
    """The values of a header, in order, as bytes."""
    return [value for key, value in fields if key == name.encode()]
