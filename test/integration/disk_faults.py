"""A disk that fails on demand: strace answers a process's system calls on the journal's files with an error."""

import pathlib
import shutil
import signal

from test.integration.processes import Process, wait_until

STRACE = shutil.which("strace")


def _of_journal(state):
    return [f"-P{state}/journal.db{suffix}" for suffix in ("", "-wal", "-journal")]


def wrapper(state, inject):
    """What to start a process under, so that `inject` ("openat:error=EROFS") holds for its journal from the start. The
    process keeps the pid of what was started."""
    calls = inject.split(":")[0]
    return [STRACE, "-D", "-f", "-qq", "-o/dev/null", *_of_journal(state), f"-etrace={calls}", f"-einject={inject}"]


class FailingDisk(Process):
    """Until `heal`, system calls of a running process on its journal fail as `inject` says."""

    def __init__(self, pid, state, inject, folder):
        self._victim = pid
        argv = [STRACE, "-f", "-qq", "-o/dev/null", f"-p{pid}", *_of_journal(state),
                f"-etrace={inject.split(':')[0]}", f"-einject={inject}"]
        super().__init__("strace", argv, folder)
        wait_until(self._is_attached, lambda: f"strace is attached: {self.log()}")

    def _is_attached(self):
        if not self.is_running():
            raise AssertionError(f"strace ended: {self.log()}")
        tasks = list(pathlib.Path(f"/proc/{self._victim}/task").iterdir())
        return all("TracerPid:\t0\n" not in (task / "status").read_text() for task in tasks)

    def heal(self):
        self.signal(signal.SIGINT)
        self.exit_status()
