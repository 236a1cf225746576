"""Files are taken up without a lost call; a broken one is refused, and the last good one stays."""

import os
import threading

import grpc

from test import cases
from test.integration import echo_pb2
from test.integration.echo_client import knobs
from test.integration.harness import IntegrationTest, document, experiment, wait_until
from test.integration.load import Load


class Reload(IntegrationTest):
    def setUp(self):
        super().setUp()
        self.models = {name: self.echo_server(name) for name in ("baseline", "candidate")}

    def split(self, baseline, candidate, **spec):
        return experiment({"baseline": baseline, "candidate": candidate}, **spec)

    def gate(self, spec):
        return self.weir(self.models, experiments={"split": spec})

    def served(self, weir, users=60):
        client = self.client(weir)
        return {client.echo(metadata=[("x-user-id", f"u{i}")])[0].seen.server for i in range(users)}

    def test_new_weights_are_taken_up_under_load_without_a_lost_call(self):
        weir = self.gate(self.split(100, 0))
        with Load(self, weir, lambda i: [("x-user-id", f"u{i}")] + knobs(delay_ms=1)) as load:
            load.wait_for(50)
            for weights in ((0, 100), (50, 50), (100, 0), (1, 99), (0, 100)):
                weir.wait_for_table(lambda weights=weights: weir.write_experiment("split", self.split(*weights)))
                load.wait_for(50)
        self.assertEqual(load.failures, [])
        self.assertEqual(self.served(weir), {"candidate"})
        self.assertEqual(weir.metric("ab_test_traffic_percentage", model_name="candidate"), 100)

    def test_raising_a_weight_only_moves_users_into_that_variant(self):
        weir = self.gate(self.split(70, 30))
        client = self.client(weir)

        def candidates():
            return {user for user in range(200)
                    if client.echo(metadata=[("x-user-id", f"u{user}")])[0].seen.server == "candidate"}

        before = candidates()
        weir.wait_for_table(lambda: weir.write_experiment("split", self.split(70, 60)))
        after = candidates()
        self.assertTrue(before < after, (len(before), len(after)))

    def test_a_broken_file_is_refused_and_the_last_good_one_stays(self):
        weir = self.gate(self.split(0, 100))
        self.assertEqual(weir.metric("weir_configuration_valid"), 1)
        for text in ("{", "apiVersion: weir/v1\nkind: Experiment\n",
                     document("Experiment", "split", {"default": "nobody"}),
                     document("Experiment", "split", self.split(100, 0)).replace("weight: 100", "weight: -1"),
                     document("Experiment", "split", {**self.split(100, 0), "surprise": True}), ""):
            weir.write_experiment_text("split", text)
            wait_until(lambda: weir.metric("weir_configuration_valid") == 0, "the metric says so")
            self.assertEqual(self.served(weir), {"candidate"})
            errors = weir.status()["configuration_errors"]
            self.assertTrue(any("split.yaml" in error for error in errors), errors)
            weir.write_experiment("split", self.split(0, 100))
            wait_until(lambda: weir.metric("weir_configuration_valid") == 1, "a good one heals it")
        weir.wait_for_table(lambda: weir.write_experiment("split", self.split(100, 0)))
        self.assertEqual(self.served(weir), {"baseline"})

    def test_a_symlink_swap_as_of_a_config_map_is_noticed(self):
        mount = os.path.join(self.folder, "mount")

        def publish(version, spec):
            """Writes a new folder, and swaps ..data to it in one rename, as the kubelet does."""
            folder = os.path.join(mount, f"..{version}")
            os.makedirs(folder)
            with open(os.path.join(folder, "split.yaml"), "w", encoding="utf-8") as file:
                file.write(document("Experiment", "split", spec))
            os.symlink(f"..{version}", os.path.join(mount, "..data_tmp"))
            os.rename(os.path.join(mount, "..data_tmp"), os.path.join(mount, "..data"))

        publish("2026_01", self.split(100, 0))
        os.symlink("..data/split.yaml", os.path.join(mount, "split.yaml"))
        weir = self.weir(self.models, mounted=mount)
        self.assertEqual(self.served(weir), {"baseline"})
        weir.wait_for_table(lambda: publish("2026_02", self.split(0, 100)))
        self.assertEqual(self.served(weir), {"candidate"})
        weir.wait_for_table(lambda: publish("2026_03", self.split(100, 0)))
        self.assertEqual(self.served(weir), {"baseline"})

    def test_a_stream_outlives_every_reload(self):
        weir = self.gate(self.split(100, 0))
        client = self.client(weir)
        turn = threading.Semaphore(0)
        over = []

        def requests():
            while True:
                turn.acquire()
                if over:
                    return
                yield echo_pb2.Note(payload=b"turn")

        stream = client.bidi(requests(), metadata=[("x-user-id", "u")], timeout=60)
        for weights in ((0, 100), (50, 50), (0, 100)):
            turn.release()
            self.assertEqual(next(stream).payload, b"turn")
            weir.wait_for_table(lambda weights=weights: weir.write_experiment("split", self.split(*weights)))
        turn.release()
        self.assertEqual(next(stream).payload, b"turn")
        over.append(True)
        turn.release()
        self.assertEqual(list(stream), [])
        self.assertEqual(stream.code(), grpc.StatusCode.OK)
        self.assertEqual(self.served(weir), {"candidate"})

    def test_an_experiment_comes_and_goes_with_its_file(self):
        weir = self.weir(self.models, experiments={})
        self.assertEqual(self.served(weir), {"baseline"})  # The plain route.
        weir.wait_for_table(lambda: weir.write_experiment("split", self.split(0, 100)))
        self.assertEqual(self.served(weir), {"candidate"})
        weir.wait_for_table(lambda: (weir.experiments / "split.yaml").unlink())
        self.assertEqual(self.served(weir), {"baseline"})

    def test_the_same_file_again_changes_nothing(self):
        weir = self.gate(self.split(50, 50))
        before = weir.status()
        weir.write_experiment("split", self.split(50, 50))
        weir.wait_for_table(lambda: weir.write_experiment("other", experiment(
            {"baseline": 1}, match={"service": "some.other.Service"})))
        after = weir.status()
        epochs = [[e["epoch"] for e in status["experiments"] if e["name"] == "split"] for status in (before, after)]
        self.assertEqual(epochs[0], epochs[1])


if __name__ == "__main__":
    cases.main()
