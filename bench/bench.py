"""CPU per request of Weir beside other proxies, all in one interleaved run: ./run bench [ARGUMENTS]

Unary calls over cleartext HTTP/2 from h2load (4 connections of 32 streams) through one proxy to a cheap echo backend. The
proxy has one core for itself; load and backend share the other. Each round runs every proxy once, in turn, so that a slow
minute of the machine meets all of them; the figure of a proxy is the median over the rounds of the CPU time that its
processes spent per request, and its ratio the median of the ratios, round by round, to HAProxy in TCP mode, which moves
bytes and understands nothing (the floor).
"""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import sys
import tempfile

from peers import PEERS, Backend, start_peer
from measure import Load, cpu_seconds, peak_memory_kib

SIZES = {"128": 128, "4k": 4096, "64k": 65536}
MEMORY_BODY = 1024 * 1024
FLOOR = "haproxy-tcp"


def parse_arguments():
    parser = argparse.ArgumentParser(prog="./run bench", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=pathlib.Path, default=pathlib.Path("out"), help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds (5)")
    parser.add_argument("--scale", type=float, default=1.0, help="multiplies the requests of each measurement (1)")
    parser.add_argument("--proxies", default=",".join(PEERS), help="of: " + ", ".join(PEERS))
    parser.add_argument("--sizes", default=",".join(SIZES), help="of: " + ", ".join(SIZES))
    parser.add_argument("--no-memory", action="store_true", help="leave out the peak memory of 128 calls of 1 MiB")
    parser.add_argument("--json", type=pathlib.Path, help="write every figure here, too")
    arguments = parser.parse_args()
    arguments.proxies = arguments.proxies.split(",")
    arguments.sizes = arguments.sizes.split(",")
    for name in arguments.proxies:
        if name not in PEERS:
            parser.error(f"unknown proxy {name}; there are: {', '.join(PEERS)}")
    for size in arguments.sizes:
        if size not in SIZES:
            parser.error(f"unknown size {size}; there are: {', '.join(SIZES)}")
    if arguments.rounds < 1:
        parser.error("--rounds: at least 1")
    return arguments


def requests_for(size, scale):
    """Enough for a second or so of the floor, few enough for a run to end in minutes."""
    return max(1000, int({128: 60000, 4096: 40000, 65536: 6000}[size] * scale))


def one_measurement(name, size, requests, backend, folder, bin_folder):
    """Starts the proxy afresh, warms it up, measures one load. A dict of figures."""
    with start_peer(name, backend.port, folder, bin_folder) as peer:
        load = Load(peer.port, size, folder)
        load.run(max(256, requests // 10))
        before = cpu_seconds(peer.pids())
        result = load.run(requests)
        spent = cpu_seconds(peer.pids()) - before
        return {"proxy": name, "size": size, "requests": requests, "failed": result.failed,
                "requests_per_second": result.requests_per_second, "us_per_request": spent / requests * 1e6}


def memory_of(name, backend, folder, bin_folder):
    with start_peer(name, backend.port, folder, bin_folder) as peer:
        result = Load(peer.port, MEMORY_BODY, folder).run(1280)
        return {"proxy": name, "peak_memory_mib": peak_memory_kib(peer.pids()) / 1024, "failed": result.failed}


def median_ratio(rows, name, size, of):
    """Median over the rounds of name's CPU to the other's, None where either is missing."""
    pick = lambda who: [r["us_per_request"] for r in rows if r["proxy"] == who and r["size"] == size]
    pairs = list(zip(pick(name), pick(of)))
    return statistics.median(a / b for a, b in pairs) if pairs else None


def print_table(rows, memory, arguments):
    head = f"{'proxy':<14}"
    for size in arguments.sizes:
        head += f" | {size + ' B' if size.isdigit() else size:>7}: us   (x floor)     req/s"
    print(head + (" | 128 calls of 1 MiB" if memory else ""))
    for name in arguments.proxies:
        line = f"{name:<14}"
        for size in arguments.sizes:
            mine = [r for r in rows if r["proxy"] == name and r["size"] == SIZES[size]]
            if any(r["failed"] for r in mine):
                line += f" | {'INVALID: ' + str(sum(r['failed'] for r in mine)) + ' failed':>35}"
                continue
            ratio = median_ratio(rows, name, SIZES[size], FLOOR)
            cpu = statistics.median(r["us_per_request"] for r in mine)
            rate = statistics.median(r["requests_per_second"] for r in mine)
            cpu_text = "-" if name == "direct" else f"{cpu:.2f}"
            ratio_text = "" if ratio is None or name == "direct" else f"({ratio:.2f})"
            line += f" | {cpu_text:>12} {ratio_text:>10} {rate:>10,.0f}"
        for figure in memory:
            if figure["proxy"] == name:
                line += f" | {figure['peak_memory_mib']:>10.0f} MiB" + (" INVALID" if figure["failed"] else "")
        print(line)
    for other, what in (("haproxy-h2", "HAProxy's HTTP/2"), ("nginx", "nginx"), ("nghttpx", "nghttpx")):
        ratios = [(size, median_ratio(rows, "weir", SIZES[size], other)) for size in arguments.sizes]
        if all(ratio is not None for _, ratio in ratios):
            print(f"weir's CPU is 1/{', 1/'.join(f'{1 / ratio:.1f} ({size})' for size, ratio in ratios)} of {what}'s")


def main():
    arguments = parse_arguments()
    rows, memory = [], []
    folder = pathlib.Path(tempfile.mkdtemp(prefix="weir-bench-"))
    try:
        with Backend(arguments.bin, folder) as backend:
            total = arguments.rounds * len(arguments.sizes) * len(arguments.proxies)
            for round_number in range(arguments.rounds):
                for size in arguments.sizes:
                    for name in arguments.proxies:
                        requests = requests_for(SIZES[size], arguments.scale)
                        if name == "nginx" and SIZES[size] < 65536:
                            requests //= 3  # It is slow enough to be measured in less.
                        rows.append(one_measurement(name, SIZES[size], requests, backend, folder, arguments.bin))
                        row = rows[-1]
                        print(f"[{len(rows)}/{total}] round {round_number + 1}, {size}, {name}: "
                              f"{row['us_per_request']:.2f} us, {row['requests_per_second']:,.0f}/s"
                              + (f", {row['failed']} FAILED" if row["failed"] else ""), file=sys.stderr, flush=True)
            for name in [] if arguments.no_memory else arguments.proxies:
                if name != "direct":
                    memory.append(memory_of(name, backend, folder, arguments.bin))
                    print(f"memory, {name}: {memory[-1]['peak_memory_mib']:.0f} MiB", file=sys.stderr, flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print_table(rows, memory, arguments)
    if arguments.json:
        arguments.json.write_text(json.dumps({"cores": os.cpu_count(), "rows": rows, "memory": memory}, indent=1))
        print(f"figures: {arguments.json}", file=sys.stderr)
    return 1 if any(r["failed"] for r in rows if r["proxy"] == "weir") else 0


if __name__ == "__main__":
    sys.exit(main())
