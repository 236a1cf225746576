"""What an integration test stands on: real servers, a real weir in front of them, real clients.

WEIR_TEST_PROXY chooses who stands in front where a test needs no more than a plain proxy: `weir` (the default),
`direct` (nobody), `nghttpx`, `haproxy` or `nginx`. So each case can be tried without Weir: one that fails on the others
too is a fault of the case.
"""

import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest
import urllib.error
import urllib.request

import yaml

from test.integration import stand_ins
from test.integration.echo_client import EchoClient
from test.integration.processes import DEADLINE, Process, ReservedPort, program, wait_until

PROXY = os.environ.get("WEIR_TEST_PROXY", "weir")
needs_weir = unittest.skipUnless(PROXY == "weir", "asks for what only weir has")


class EchoServer(Process):
    """A server of weir.test.Echo in C++ ("cc") or Python ("py"), on its own port for as long as the test runs."""

    def __init__(self, folder, name, language="cc", reserved=None):
        self.reserved = reserved or ReservedPort()
        self._folder, self._language = folder, language
        argv = [program("test/integration/echo_server")]
        if language == "py":
            argv = ["/usr/bin/python3", program("test/integration/echo_server.py")]
        super().__init__(name, argv + [name, str(self.reserved.port)], folder)
        self.address = self.reserved.address
        self.wait_for_line(r"^listening on 127.0.0.1:\d+")

    def restarted(self):
        """A new process with the same name at the same address; the old one has ended."""
        return EchoServer(self._folder, self.name, self._language, self.reserved)


class Weir(Process):
    """`weir --config FILE` over a folder of YAML that is written here."""

    def __init__(self, folder, proxy, experiments=(), mounted=None):
        """`experiments`: {name: spec}, written to weir's own folder; or `mounted`, a folder that the test makes."""
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="weir-", dir=folder))
        self.wrapper = []  # What the next start is run under.
        self.experiments = self.folder / "experiments"
        self.experiments.mkdir()
        (self.folder / "state").mkdir()
        spec = {
            "listener": {"address": "127.0.0.1:0", "workers": 1},
            "admin": {"address": "127.0.0.1:0"},
            "metrics": {"address": "127.0.0.1:0"},
            "stateDirectory": str(self.folder / "state"),
            "experiments": str(mounted or self.experiments),
            **proxy,
        }
        self.config = self.folder / "proxy.yaml"
        self.config.write_text(document("Proxy", "test", spec))
        for name, experiment in dict(experiments).items():
            self.write_experiment(name, experiment)
        self._start(folder)

    def _start(self, folder):
        super().__init__("weir", [*self.wrapper, program("router/weir"), "--config", str(self.config)], folder)
        self.address = self.wait_for_line(r"\blistening on (127.0.0.1:\d+)")[1]
        self.admin = self.wait_for_line(r"\badmin on (127.0.0.1:\d+)")[1]
        self.metrics_address = self.wait_for_line(r"\bmetrics on (127.0.0.1:\d+)")[1]
        wait_until(lambda: self.http("/readyz")[0] == 200, lambda: f"weir is ready; it printed:\n{self.log()[-4000:]}")

    def restart(self):
        """A new process over the same files; the old one has ended."""
        self._start(self.folder.parent)

    def listen_again(self):
        """A new process over the same files, at the very address of the old one, which has ended."""
        proxy = yaml.safe_load(self.config.read_text())
        proxy["spec"]["listener"]["address"] = self.address
        self.config.write_text(yaml.safe_dump(proxy))
        self.restart()

    def write_experiment(self, name, spec):
        """Takes the place of the experiment's file at once, as a careful editor does."""
        self.write_experiment_text(name, document("Experiment", name, spec))

    def write_experiment_text(self, name, text):
        beside = self.folder / f"{name}.new"
        beside.write_text(text)
        beside.rename(self.experiments / f"{name}.yaml")

    def http(self, path):
        """Status and text of a page of the metrics address; (0, reason) when there is none."""
        try:
            with urllib.request.urlopen(f"http://{self.metrics_address}{path}", timeout=DEADLINE) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    def metric(self, name, **labels):
        """The sum of the samples of `name` that have these labels; None when there is no such sample."""
        found = [value for sample, of, value in samples(self.http("/metrics")[1])
                 if sample == name and labels.items() <= of.items()]
        return sum(found) if found else None

    def weirctl(self, *arguments):
        return subprocess.run([program("router/cli/weirctl"), *arguments], capture_output=True, text=True,
                              timeout=DEADLINE, check=False)

    def status(self):
        """weir.v1.Status as JSON."""
        answer = self.weirctl("--address", self.admin, "status", "--json")
        if answer.returncode != 0:
            raise AssertionError(f"weirctl status: {answer.returncode}\n{answer.stdout}{answer.stderr}")
        return json.loads(answer.stdout)

    def wait_for_table(self, change):
        """Does `change()`, and waits until every worker has adopted a table that is newer than all before it."""
        before = int(self.status().get("table_version", 0))
        change()
        wait_until(lambda: int(self.status().get("oldest_adopted_version", 0)) > before,
                   lambda: f"a new table is adopted; weir printed:\n{self.log()[-4000:]}")


def document(kind, name, spec):
    return yaml.safe_dump({"apiVersion": "weir/v1", "kind": kind, "metadata": {"name": name}, "spec": spec},
                          sort_keys=False)


def experiment(weights, default=None, mirror=None, **spec):
    """The spec of an experiment over weir.test.Echo. `weights`: {model: weight}, by default the first."""
    made = {
        "default": default or next(iter(weights)),
        "candidates": [{"name": name, "weight": weight} for name, weight in weights.items()],
        "match": {"service": "weir.test.Echo"},
        "assignment": {"key": [{"header": "x-user-id"}]},
        **spec,
    }
    if mirror:
        made["mirror"] = mirror
    return made


def samples(text):
    """(name, labels, value) of each line of a /metrics page."""
    for line in text.splitlines():
        found = re.fullmatch(r"([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)(?: \d+)?", line)
        if found:
            labels = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', found[2] or ""))
            yield found[1], labels, float(found[3])


class IntegrationTest(unittest.TestCase):
    """A folder, and processes that end with the test; the logs of all are shown when it failed."""

    def setUp(self):
        self._temporary = tempfile.TemporaryDirectory(prefix="weir-test-", dir=os.environ.get("TEST_TMPDIR"))
        self.folder = self._temporary.name
        self._processes = []
        self.addCleanup(self._temporary.cleanup)
        self.addCleanup(self._end)

    def _end(self):
        outcome = getattr(self._outcome, "result", None)
        failed = outcome and any(test is self for test, _ in outcome.failures + outcome.errors)
        for process in self._processes:
            fate = "was running" if process.is_running() else f"had ended with {process.exit_status()}"
            process.kill()
            if failed:
                print(f"--- {process.name} (pid {process.pid}) {fate}:\n{process.log()[-3000:]}", flush=True)

    def keep(self, process):
        """Ends it with the test."""
        self._processes.append(process)
        return process

    def echo_server(self, name="echo", language="cc"):
        return self.keep(EchoServer(self.folder, name, language))

    def restarted(self, server):
        return self.keep(server.restarted())

    def reserved_port(self):
        port = ReservedPort()
        self.addCleanup(port.close)
        return port

    def weir(self, models, routes=None, experiments=(), mounted=None, **proxy):
        """A ready weir. `models`: {name: address, server, or a whole mapping}. No `routes`: all to the first."""
        listed = [_model(name, of) for name, of in models.items()]
        if routes is None:
            routes = [{"match": {"service": "*"}, "model": listed[0]["name"]}]
        return self.keep(Weir(self.folder, {"models": listed, "routes": routes, **proxy}, experiments, mounted))

    def client(self, target, options=()):
        """A channel to a server, to weir, or to an address; closed with the test."""
        client = EchoClient(getattr(target, "address", target), options)
        self.addCleanup(client.close)
        return client

    def plain_proxy(self, server, **proxy):
        """Whatever WEIR_TEST_PROXY says in front of one server: something with an `address`."""
        if PROXY == "direct":
            return server
        if PROXY == "weir":
            return self.weir({"echo": server}, **proxy)
        return self.keep(stand_ins.start(PROXY, server.address, self.folder))


def _model(name, of):
    if isinstance(of, dict):
        return {"name": name, **of}
    return {"name": name, "endpoints": [getattr(of, "address", of)]}
