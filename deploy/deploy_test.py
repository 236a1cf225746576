"""What is deployed fits together: the manifests, the configuration inside them, and the container."""

import pathlib
import subprocess
import tempfile
import unittest

import yaml

from test import cases

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent


def manifests(name):
    return list(yaml.safe_load_all((HERE / "kubernetes" / name).read_text()))


def of_kind(documents, kind):
    return [document for document in documents if document["kind"] == kind]


class SidecarTest(unittest.TestCase):
    def setUp(self):
        self.documents = manifests("sidecar.yaml")
        self.maps = {each["metadata"]["name"]: each["data"] for each in of_kind(self.documents, "ConfigMap")}
        [deployment] = of_kind(self.documents, "Deployment")
        self.deployment = deployment["spec"]
        self.pod = self.deployment["template"]["spec"]
        self.weir = next(each for each in self.pod["containers"] if each["name"] == "weir")
        self.proxy = yaml.safe_load(self.maps["weir-proxy"]["proxy.yaml"])["spec"]

    def mounts(self):
        """Each mount path of weir's, with the volume behind it."""
        volumes = {volume["name"]: volume for volume in self.pod["volumes"]}
        return {mount["mountPath"]: volumes[mount["name"]] for mount in self.weir["volumeMounts"]}

    def test_weir_accepts_the_configuration_inside_the_manifest(self):
        with tempfile.TemporaryDirectory() as folder:
            for path, volume in self.mounts().items():
                files = self.maps[volume["configMap"]["name"]] if "configMap" in volume else {}
                target = pathlib.Path(folder + path)
                target.mkdir(parents=True)
                for name, content in files.items():
                    # As if the pod's root were this folder.
                    (target / name).write_text(content.replace("/etc/weir/", f"{folder}/etc/weir/"))
            proxy = folder + self.weir["args"][self.weir["args"].index("--config") + 1]
            done = subprocess.run(["router/cli/weirctl", "validate", proxy], capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertIn("digits-classifier", done.stdout)

    def test_paths_in_the_configuration_are_where_volumes_are_mounted(self):
        mounts = self.mounts()
        self.assertEqual(mounts[self.proxy["experiments"]]["configMap"]["name"], "weir-experiments")
        claim = mounts[self.proxy["stateDirectory"]]["persistentVolumeClaim"]["claimName"]
        self.assertEqual([each["metadata"]["name"] for each in of_kind(self.documents, "PersistentVolumeClaim")], [claim])

    def test_probes_and_scrapes_ask_the_metrics_address(self):
        port = int(self.proxy["metrics"]["address"].rsplit(":", 1)[1])
        self.assertEqual(self.weir["ports"], [{"name": "metrics", "containerPort": port}])
        for probe, path in [("startupProbe", "/healthz"), ("readinessProbe", "/readyz"), ("livenessProbe", "/healthz")]:
            self.assertEqual(self.weir[probe]["httpGet"], {"path": path, "port": "metrics"})
        annotations = self.deployment["template"]["metadata"]["annotations"]
        self.assertEqual(annotations["prometheus.io/port"], str(port))
        self.assertEqual(annotations["prometheus.io/path"], "/metrics")

    def test_what_takes_commands_or_calls_stays_on_the_pods_loopback(self):
        for address in (self.proxy["admin"]["address"], self.proxy["listener"]["address"]):
            self.assertTrue(address.startswith("127.0.0.1:"), address)

    def test_the_client_calls_weir(self):
        client = next(each for each in self.pod["containers"] if each["name"] == "client")
        self.assertIn(self.proxy["listener"]["address"], client["args"])

    def test_there_is_time_to_drain(self):
        pause = int(self.weir["lifecycle"]["preStop"]["exec"]["command"][1])
        self.assertGreater(self.pod["terminationGracePeriodSeconds"], pause + 30)  # weir's grace for calls in flight.

    def test_one_weir_has_the_state_at_a_time(self):
        self.assertEqual((self.deployment["replicas"], self.deployment["strategy"]["type"]), (1, "Recreate"))

    def test_selectors_find_their_pods(self):
        for document in self.documents + manifests("models.yaml"):
            if document["kind"] == "Deployment":
                labels = document["spec"]["template"]["metadata"]["labels"]
                self.assertEqual(document["spec"]["selector"]["matchLabels"], labels)

    def test_every_model_of_the_proxy_has_a_service(self):
        services = {s["metadata"]["name"]: s["spec"]["ports"][0]["port"] for s in of_kind(manifests("models.yaml"), "Service")}
        for model in self.proxy["models"]:
            for endpoint in model["endpoints"]:
                host, port = endpoint.rsplit(":", 1)
                self.assertEqual(services.get(host), int(port), endpoint)

    def test_containers_run_as_nobody_with_bounded_memory(self):
        for document in of_kind(self.documents + manifests("models.yaml"), "Deployment"):
            pod = document["spec"]["template"]["spec"]
            self.assertTrue(pod["securityContext"]["runAsNonRoot"])
            for container in pod["containers"]:
                self.assertFalse(container["securityContext"]["allowPrivilegeEscalation"])
                self.assertTrue(container["securityContext"]["readOnlyRootFilesystem"])
                self.assertIn("memory", container["resources"]["limits"])


class ContainerTest(unittest.TestCase):
    def test_the_image_has_every_library_that_the_programs_are_linked_with(self):
        listed = set((HERE / "Containerfile").read_text().split())
        come_with_the_others = {"libc6", "libstdc++6", "libgcc-s1"}
        needed = set(packages_of(needed_libraries()).values()) - come_with_the_others
        self.assertEqual(needed - listed, set())


def needed_libraries():
    """The names of the shared libraries that the image's programs name."""
    programs = ["router/weir", "router/cli/weirctl", "examples/model_server", "examples/client"]
    dynamic = subprocess.run(["readelf", "-d", *programs], capture_output=True, text=True, check=True).stdout
    return {line.split("[")[1].split("]")[0] for line in dynamic.splitlines() if "(NEEDED)" in line}


def packages_of(libraries):
    """The Debian package of each library, wherever a merged /usr says that it lies."""
    cache = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True, check=True).stdout
    paths = {line.split()[0]: line.split("=> ")[1] for line in reversed(cache.splitlines()) if "=> " in line}
    candidates = [path for name in libraries for path in (paths[name], "/usr" + paths[name])]
    # Ends with 1, as one of each two candidates is nobody's.
    owners = subprocess.run(["dpkg", "-S", *candidates], capture_output=True, text=True, check=False).stdout
    found = {line.rsplit("/", 1)[1]: line.split(":")[0] for line in owners.splitlines()}
    missing = libraries - found.keys()
    if missing:
        raise AssertionError(f"no package owns {sorted(missing)}")
    return found


if __name__ == "__main__":
    cases.main()
