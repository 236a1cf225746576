"""Processes of a test: started on ports that they choose, waited for by condition, ended by pid, their logs kept."""

import os
import pathlib
import re
import signal
import socket
import subprocess
import time

DEADLINE = 20.0  # Seconds that any condition may take; a healthy one takes milliseconds.


def program(path):
    """The built program or file `path` of this repository, in the test's runfiles."""
    root = os.environ.get("TEST_SRCDIR")
    here = pathlib.Path(root, os.environ.get("TEST_WORKSPACE", "weir")) if root else pathlib.Path("bazel-bin")
    return str(here / path)


def wait_until(condition, what, deadline=DEADLINE):
    """The first true value of `condition()`; fails when there is none in time."""
    end = time.monotonic() + deadline
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"in {deadline:.0f} s it did not come true: {what() if callable(what) else what}")
        time.sleep(0.005)  # Between two looks at a condition; nothing depends on its length.


class ReservedPort:
    """A port that is ours until the test ends. Nobody listens on it: connecting is refused, until a program that shares
    ports (as gRPC servers do) listens there. So a server can come back where it was."""

    def __init__(self):
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"

    def close(self):
        self._socket.close()


class Process:
    """A child with its own log file. `name` is for messages."""

    def __init__(self, name, argv, folder, environment=None):
        self.name = name
        self._log_path = pathlib.Path(folder, f"{name}.{time.monotonic_ns()}.log")
        with open(self._log_path, "wb") as log:
            self._child = subprocess.Popen(argv, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                           env={**os.environ, **(environment or {})})
        self.pid = self._child.pid

    def log(self):
        return self._log_path.read_text(errors="replace")

    def is_running(self):
        return self._child.poll() is None

    def wait_for_line(self, pattern, deadline=DEADLINE):
        """The match of the first printed line that has the pattern."""
        def look():
            found = re.search(pattern, self.log(), re.M)
            if not found and not self.is_running():
                raise AssertionError(f"{self.name} ended ({self._child.returncode}) before it printed {pattern!r}:\n"
                                     f"{self.log()[-4000:]}")
            return found
        return wait_until(look, lambda: f"{self.name} prints {pattern!r}; it printed:\n{self.log()[-4000:]}", deadline)

    def signal(self, number):
        self._child.send_signal(number)

    def kill(self):
        """SIGKILL, and the end of it."""
        if self.is_running():
            self._child.kill()
        self._child.wait()

    def exit_status(self, deadline=DEADLINE):
        wait_until(lambda: not self.is_running(), f"{self.name} ends", deadline)
        return self._child.returncode

    def terminate(self, deadline=DEADLINE):
        """SIGTERM, and the exit status."""
        self.signal(signal.SIGTERM)
        return self.exit_status(deadline)

    def resident_bytes(self):
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise AssertionError(f"{self.name} has no memory: it ended")

    def open_descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))
