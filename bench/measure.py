"""A load by h2load, and what the kernel counted of a process."""

import pathlib
import re
import struct
import subprocess
from dataclasses import dataclass

PROXY_CORE = "0"
LOAD_CORE = "1"


@dataclass
class LoadResult:
    requests_per_second: float
    failed: int


class Load:
    """Unary calls with a body of `size` bytes (after the 5-byte prefix of its message) to a port of this host."""

    def __init__(self, port, size, folder, clients=4, streams=32, headers=()):
        self._body = pathlib.Path(folder) / f"body-{size}"
        if not self._body.exists():
            payload = bytes(range(256)) * (size // 256) + bytes(size % 256)
            self._body.write_bytes(struct.pack(">BI", 0, size) + payload)
        self._command = ["taskset", "-c", LOAD_CORE, "h2load", f"-c{clients}", f"-m{streams}", "-t1",
                         "-d", str(self._body), "-H", "te: trailers", "-H", "content-type: application/grpc",
                         "-H", "user-agent: h2load", "-H", "x-user-id: user-42"]
        for header in headers:
            self._command += ["-H", header]
        self._url = f"http://127.0.0.1:{port}/weir.bench.Echo/Unary"

    def run(self, requests, timeout=300):
        done = subprocess.run(self._command + ["-n", str(requests), self._url], check=True, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout).stdout
        rate = re.search(r"finished in .*?, ([\d.]+) req/s", done)
        ok = re.search(r"status codes: (\d+) 2xx", done)
        if not rate or not ok:
            raise RuntimeError(f"h2load said nothing that this script reads:\n{done}")
        return LoadResult(float(rate[1]), requests - int(ok[1]))


def cpu_seconds(pids):
    """CPU time of all threads of the processes, to the nanosecond (schedstat)."""
    total = 0
    for pid in pids:
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def peak_memory_kib(pids):
    total = 0
    for pid in pids:
        total += int(re.search(r"VmHWM:\s+(\d+) kB", pathlib.Path(f"/proc/{pid}/status").read_text())[1])
    return total
