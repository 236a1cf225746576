"""The proxies that are compared: each is started on the proxy's core, in front of the same backend."""

import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import time

from measure import LOAD_CORE, PROXY_CORE


def free_port():
    """A port that was free a moment ago: the peers cannot be given port 0."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_listening(port, process, what):
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"{what} ended at its start with status {process.returncode}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.02)
    raise RuntimeError(f"{what} does not listen on port {port}")


def children_of(pid):
    found = [pid]
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += children_of(int(child))
    return found


class Process:
    """A started program; `pids` names it and its children. Ended, by its id, when the `with` block is left."""

    def __init__(self, command, core, what, port, log):
        self.port = port
        self._log = open(log, "ab")
        self._process = subprocess.Popen(["taskset", "-c", core] + command, stdin=subprocess.DEVNULL,
                                         stdout=self._log, stderr=self._log, start_new_session=True)
        try:
            wait_until_listening(port, self._process, what)
        except RuntimeError as error:
            self.__exit__()
            raise RuntimeError(f"{error}:\n{pathlib.Path(log).read_text()[-2000:]}") from None

    def pids(self):
        return children_of(self._process.pid)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._process.poll() is None:
            pids = self.pids()
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                for pid in pids:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                self._process.wait()
        self._log.close()


class Backend(Process):
    """The echo server, beside the load."""

    def __init__(self, bin_folder, folder):
        port = free_port()
        super().__init__([str(bin_folder / "echo_server"), "--port", str(port)], LOAD_CORE, "the echo backend", port,
                         folder / "backend.log")


class Direct:
    """No proxy: the backend's own port, for the rate that the load can reach at all."""

    def __init__(self, port):
        self.port = port

    def pids(self):
        return []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


def haproxy(mode, port, backend, folder):
    protocol = " proto h2" if mode == "http" else ""
    config = folder / f"haproxy-{mode}.cfg"
    config.write_text(f"""global
  nbthread 1
  maxconn 2000
defaults
  mode {mode}
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend in
  bind 127.0.0.1:{port}{protocol}
  default_backend out
backend out
  server echo 127.0.0.1:{backend}{protocol}
""")
    return ["haproxy", "-db", "-f", str(config)]


def nginx(port, backend, folder):
    config = folder / "nginx.conf"
    config.write_text(f"""daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx-error.log;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  client_body_temp_path {folder}/nginx-body;
  proxy_temp_path {folder}/nginx-proxy;
  fastcgi_temp_path {folder}/nginx-fastcgi;
  uwsgi_temp_path {folder}/nginx-uwsgi;
  scgi_temp_path {folder}/nginx-scgi;
  client_max_body_size 0;
  keepalive_requests 100000000;
  http2_max_concurrent_streams 1000;
  upstream echo {{ server 127.0.0.1:{backend}; keepalive 256; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{port} http2;
    location / {{ grpc_pass grpc://echo; grpc_socket_keepalive on; }}
  }}
}}
""")
    return ["nginx", "-c", str(config), "-p", str(folder)]


def nghttpx(port, backend, _folder):
    return ["nghttpx", f"--frontend=127.0.0.1,{port};no-tls", f"--backend=127.0.0.1,{backend};;proto=h2", "--workers=1",
            "--single-thread", "--accesslog-file=/dev/null", "--errorlog-file=/dev/null", "--conf=/dev/null"]


def weir_files(folder, port, backend, mirror=False):
    """A proxy and an experiment: sticky 70/30 over two models, guardrails and metrics on."""
    (folder / "experiments").mkdir(exist_ok=True)
    mirror_model = f'\n    - {{name: shadow, endpoints: ["127.0.0.1:{backend}"]}}' if mirror else ""
    (folder / "proxy.yaml").write_text(f"""apiVersion: weir/v1
kind: Proxy
metadata: {{name: bench}}
spec:
  listener: {{address: "127.0.0.1:{port}", workers: 1}}
  admin: {{address: "127.0.0.1:0"}}
  metrics: {{address: "127.0.0.1:0"}}
  stateDirectory: {tempfile.mkdtemp(prefix="state-", dir=folder)}
  experiments: experiments/
  models:
    - {{name: baseline, endpoints: ["127.0.0.1:{backend}"]}}
    - {{name: candidate, endpoints: ["127.0.0.1:{backend}"]}}{mirror_model}
""")
    (folder / "experiments" / "echo.yaml").write_text(f"""apiVersion: weir/v1
kind: Experiment
metadata: {{name: echo}}
spec:
  default: baseline
  candidates:
    - {{name: baseline, weight: 70}}
    - {{name: candidate, weight: 30}}
  match: {{service: weir.bench.Echo}}
  assignment: {{key: [{{header: x-user-id}}]}}
  {"mirror: {name: shadow, percent: 100}" if mirror else ""}
  guardrails:
    - {{name: errors, metric: error_rate, compareTo: default, maxRatio: 1.2, alpha: 0.001, action: rollback}}
    - {{name: tail, metric: latency_p99, compareTo: default, maxRatio: 1.5, alpha: 0.001, action: rollback}}
""")
    return folder / "proxy.yaml"


def weir(bin_folder, port, backend, folder, mirror=False):
    own = pathlib.Path(tempfile.mkdtemp(prefix="weir-", dir=folder))
    return [str(bin_folder / "weir"), "--config", str(weir_files(own, port, backend, mirror))]


PEERS = ["direct", "haproxy-tcp", "weir", "weir-mirror", "nghttpx", "haproxy-h2", "nginx"]


def start_peer(name, backend, folder, bin_folder):
    """A context with `port` and `pids()`."""
    if name == "direct":
        return Direct(backend)
    port = free_port()
    command = {
        "haproxy-tcp": lambda: haproxy("tcp", port, backend, folder),
        "haproxy-h2": lambda: haproxy("http", port, backend, folder),
        "nginx": lambda: nginx(port, backend, folder),
        "nghttpx": lambda: nghttpx(port, backend, folder),
        "weir": lambda: weir(bin_folder, port, backend, folder),
        "weir-mirror": lambda: weir(bin_folder, port, backend, folder, mirror=True),
    }[name]()
    return Process(command, PROXY_CORE, name, port, folder / f"{name}.log")
