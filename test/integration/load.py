"""Honest callers in the background, whose every call is accounted for."""

import threading

import grpc

from test.integration.echo_client import EchoClient
from test.integration.processes import wait_until


class Load:
    """Callers that make unary calls one after the other over one channel, from `with` to its end. Call number i carries
    the metadata `metadata(i)`. `check(reply, call)`, if any, raises for a wrong answer."""

    def __init__(self, test, target, metadata=lambda i: [], callers=4, stops_at_failure=False, check=None):
        self._client = EchoClient(target.address)
        test.addCleanup(self._client.close)
        self._target, self._metadata, self._check = target, metadata, check
        self.callers, self._stops_at_failure = callers, stops_at_failure
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._next = 0
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(callers)]
        self.successes = 0
        self.failures = []  # grpc.RpcError, or what `check` raised.

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self.wait_until_stopped()

    def _run(self):
        while not self._over.is_set():
            with self._lock:
                number, self._next = self._next, self._next + 1
            try:
                reply, call = self._client.echo(b"load", self._metadata(number))
                if self._check:
                    self._check(reply, call)
            except (grpc.RpcError, AssertionError) as failure:
                with self._lock:
                    self.failures.append(failure)
                if self._stops_at_failure:
                    return
            else:
                with self._lock:
                    self.successes += 1

    def wait_for(self, more):
        """Until so many more calls have succeeded."""
        goal = self.successes + more
        wait_until(lambda: self.successes >= goal,
                   lambda: f"{goal} calls succeed: {self.successes} did, failed did {self.failures[-1:]}")

    def wait_until_stopped(self):
        for thread in self._threads:
            thread.join(60)
