"""A real Prometheus, a real Alertmanager, and receivers of what weir says, on ports of their own."""

import collections
import http.server
import json
import os
import pathlib
import socket
import ssl
import struct
import threading
import urllib.error
import urllib.parse
import urllib.request

from test.integration.processes import DEADLINE, Process

PROMETHEUS = pathlib.Path("/usr/bin/prometheus")
ALERTMANAGER = pathlib.Path("/usr/bin/prometheus-alertmanager")


def free_address():
    with socket.socket() as free:  # For programs that cannot be asked to choose a port.
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


class Prometheus(Process):
    def __init__(self, folder, target):
        config = pathlib.Path(folder, "prometheus.yml")
        config.write_text(f"""
global: {{scrape_interval: 250ms, scrape_timeout: 200ms, evaluation_interval: 250ms}}
scrape_configs: [{{job_name: test, static_configs: [{{targets: ["{target}"]}}]}}]
""")
        self.address = free_address()
        super().__init__("prometheus", [str(PROMETHEUS), f"--config.file={config}", f"--web.listen-address={self.address}",
                                        f"--storage.tsdb.path={folder}/tsdb"], folder)

    def query(self, expression):
        """The result: {the labels that tell models apart: value}; None while it does not answer."""
        url = f"http://{self.address}/api/v1/query?" + urllib.parse.urlencode({"query": expression})
        try:
            with urllib.request.urlopen(url, timeout=DEADLINE) as answer:
                result = json.load(answer)["data"]["result"]
        except (urllib.error.URLError, OSError):
            return None
        return {sample["metric"].get("model_name", ""): float(sample["value"][1]) for sample in result}


class Alertmanager(Process):
    """Hands every alert on to `receiver` at once, and its end too."""

    def __init__(self, folder, receiver):
        config = pathlib.Path(folder, "alertmanager.yml")
        config.write_text(f"""
route: {{receiver: test, group_by: ["..."], group_wait: 10ms, group_interval: 100ms, repeat_interval: 1h}}
receivers: [{{name: test, webhook_configs: [{{url: "{receiver.url}", send_resolved: true}}]}}]
""")
        self.address = free_address()
        super().__init__("alertmanager", [str(ALERTMANAGER), f"--config.file={config}", "--cluster.listen-address=",
                                          f"--web.listen-address={self.address}",
                                          f"--storage.path={folder}/alertmanager"], folder)

    def alerts(self):
        """Those that fire: their labels; None while it does not answer."""
        try:
            with urllib.request.urlopen(f"http://{self.address}/api/v2/alerts", timeout=DEADLINE) as answer:
                return [alert["labels"] for alert in json.load(answer)]
        except (urllib.error.URLError, OSError):
            return None


Received = collections.namedtuple("Received", ["path", "headers", "body"])


class Receiver:
    """An HTTP server on a thread that keeps what it gets. `answer`: the status, or "hang" or "reset". `certificate`: a file of
    a key and its certificate, for TLS."""

    def __init__(self, answer=200, certificate=None):
        self.answer = answer
        self.received = []  # Of every request, however it was answered.
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.received.append(Received(self.path, dict(self.headers), body))
                receiver._reply(self)

            def do_GET(self):  # A page of metrics.
                text = receiver.page().encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        self.page = lambda: ""
        self._ends = threading.Event()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        self.url = f"{'https' if certificate else 'http'}://{self.address}/hook"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _reply(self, handler):
        if self.answer == "hang":
            self._ends.wait()
        elif self.answer == "reset":
            handler.close_connection = True
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            os.close(handler.connection.detach())
        else:
            handler.send_response(self.answer)
            handler.send_header("Content-Length", "0")
            handler.end_headers()

    def documents(self):
        return [json.loads(received.body) for received in list(self.received)]

    def close(self):
        self._ends.set()
        self._server.shutdown()
        self._server.server_close()
