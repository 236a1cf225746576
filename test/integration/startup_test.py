"""How weir starts, or says why it does not."""

import pathlib
import socket
import subprocess

from test import cases
from test.integration import models
from test.integration.harness import IntegrationTest, document, needs_weir
from test.integration.processes import DEADLINE, program, wait_until


@needs_weir
class StartupTest(IntegrationTest):
    def run_weir(self, *arguments):
        return subprocess.run([program("router/weir"), *arguments], capture_output=True, text=True, timeout=DEADLINE,
                              check=False)

    def write(self, **spec):
        path = pathlib.Path(self.folder, "weir.yaml")
        path.write_text(document("Proxy", "test", {
            "listener": {"address": "127.0.0.1:0"},
            "stateDirectory": str(pathlib.Path(self.folder, "state")),
            "models": [{"name": "m", "endpoints": ["127.0.0.1:1"]}],
            "routes": [{"match": {"service": "*"}, "model": "m"}],
            **spec,
        }))
        return str(path)

    def assert_fails(self, ended, status, *words):
        self.assertEqual(ended.returncode, status, ended.stderr)
        for word in words:
            self.assertIn(word, ended.stderr)

    def test_says_its_version_and_how_it_is_called(self):
        self.assertRegex(self.run_weir("--version").stdout, r"^weir \d+\.\d+\.\d+\n$")
        self.assertEqual(self.run_weir("--help").returncode, 0)
        self.assert_fails(self.run_weir(), 2, "--config")

    def test_a_wrong_configuration_is_refused_with_every_error_and_its_place(self):
        config = self.write(listenner={}, models=[{"name": "m", "endpoints": ["nowhere"]}])
        self.assert_fails(self.run_weir("--config", config), 2, "listenner", "endpoints[0]", "weir.yaml:")

    def test_a_configuration_that_is_not_there_is_named(self):
        self.assert_fails(self.run_weir("--config", "/nowhere/weir.yaml"), 2, "/nowhere/weir.yaml")

    def test_a_port_in_use_is_named_whichever_it_is(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            for key in ("listener", "admin", "metrics"):
                config = self.write(**{key: {"address": address}})
                self.assert_fails(self.run_weir("--config", config), 1, address)

    def test_nobody_else_reads_what_it_writes(self):
        servers = models.start_models(self)
        state = pathlib.Path(self.folder, "made", "by-weir")
        weir = self.weir(servers, routes=[], experiments={models.EXPERIMENT: models.experiment()},
                         stateDirectory=str(state), assignmentLog={"file": "assignments.jsonl"})
        client = models.ModelClient(weir.address)
        self.addCleanup(client.close)
        client.infer_all([(row, "user") for row in models.heldout_rows()[:1]])
        weir.weirctl("--address", weir.admin, "rollback", models.EXPERIMENT, "--comment", "so that there is a report")
        wait_until(lambda: list(state.glob("reports/*.md")), "a report")
        self.assertEqual(weir.terminate(), 0)
        paths = [state, *state.rglob("*")]
        self.assertTrue({"journal.db", "reports", "assignments.jsonl"} <= {path.name for path in paths})
        for path in paths:
            mode = path.stat().st_mode & 0o777
            expected = 0o700 if path.is_dir() else 0o640 if path.name == "assignments.jsonl" else 0o600
            self.assertEqual(oct(mode), oct(expected), path)

    def test_two_proxies_never_share_a_state_directory(self):
        server = self.keep(models.ModelServer(self.folder, "m", "baseline"))
        first = self.weir({"m": server})
        config = self.write(stateDirectory=str(first.folder / "state"))
        self.assert_fails(self.run_weir("--config", config), 1, str(first.folder / "state"))
        self.assertTrue(first.is_running())

    def test_without_a_usable_state_directory_traffic_flows_and_every_gate_is_at_its_default(self):
        servers = models.start_models(self)
        (pathlib.Path(self.folder) / "file").touch()
        weir = self.weir(servers, routes=[], experiments={models.EXPERIMENT: models.experiment()},
                         stateDirectory=str(pathlib.Path(self.folder, "file", "state")))
        client = models.ModelClient(weir.address)
        self.addCleanup(client.close)
        answers = client.infer_all([(row, f"user-{i}") for i, row in enumerate(models.heldout_rows()[:100])])
        self.assertEqual({answer.variant for answer in answers}, {models.BASELINE})
        self.assertEqual(models.phase_of(weir), "FROZEN")
        refused = weir.weirctl("--address", weir.admin, "reset", models.EXPERIMENT)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("journal", refused.stderr)


if __name__ == "__main__":
    cases.main()
