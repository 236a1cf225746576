"""Back-pressure: who reads slowly is sent slowly, nobody else is, and nothing piles up in between."""

import itertools
import threading

from test import cases
from test.integration import echo_pb2
from test.integration.echo_client import MEBIBYTE, TIMEOUT, knobs, notes
from test.integration.harness import IntegrationTest, wait_until

CHUNK = 64 * 1024
MESSAGES = 64 * MEBIBYTE // CHUNK


class Conversation:
    """A bidirectional stream that takes turns, for as long as one likes."""

    def __init__(self, client):
        self._next = threading.Semaphore(0)
        self._over = False
        self._call = client.bidi(self._requests(), timeout=60)

    def _requests(self):
        while True:
            self._next.acquire()
            if self._over:
                return
            yield echo_pb2.Note(payload=b"turn")

    def turns(self, count):
        for _ in range(count):
            self._next.release()
            if next(self._call).payload != b"turn":
                raise AssertionError("a wrong answer")

    def end(self):
        self._over = True
        self._next.release()
        return list(self._call), self._call.code().value[0]


class Flow(IntegrationTest):
    def setUp(self):
        super().setUp()
        self.server = self.echo_server()
        self.direct = self.client(self.server)
        self.proxy = self.plain_proxy(self.server)

    def stalled_at(self, tag, field, neighbours):
        """The server's count once it stands still while every neighbour takes 200 turns."""
        counts = [-1]

        def stands_still():
            for neighbour in neighbours:
                neighbour.turns(200)
            counts.append(getattr(self.direct.counts(tag), field))
            return counts[-1] == counts[-2] and counts[-1] > 0

        wait_until(stands_still, lambda: f"{field} stands still: {counts}")
        return counts[-1]

    def test_a_client_that_stops_reading_is_not_read_for(self):
        same = self.client(self.proxy)
        neighbours = [Conversation(same), Conversation(self.client(self.proxy))]  # On its connection, and on another.
        for neighbour in neighbours:
            neighbour.turns(10)
        before = self.proxy.resident_bytes()
        answers = same.server_stream(echo_pb2.Note(), timeout=60,
                                     metadata=knobs(tag="unread", replies=MESSAGES, reply_bytes=CHUNK))
        stalled = self.stalled_at("unread", "replies", neighbours)
        self.assertLess(stalled * CHUNK, 8 * MEBIBYTE)
        self.assertLess(self.proxy.resident_bytes() - before, 8 * MEBIBYTE)
        self.assertEqual([len(answer.payload) for answer in answers], [CHUNK] * MESSAGES)
        self.assertEqual([neighbour.end() for neighbour in neighbours], [([], 0)] * 2)

    def test_a_server_that_stops_reading_holds_its_client_back(self):
        same = self.client(self.proxy)
        neighbours = [Conversation(same), Conversation(self.client(self.proxy))]
        for neighbour in neighbours:
            neighbour.turns(10)
        before = self.proxy.resident_bytes()
        sent = itertools.count()
        taken = [0]

        def requests():
            for _ in range(MESSAGES):
                taken[0] = next(sent) + 1
                yield echo_pb2.Note(payload=b"u" * CHUNK)

        call = same.client_stream.future(requests(), timeout=60, metadata=knobs(tag="hung", hang=True))
        marks = [-1]

        def stands_still():
            for neighbour in neighbours:
                neighbour.turns(200)
            marks.append(taken[0])
            return marks[-1] == marks[-2] and marks[-1] > 0

        wait_until(stands_still, lambda: f"the client is held back: {marks}")
        self.assertLess(marks[-1] * CHUNK, 8 * MEBIBYTE)
        self.assertLess(self.proxy.resident_bytes() - before, 8 * MEBIBYTE)
        call.cancel()
        wait_until(lambda: self.direct.counts("hung").ended == 1, "the hung call ends")
        self.assertEqual([neighbour.end() for neighbour in neighbours], [([], 0)] * 2)

    def test_thirty_clients_that_do_not_read_cost_little(self):
        self.client(self.proxy).echo()
        neighbour = Conversation(self.client(self.proxy))
        neighbour.turns(10)
        before = self.proxy.resident_bytes()
        streams = [self.client(self.proxy).server_stream(echo_pb2.Note(), timeout=60, metadata=knobs(
            tag="unread", replies=10 * MEBIBYTE // CHUNK, reply_bytes=CHUNK)) for _ in range(30)]
        wait_until(lambda: self.direct.counts("unread").started == 30,
                   lambda: f"all start: {self.direct.counts('unread')}, {[s for s in streams if not s.is_active()]}")
        self.stalled_at("unread", "replies", [neighbour])
        self.assertLess(self.proxy.resident_bytes() - before, 30 * 1.2 * MEBIBYTE)
        for stream in streams:
            stream.cancel()
        wait_until(lambda: self.direct.counts("unread").ended == 30, "all have ended")
        self.assertEqual(neighbour.end(), ([], 0))

    def test_sixty_four_mebibytes_stream_up_in_bounded_memory(self):
        client = self.client(self.proxy)
        client.echo()
        before = self.proxy.resident_bytes()
        reply = client.client_stream(iter(notes(*[b"u" * MEBIBYTE] * 64)), timeout=TIMEOUT)
        self.assertEqual(reply.seen.request_bytes, 64 * MEBIBYTE)
        self.assertLess(self.proxy.resident_bytes() - before, 8 * MEBIBYTE)


if __name__ == "__main__":
    cases.main()
