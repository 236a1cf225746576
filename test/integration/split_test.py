"""The gate: the same user always gets the same variant, by the published rule, and the reply says which."""

import collections

import grpc

from test import cases
from test.integration import echo_pb2
from test.integration.echo_client import TIMEOUT, knobs, seen_values, values
from test.integration.harness import IntegrationTest, experiment, wait_until
from test.vectors import check_assignment

USERS = 2000
WEIGHTS = {"baseline": 70, "candidate": 30}


def by_the_rule(user, salt="split", weights=None):
    """The variant of a user, by the independent script of test/vectors."""
    variants = [(name, weight) for name, weight in (weights or WEIGHTS).items()]
    return check_assignment.assign(user.encode(), salt.encode(), variants)["winner"]


def variant_and_reason(metadata):
    return tuple(values(metadata, "x-weir-variant") + values(metadata, "x-weir-reason"))


def as_user(user):
    return [("x-user-id", user)]


class Gate(IntegrationTest):
    def setUp(self):
        super().setUp()
        self.models = {name: self.echo_server(name) for name in WEIGHTS}

    def gate(self, weights=None, **options):
        spec = options.pop("spec", {})
        return self.weir(self.models, experiments={"split": experiment(weights or WEIGHTS, **spec)}, **options)

    def test_users_are_divided_by_the_published_rule(self):
        weir = self.gate(listener={"address": "127.0.0.1:0", "workers": 2})
        users = [f"user-{i}" for i in range(USERS)]
        channels = [self.client(weir) for _ in range(3)]
        calls = [channels[i % 3].unary.future(echo_pb2.Note(), metadata=as_user(user), timeout=60)
                 for i, user in enumerate(users)]
        served = {user: call.result().seen.server for user, call in zip(users, calls)}
        self.assertEqual(served, {user: by_the_rule(user) for user in users})
        self.assertTrue(0.65 < sum(server == "baseline" for server in served.values()) / USERS < 0.75)
        for call, user in zip(calls, users):
            self.assertEqual(variant_and_reason(call.initial_metadata()), (served[user], "assigned"))
        shares = collections.Counter(served.values())
        for name in WEIGHTS:
            wait_until(lambda name=name: weir.metric("ab_test_requests_total", model_name=name) == shares[name],
                       f"{name} is counted")
            self.assertEqual(weir.metric("ab_test_traffic_percentage", model_name=name), WEIGHTS[name])

    def test_a_user_keeps_the_variant_over_connections_and_restarts(self):
        weir = self.gate()
        users = [f"someone-{i}" for i in range(60)]

        def served():
            client = self.client(weir)
            return [client.echo(metadata=as_user(user))[0].seen.server for user in users]

        first = served()
        self.assertEqual(len(set(first)), 2)
        self.assertEqual(served(), first)
        weir.kill()
        weir.restart()
        self.assertEqual(served(), first)

    def test_keys_of_any_length_are_keys(self):
        client = self.client(self.gate())
        for length in (1, 3, 4, 8, 9, 16, 17, 128, 129, 240, 241, 1000):
            user = "k" * length
            self.assertEqual(client.echo(metadata=as_user(user))[0].seen.server, by_the_rule(user), length)

    def test_the_first_key_that_is_present_decides(self):
        keys = [{"header": "x-user-id"}, {"header": "x-session"}]
        client = self.client(self.gate(spec={"assignment": {"key": keys}}))
        for i in range(40):
            both = client.echo(metadata=[("x-session", f"s{i}"), ("x-user-id", f"u{i}")])[0].seen.server
            self.assertEqual(both, by_the_rule(f"u{i}"))
            self.assertEqual(client.echo(metadata=[("x-session", f"s{i}")])[0].seen.server, by_the_rule(f"s{i}"))

    def test_a_call_without_a_key_goes_anywhere_and_is_counted(self):
        weir = self.gate({"baseline": 50, "candidate": 50})
        client = self.client(weir)
        served = collections.Counter(variant_and_reason(client.echo()[1].initial_metadata()) for _ in range(200))
        # By chance alone it fails once in 2^199.
        self.assertEqual(set(served), {("baseline", "assigned"), ("candidate", "assigned")}, served)
        wait_until(lambda: weir.metric("weir_keyless_total") == 200, "they are counted")

    def test_a_key_that_is_given_twice_is_refused(self):
        weir = self.gate()
        client = self.client(weir)
        error = client.failure(metadata=as_user("one") + as_user("two"))
        self.assertEqual(error.code(), grpc.StatusCode.INTERNAL)
        self.assertIn("twice", error.details())
        self.assertEqual([self.client(model).counts().started for model in self.models.values()], [0, 0])
        client.echo(metadata=as_user("one"))

    def test_trailers_only_replies_name_their_variant_too(self):
        client = self.client(self.gate())
        for i in range(20):
            error = client.failure(metadata=as_user(f"u{i}") + knobs(status_code=5, no_reply=True))
            self.assertEqual(error.code(), grpc.StatusCode.NOT_FOUND)
            metadata = list(error.initial_metadata()) + list(error.trailing_metadata())
            self.assertEqual(variant_and_reason(metadata), (by_the_rule(f"u{i}"), "assigned"))

    def test_streams_name_their_variant_before_their_first_message(self):
        client = self.client(self.gate())
        for i in range(10):
            call = client.bidi(iter([]), metadata=as_user(f"u{i}") + knobs(headers_first=True), timeout=TIMEOUT)
            self.assertEqual(variant_and_reason(call.initial_metadata()), (by_the_rule(f"u{i}"), "assigned"))
            self.assertEqual(list(call), [])

    def test_weights_of_zero_get_nobody(self):
        client = self.client(self.gate({"baseline": 100, "candidate": 0}))
        self.assertEqual({client.echo(metadata=as_user(f"u{i}"))[0].seen.server for i in range(100)}, {"baseline"})

    def test_a_listed_peer_may_force_a_variant(self):
        client = self.client(self.gate(forceVariantHeader={"name": "x-weir-force", "from": ["127.0.0.0/8"]}))
        for name in WEIGHTS:
            for i in range(10):
                reply, call = client.echo(metadata=as_user(f"u{i}") + [("x-weir-force", name)])
                self.assertEqual(reply.seen.server, name)
                self.assertEqual(variant_and_reason(call.initial_metadata()), (name, "forced"))
                self.assertEqual(seen_values(reply.seen, "x-weir-force"), [])
        self.assertEqual(client.failure(metadata=[("x-weir-force", "nobody")]).code(), grpc.StatusCode.INTERNAL)

    def test_nobody_else_may(self):
        for options in ({}, {"forceVariantHeader": {"name": "x-weir-force", "from": ["10.0.0.0/8"]}}):
            client = self.client(self.gate(**options))
            for i in range(20):
                reply, call = client.echo(metadata=as_user(f"u{i}") + [("x-weir-force", "candidate")])
                self.assertEqual(reply.seen.server, by_the_rule(f"u{i}"))
                self.assertEqual(variant_and_reason(call.initial_metadata()), (reply.seen.server, "assigned"))

    def test_spoofed_names_decide_nothing_and_do_not_reach_the_model(self):
        client = self.client(self.gate())
        spoofed = [("x-weir-variant", "candidate"), ("x-weir-reason", "forced"), ("x-weir-ticket", "t"),
                   ("x-weir-mirror", "m")]
        for i in range(20):
            reply, call = client.echo(metadata=as_user(f"u{i}") + spoofed + knobs(
                initial=[("x-weir-variant", "spoofed")], trailing=[("x-weir-reason", "spoofed")]))
            self.assertEqual(variant_and_reason(call.initial_metadata()), (by_the_rule(f"u{i}"), "assigned"))
            self.assertEqual([entry.key for entry in reply.seen.metadata if entry.key.startswith("x-weir")], [])
            self.assertEqual(values(call.trailing_metadata(), "x-weir-reason"), [])

    def test_calls_outside_every_experiment_take_their_route(self):
        weir = self.gate(spec={"match": {"service": "weir.test.Echo", "method": "Unary"}},
                         routes=[{"match": {"service": "*"}, "model": "candidate"}])
        client = self.client(weir)
        for i in range(10):
            self.assertEqual(client.echo(metadata=as_user(f"u{i}"))[0].seen.server, by_the_rule(f"u{i}"))
            call = client.bidi(iter([echo_pb2.Note()]), metadata=as_user(f"u{i}"), timeout=TIMEOUT)
            self.assertEqual([reply.seen.server for reply in call], ["candidate"])
            self.assertEqual(values(call.initial_metadata(), "x-weir-reason"), ["no-experiment"])

    def test_a_user_is_explained_as_served(self):
        weir = self.gate()
        client = self.client(weir)
        for user in ("alice", "bob", "Zoë"):
            server = by_the_rule(user)
            if user.isascii():
                self.assertEqual(client.echo(metadata=as_user(user))[0].seen.server, server)
            answer = weir.weirctl("--address", weir.admin, "explain", "--key", user)
            self.assertEqual(answer.returncode, 0, answer.stderr)
            self.assertIn(server, answer.stdout)


if __name__ == "__main__":
    cases.main()
