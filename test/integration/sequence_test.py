"""Sequences and users that are named by parameters of the request, on real models and with a real gRPC client."""

import grpc

from test import cases
from test.integration import open_inference_pb2
from test.integration.harness import IntegrationTest
from test.integration.models import BASELINE, ENHANCED, EXPERIMENT, TIMEOUT, experiment, heldout_rows, start_models
from test.integration.processes import program, wait_until

WORKERS = 2
SERVICE = "/inference.GRPCInferenceService/"
BY_PARAMETER = {"key": [{"header": "x-user-id"}, {"parameter": "user_id"}], "sequence": {"parameter": "sequence_id"}}


def request_of(row, **parameters):
    """A number, a text or a yes for each parameter."""
    request = open_inference_pb2.ModelInferRequest(model_name="digits")
    tensor = request.inputs.add(name="pixels", datatype="FP32", shape=[1, 64])
    tensor.contents.fp32_contents.extend(row.pixels)
    for name, value in parameters.items():
        kind = {bool: "bool_param", int: "int64_param", str: "string_param"}[type(value)]
        setattr(request.parameters[name], kind, value)
    return request


class SequenceClient:
    """One connection."""

    def __init__(self, test, address, **options):
        self._row = heldout_rows()[0]
        self._channel = grpc.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1),
                                                                ("grpc.enable_http_proxy", 0)], **options)
        test.addCleanup(self._channel.close)
        kinds = (open_inference_pb2.ModelInferRequest.SerializeToString,
                 open_inference_pb2.ModelInferResponse.FromString)
        self._infer = self._channel.unary_unary(SERVICE + "ModelInfer", *kinds)
        self._stream = self._channel.stream_stream(SERVICE + "ModelStreamInfer", kinds[0],
                                                   open_inference_pb2.ModelStreamInferResponse.FromString)

    def call(self, metadata=(), **parameters):
        """A call that must succeed."""
        return self._infer.with_call(request_of(self._row, **parameters), metadata=list(metadata), timeout=TIMEOUT)[1]

    def variant(self, **parameters):
        return dict(self.call(**parameters).initial_metadata())["x-weir-variant"]

    def stream_variant(self, *asked):
        """Of a stream of one request for each of `asked`, all answered."""
        call = self._stream(iter([request_of(self._row, **parameters) for parameters in asked]), timeout=TIMEOUT)
        answers = list(call)
        assert [a.error_message for a in answers] == [""] * len(asked), answers
        return dict(call.initial_metadata())["x-weir-variant"]


class SequenceTest(IntegrationTest):
    def start(self, baseline, enhanced, **changes):
        self.spec = experiment(assignment=BY_PARAMETER, **changes)
        self.weigh(baseline, enhanced)
        self.gate = self.weir(start_models(self), routes=[], experiments={EXPERIMENT: self.spec},
                              listener={"address": "127.0.0.1:0", "workers": WORKERS})
        self.caller = SequenceClient(self, self.gate.address)

    def weigh(self, baseline, enhanced):
        self.spec["candidates"] = [{"name": BASELINE, "weight": baseline}, {"name": ENHANCED, "weight": enhanced}]

    def reweigh(self, baseline, enhanced):
        self.weigh(baseline, enhanced)
        self.gate.wait_for_table(lambda: self.gate.write_experiment(EXPERIMENT, self.spec))

    def test_a_sequence_stays_through_a_change_of_weights_until_its_end(self):
        self.start(0, 1)
        of = self.caller.variant
        self.assertEqual(of(user_id="ann", sequence_id=42, sequence_start=True), ENHANCED)
        self.assertEqual(of(user_id="ann", sequence_id="talk", sequence_start=True), ENHANCED)
        self.reweigh(1, 0)
        for _ in range(3):
            self.assertEqual(of(user_id="ann", sequence_id=42), ENHANCED)
            self.assertEqual(of(user_id="ann", sequence_id="talk"), ENHANCED)
        # Over other connections too: the workers have told each other.
        for _ in range(4 * WORKERS):
            self.assertEqual(SequenceClient(self, self.gate.address).variant(user_id="ann", sequence_id=42), ENHANCED)
        self.assertEqual(of(user_id="ann", sequence_id=43), BASELINE)
        self.assertEqual(of(user_id="bob", sequence_id=42), BASELINE)
        self.assertEqual(of(user_id="ann"), BASELINE)
        self.assertEqual(of(user_id="ann", sequence_id=0, sequence_start=True), BASELINE)
        self.assertEqual(of(user_id="ann", sequence_id=42, sequence_end=True), ENHANCED)
        self.assertEqual(of(user_id="ann", sequence_id=42), BASELINE)  # Free since its end.
        self.assertEqual(of(user_id="ann", sequence_id="talk", sequence_start=True), BASELINE)  # Begun anew.
        self.assertEqual(of(user_id="ann", sequence_id="talk"), BASELINE)
        self.assertEqual(self.gate.metric("weir_unread_bodies_total"), 0)

    def test_a_stream_goes_where_its_first_message_says(self):
        self.start(0, 1)
        first = {"user_id": "ann", "sequence_id": 7, "sequence_start": True}
        self.assertEqual(self.caller.stream_variant(first, {"sequence_id": 7}), ENHANCED)
        self.reweigh(1, 0)
        self.assertEqual(self.caller.stream_variant({"user_id": "ann", "sequence_id": 7}, {"sequence_id": 8}), ENHANCED)
        self.assertEqual(self.caller.stream_variant({"user_id": "ann", "sequence_id": 8}), BASELINE)

    def test_a_user_is_the_same_by_parameter_as_by_header(self):
        self.start(50, 50)
        seen = set()
        for i in range(30):
            user = f"user-{i}"
            call = self.caller.call(metadata=[("x-user-id", user)])
            by_header = dict(call.initial_metadata())["x-weir-variant"]
            self.assertEqual(self.caller.variant(user_id=user), by_header)
            seen.add(by_header)
        self.assertEqual(seen, {BASELINE, ENHANCED})

    def test_a_compressed_request_is_answered_without_its_sequence_and_counted(self):
        self.start(0, 1)
        self.assertEqual(self.caller.variant(user_id="ann", sequence_id=42), ENHANCED)
        self.reweigh(1, 0)
        gzip = SequenceClient(self, self.gate.address, compression=grpc.Compression.Gzip)
        self.assertEqual(gzip.variant(user_id="ann", sequence_id=42), BASELINE)
        wait_until(lambda: self.gate.metric("weir_unread_bodies_total") == 1, "it is counted")

    def test_the_example_is_valid(self):
        self.start(0, 1)
        checked = self.gate.weirctl("validate", program("examples/specs/more/sequence.yaml"))
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)


if __name__ == "__main__":
    cases.main()
