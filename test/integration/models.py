"""The example's model servers behind weir, and a client that infers by the Open Inference Protocol and reports outcomes."""

import collections
import csv
import struct

import grpc

from test.integration import faults_pb2, feedback_pb2, open_inference_pb2
from test.integration.processes import Process, program, wait_until

TIMEOUT = 20.0
IN_FLIGHT = 64

BASELINE, ENHANCED = "digits-baseline", "digits-enhanced"
EXPERIMENT = "digits"


def experiment(**changes):
    """The specification of EXPERIMENT: 70/30, with a guardrail on errors."""
    return {
        "default": BASELINE,
        "candidates": [{"name": BASELINE, "weight": 70}, {"name": ENHANCED, "weight": 30}],
        "match": {"service": "inference.GRPCInferenceService"},
        "assignment": {"key": [{"header": "x-user-id"}]},
        "metrics": [{"name": "accuracy", "source": "feedback", "field": "correct", "type": "proportion",
                     "goal": "increase", "role": "primary"}],
        "guardrails": [{"name": "errors", "metric": "error_rate", "compareTo": "default", "maxRatio": 1.2,
                        "alpha": 0.001, "action": "rollback"}],
        **changes,
    }


Row = collections.namedtuple("Row", ["digit", "pixels"])


def heldout_rows():
    with open(program("examples/models/heldout.csv"), newline="", encoding="ascii") as file:
        return [Row(int(line["digit"]), [float(line[f"p{i}"]) for i in range(64)]) for line in csv.DictReader(file)]


class ModelServer(Process):
    """One trained model (`weights`: "baseline" or "enhanced") on a port that it chose."""

    def __init__(self, folder, name, weights, port=0):
        super().__init__(name, [program("examples/model_server"), "--model", program(f"examples/models/{weights}.json"),
                                "--port", str(port)], folder)
        self.address = self.wait_for_line(r"^listening on (127.0.0.1:\d+)")[1]
        self._channel = grpc.insecure_channel(self.address)
        self._set = self._channel.unary_unary("/weir.example.Faults/Set", faults_pb2.FaultSettings.SerializeToString,
                                              faults_pb2.FaultSettings.FromString)

    def misbehave(self, **settings):
        """Replaces its faults; none: it is well again."""
        self._set(faults_pb2.FaultSettings(**settings), timeout=TIMEOUT)

    def kill(self):
        self._channel.close()
        super().kill()


# What a client saw of one call.
Answer = collections.namedtuple("Answer", ["code", "label", "variant", "reason", "ticket"])


class ModelClient:
    def __init__(self, address):
        self._channel = grpc.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1),
                                                                ("grpc.enable_http_proxy", 0)])
        self._infer = self._channel.unary_unary("/inference.GRPCInferenceService/ModelInfer",
                                                open_inference_pb2.ModelInferRequest.SerializeToString,
                                                open_inference_pb2.ModelInferResponse.FromString)
        self._report = self._channel.unary_unary("/weir.v1.Feedback/Report", feedback_pb2.Outcome.SerializeToString,
                                                 feedback_pb2.Receipt.FromString)

    def close(self):
        self._channel.close()

    def infer(self, row, user=None):
        return self._answer(self._start(row, user))

    def infer_all(self, pairs):
        """The answers to many (row, user), some at a time."""
        answers, under_way = [], collections.deque()
        for row, user in pairs:
            under_way.append(self._start(row, user))
            if len(under_way) == IN_FLIGHT:
                answers.append(self._answer(under_way.popleft()))
        return answers + [self._answer(call) for call in under_way]

    def report(self, ticket, **metrics):
        """The gRPC code of a report."""
        try:
            self._report(feedback_pb2.Outcome(ticket=ticket, metrics=metrics), timeout=TIMEOUT)
            return grpc.StatusCode.OK
        except grpc.RpcError as error:
            return error.code()

    def _start(self, row, user):
        request = open_inference_pb2.ModelInferRequest(model_name="digits")
        request.inputs.add(name="pixels", datatype="FP32", shape=[1, 64])
        request.raw_input_contents.append(struct.pack("<64f", *row.pixels))
        metadata = [("x-user-id", user)] if user is not None else []
        return self._infer.future(request, metadata=metadata, timeout=TIMEOUT)

    @staticmethod
    def _answer(call):
        code = call.code()  # Waits for the end of the call.
        initial = dict(call.initial_metadata())
        label = None
        if code == grpc.StatusCode.OK:
            outputs = {output.name: i for i, output in enumerate(call.result().outputs)}
            label = struct.unpack("<q", call.result().raw_output_contents[outputs["label"]])[0]
        return Answer(code, label, initial.get("x-weir-variant"), initial.get("x-weir-reason"),
                      initial.get("x-weir-ticket"))


def start_models(test):
    """Both models, ended with the test."""
    return {BASELINE: test.keep(ModelServer(test.folder, BASELINE, "baseline")),
            ENHANCED: test.keep(ModelServer(test.folder, ENHANCED, "enhanced"))}


def phase_of(weir):
    return weir.status()["experiments"][0]["phase"]


def variant_of(weir, name):
    """VariantStatus of EXPERIMENT as JSON."""
    return next(v for v in weir.status()["experiments"][0]["variants"] if v["name"] == name)


def send_until(client, rows, condition, what, batch=100, deadline=40.0):
    """Sends batches of calls of ever new users until `condition()`; all answers."""
    answers = []

    def look():
        start = len(answers)
        pairs = [(rows[i % len(rows)], f"user-{i}") for i in range(start, start + batch)]
        answers.extend(client.infer_all(pairs))
        return condition()
    wait_until(look, what, deadline)
    return answers
