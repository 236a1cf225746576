"""The programs that the demo starts: each with a log of its own, each ended by its process id, none left behind."""

import ctypes
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

GRACE = 5.0  # Seconds from SIGTERM to SIGKILL.
PR_SET_PDEATHSIG = 1


class Failed(Exception):
    """The demo cannot go on. `guilty` is the child whose log tells more, if any."""

    def __init__(self, message, guilty=None):
        super().__init__(message)
        self.guilty = guilty


def _die_with_the_demo():
    """In the child: the kernel ends it when the demo is gone, even by SIGKILL."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Child:
    def __init__(self, name, command, folder):
        self.name = name
        self.command = [str(word) for word in command]
        self.log = pathlib.Path(folder) / f"{name}.log"
        with open(self.log, "ab") as log:
            # A session of its own: Ctrl-C reaches the demo alone, which then ends its children in order.
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True, preexec_fn=_die_with_the_demo)

    def is_running(self):
        return self.process.poll() is None

    def check(self):
        if not self.is_running():
            raise Failed(f"{self.name} ended by itself with status {self.process.returncode}", self)

    def tail(self, lines=15):
        try:
            return self.log.read_text(errors="replace").splitlines()[-lines:]
        except OSError as error:
            return [f"(no log: {error})"]

    def wait_for_line(self, pattern, timeout=15.0):
        """The match of the first line of its log that `pattern` matches."""
        deadline = time.monotonic() + timeout
        while True:
            match = re.search(pattern, self.log.read_text(errors="replace"), re.M)
            if match:
                return match
            self.check()
            if time.monotonic() > deadline:
                raise Failed(f"{self.name} did not start within {timeout:.0f} s", self)
            time.sleep(0.02)

    def kill(self):
        """As a crash would: no last word."""
        self.process.kill()
        self.process.wait()

    def stop(self):
        """SIGTERM, then SIGKILL after the grace. Its exit status."""
        if self.is_running():
            self.process.terminate()
            try:
                self.process.wait(GRACE)
            except subprocess.TimeoutExpired:
                self.kill()
        return self.process.returncode


class Children:
    """Starts them in order and stops them in reverse."""

    def __init__(self, folder):
        self.folder = folder
        self._running = []

    def start(self, name, command):
        if not os.access(command[0], os.X_OK):
            raise Failed(f"{command[0]} is not there: ./run build makes it")
        child = Child(name, command, self.folder)
        self._running.append(child)
        return child

    def check(self):
        for child in self._running:
            child.check()

    def forget(self, child):
        """It has ended as it should."""
        self._running.remove(child)

    def stop_all(self):
        while self._running:
            self._running.pop().stop()


def free_ports(count):
    """Ports of loopback that nobody holds now. All are held until the last is found, so that they differ."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
