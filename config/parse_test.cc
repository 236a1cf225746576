#include "config/parse.h"

#include <string>
#include <vector>

#include "config/limits.h"
#include "gtest/gtest.h"

namespace weir::config {
namespace {

constexpr char kProxy[] = R"(apiVersion: weir/v1
kind: Proxy
metadata: {name: income}
spec:
  listener: {address: 0.0.0.0:8080, workers: 2, profile: edge, drainGrace: 5s}
  admin: {address: 127.0.0.1:9901}
  metrics: {address: 0.0.0.0:9090}
  stateDirectory: /var/lib/weir
  experiments: experiments/
  models:
    - {name: baseline-predictor, endpoints: ["baseline:8001"]}
    - {name: enhanced-predictor, endpoints: ["enhanced-0:8001", "[::1]:8001"], health: {method: ModelReady, interval: 1s}}
    - {name: traffic-mirror, endpoints: ["shadow:8001"], deadline: 500ms}
  routes:
    - {match: {service: "*"}, model: baseline-predictor, passthrough: true}
  forceVariantHeader: {name: X-Weir-Force, from: [127.0.0.0/8, "::1"]}
)";

constexpr char kExperiment[] = R"(apiVersion: weir/v1
kind: Experiment
metadata: {name: income-classifier}
spec:
  run: second
  default: baseline-predictor
  candidates:
    - {name: enhanced-predictor, weight: 29.5}
    - {name: baseline-predictor, weight: 70}
  mirror: {name: traffic-mirror, percent: 12.5, methods: [ModelInfer]}
  match: {service: inference.GRPCInferenceService, method: ModelInfer}
  assignment:
    key: [{header: X-User-Id}, {parameter: user_id}, {header: x-session}]
    salt: old-name
  errorCodes: [INTERNAL, UNAVAILABLE]
  metrics:
    - {name: accuracy, source: feedback, field: correct, type: proportion, goal: increase, role: primary}
    - {name: revenue, type: mean}
  guardrails:
    - {name: errors, metric: error_rate, compareTo: default, maxRatio: 1.2, alpha: 0.002, action: rollback}
    - {name: ceiling, metric: error_rate, max: 0.05}
    - {name: tail, metric: latency_p99, compareTo: default, maxRatio: 1.5, action: warn}
    - {name: slow, metric: latency_p95, max: 200ms}
    - {name: floor, metric: accuracy, min: 0.75}
    - {name: band, metric: revenue, min: -3, max: 90}
  decision: {revenuePerAccuracyPoint: 0.5, costPerMillisecond: 0.1, riskPerErrorPoint: 10}
  joinWindow: 2d
  ticketSample: 25
)";

std::string ExperimentErrors(const std::string& text) { return ToString(ParseExperiments(text, "e.yaml").errors); }
std::string ProxyErrors(const std::string& text) { return ToString(ParseProxy(text, "p.yaml").errors); }

// `text` with its only `from` replaced.
std::string With(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  EXPECT_EQ(text.find(from, at + 1), std::string::npos) << from << " is there twice";
  return text.replace(at, from.size(), to);
}

TEST(ParseProxyTest, EveryFieldArrives) {
  const Parsed<Proxy> parsed = ParseProxy(kProxy, "etc/weir/proxy.yaml");
  ASSERT_TRUE(parsed.value.has_value()) << ToString(parsed.errors);
  const Proxy& proxy = *parsed.value;
  EXPECT_EQ(proxy.name, "income");
  EXPECT_EQ(proxy.listener, (Address{"0.0.0.0", 8080}));
  EXPECT_EQ(proxy.workers, 2);
  EXPECT_EQ(proxy.profile, Profile::kEdge);
  EXPECT_EQ(proxy.drain_grace, absl::Seconds(5));
  EXPECT_EQ(proxy.admin, (Address{"127.0.0.1", 9901}));
  EXPECT_EQ(proxy.metrics, (Address{"0.0.0.0", 9090}));
  EXPECT_EQ(proxy.state_directory, "/var/lib/weir");
  EXPECT_EQ(proxy.experiments, "etc/weir/experiments");
  ASSERT_EQ(proxy.models.size(), 3u);
  EXPECT_EQ(proxy.models[1].endpoints, (std::vector<Address>{{"enhanced-0", 8001}, {"::1", 8001}}));
  EXPECT_EQ(proxy.models[1].health, (HealthCheck{"ModelReady", absl::Seconds(1)}));
  EXPECT_EQ(proxy.models[2].deadline, absl::Milliseconds(500));
  EXPECT_EQ(proxy.routes, (std::vector<Route>{{{"*", ""}, "baseline-predictor", true}}));
  ASSERT_TRUE(proxy.force_variant_header.has_value());
  EXPECT_EQ(proxy.force_variant_header->name, "x-weir-force");
  EXPECT_EQ(proxy.force_variant_header->from.size(), 2u);
}

TEST(ParseExperimentsTest, EveryFieldArrives) {
  const Parsed<std::vector<Experiment>> parsed = ParseExperiments(kExperiment, "e.yaml");
  ASSERT_TRUE(parsed.value.has_value()) << ToString(parsed.errors);
  ASSERT_EQ(parsed.value->size(), 1u);
  const Experiment& e = (*parsed.value)[0];
  EXPECT_EQ(e.name, "income-classifier");
  EXPECT_EQ(e.run, "second");
  EXPECT_EQ(e.default_variant, 1u);
  ASSERT_EQ(e.variants.size(), 2u);
  EXPECT_EQ(e.variants[0].weight.hundredths(), 2950u);
  ASSERT_EQ(e.mirrors.size(), 1u);
  EXPECT_EQ(e.mirrors[0].percent.basis_points(), 1250);
  EXPECT_EQ(e.mirror_methods, (std::set<std::string>{"ModelInfer"}));
  EXPECT_EQ(e.match, (Match{"inference.GRPCInferenceService", "ModelInfer"}));
  EXPECT_EQ(e.key_sources, (std::vector<KeySource>{{"x-user-id"}, {"user_id", /*is_parameter=*/true}, {"x-session"}}));
  EXPECT_EQ(e.salt, "old-name");
  EXPECT_EQ(e.error_codes, (std::set<int>{13, 14}));
  EXPECT_EQ(e.metrics[0],
            (OutcomeMetric{"accuracy", "correct", MetricType::kProportion, Goal::kIncrease, Role::kPrimary}));
  EXPECT_EQ(e.metrics[1], (OutcomeMetric{"revenue", "revenue", MetricType::kMean, Goal::kIncrease, Role::kSecondary}));
  const std::vector<Guardrail> expected = {
      {"errors", ErrorRatio{1.2}, 0.002, GuardrailAction::kRollback},
      {"ceiling", ErrorCeiling{0.05}, 0.001, GuardrailAction::kRollback},
      {"tail", TailRatio{0.99, 1.5}, 0.001, GuardrailAction::kWarn},
      {"slow", TailCeiling{0.95, absl::Milliseconds(200)}, 0.001, GuardrailAction::kRollback},
      {"floor", OutcomeBound{"accuracy", 0.75, std::nullopt}, 0.001, GuardrailAction::kRollback},
      {"band", OutcomeBound{"revenue", -3.0, 90.0}, 0.001, GuardrailAction::kRollback}};
  EXPECT_EQ(e.guardrails, expected);
  EXPECT_EQ(e.decision, (DecisionWeights{0.5, 0.1, 10}));
  EXPECT_EQ(e.join_window, absl::Hours(48));
  EXPECT_EQ(e.ticket_sample.basis_points(), 2500);
  EXPECT_EQ(e.file, "e.yaml");
}

TEST(ParseExperimentsTest, SeldonsFieldsAloneAreEnough) {
  const Parsed<std::vector<Experiment>> parsed = ParseExperiments(R"(apiVersion: weir/v1
kind: Experiment
metadata: {name: a}
spec:
  default: iris
  candidates:
  - name: iris
    weight: 50
  - name: iris2
    weight: 50
  mirror:
    name: iris3
    percent: 100
)",
                                                                  "e.yaml");
  ASSERT_TRUE(parsed.value.has_value()) << ToString(parsed.errors);
  const Experiment& e = (*parsed.value)[0];
  EXPECT_EQ(e.match, (Match{"*", ""}));
  EXPECT_EQ(e.salt, "a");
  EXPECT_EQ(e.error_codes, DefaultErrorCodes());
  EXPECT_TRUE(e.mirror_methods.empty());
  EXPECT_EQ(e.join_window, absl::Hours(24));
}

TEST(ParseExperimentsTest, EveryErrorIsReportedAtOnceInTheOrderOfTheFile) {
  EXPECT_EQ(
      ExperimentErrors(R"(apiVersion: weir/v1
kind: Experiment
metadata: {name: "two words"}
spec:
  default: nobody
  candidates:
    - {name: baseline, weight: -1}
    - {name: baseline, weight: "30"}
    - {nam: x, weight: .nan}
  mirror: {name: shadow, percent: 101}
  match: {service: "inference/X", model: income}
  assignment:
    key: [{header: x-user-id}, {parameter: ""}, {header: x-weir-key}, {header: grpc-timeout}]
    layer: ranking
  errorCodes: [internal, OK]
  guardrails:
    - {name: errors, metric: error_rate, maxRatio: 1.2}
    - {name: errors, metric: latency_p99, compareTo: default, maxRatio: 1.5, max: 200ms}
    - {name: floor, metric: accuracy, min: 0.75, action: pause}
    - {name: c, metric: error_rate, min: 0.1, max: 5, alpha: 1}
  rollout: {strategy: canary}
  joinWindow: 24
  guardrail: []
)"),
      R"(e.yaml:3:18: metadata.name: must be 1 to 63 letters, digits, ".", "_" and "-" that begin with a letter or a digit, got the text "two words"
e.yaml:5:12: spec.default: must be the name of one of spec.candidates, got nobody
e.yaml:7:32: spec.candidates[0].weight: must be at least 0, got -1
e.yaml:8:7: spec.candidates[1]: name: must differ from that of spec.candidates[0], got baseline
e.yaml:8:32: spec.candidates[1].weight: must be a number, got the text "30"
e.yaml:9:7: spec.candidates[2].name: is missing
e.yaml:9:8: spec.candidates[2].nam: is not a known key, did you mean "name"?
e.yaml:9:24: spec.candidates[2].weight: must be a number, got .nan
e.yaml:10:35: spec.mirror.percent: must be from 0 to 100, got 101
e.yaml:11:20: spec.match.service: must be a full service name such as inference.GRPCInferenceService, or "*", got the text "inference/X"
e.yaml:11:35: spec.match.model: is not supported yet by this version
e.yaml:13:44: spec.assignment.key[1].parameter: must be the name of a parameter, at most 64 bytes, got the text ""
e.yaml:13:58: spec.assignment.key[2].header: must not be one of Weir's own headers (x-weir-...), got x-weir-key
e.yaml:13:80: spec.assignment.key[3].header: must not be a header of gRPC itself, got grpc-timeout
e.yaml:14:5: spec.assignment.layer: is not supported yet by this version
e.yaml:15:16: spec.errorCodes[0]: must be the name of a gRPC status other than OK, such as UNAVAILABLE, got internal
e.yaml:15:26: spec.errorCodes[1]: must be the name of a gRPC status other than OK, such as UNAVAILABLE, got OK
e.yaml:17:52: spec.guardrails[0].maxRatio: needs "compareTo: default" beside it
e.yaml:18:73: spec.guardrails[1].maxRatio: contradicts max: write a guardrail for each
e.yaml:19:29: spec.guardrails[2].metric: must be error_rate, latency_p95, latency_p99 or the name of one of spec.metrics, got accuracy
e.yaml:20:42: spec.guardrails[3].min: is for the metrics of outcomes: errors and latency are bounded by max or maxRatio
e.yaml:20:52: spec.guardrails[3].max: must be a fraction above 0 and below 1, such as 0.05, got 5
e.yaml:20:62: spec.guardrails[3].alpha: must be a probability above 0 and below 1, such as 0.001, got 1
e.yaml:21:12: spec.rollout.steps: is missing
e.yaml:22:15: spec.joinWindow: must be a duration such as 500ms, 1s, 5m, 24h or 14d, got 24
e.yaml:23:3: spec.guardrail: is not a known key, did you mean "guardrails"?
)");
}

TEST(ParseProxyTest, EveryErrorIsReportedAtOnceInTheOrderOfTheFile) {
  EXPECT_EQ(ProxyErrors(R"(apiVersion: weir/v1
kind: Proxy
metadata: {name: income, labels: {a: b}}
spec:
  listener: {address: weir.example:8080, workers: 1.5, profile: lax, tls: {}}
  admin: {address: 0.0.0.0:9901}
  metrics: {adress: 0.0.0.0:9090}
  stateDirectory: [x]
  models:
    - {name: a, endpoints: ["b:0", "b", "c:1", "c:1"], health: {method: Ready, interval: 1ms}}
    - {name: a, endpoints: []}
    - 7
  routes:
    - {match: {method: a.b}, model: a, passthrough: yes}
  forceVariantHeader: {name: x-weir-variant, from: [10.0.0.1/8]}
  fleet: {}
)"),
            R"(p.yaml:3:26: metadata.labels: is not supported yet by this version
p.yaml:5:23: spec.listener.address: must be a numeric address (or localhost) and a port, such as 0.0.0.0:8080, got weir.example:8080
p.yaml:5:51: spec.listener.workers: must be a whole number from 1 to 64, got 1.5
p.yaml:5:65: spec.listener.profile: must be mesh or edge, got lax
p.yaml:5:70: spec.listener.tls: is not supported yet by this version
p.yaml:6:20: spec.admin.address: must be a loopback address: beyond it, TLS and authentication are needed, and TLS is not supported yet by this version, got 0.0.0.0:9901
p.yaml:7:12: spec.metrics.address: is missing
p.yaml:7:13: spec.metrics.adress: is not a known key, did you mean "address"?
p.yaml:8:19: spec.stateDirectory: must be a text, got a list
p.yaml:10:29: spec.models[0].endpoints[0]: must have a port from 1 to 65535, got the text "b:0"
p.yaml:10:36: spec.models[0].endpoints[1]: must be host:port, such as 127.0.0.1:8080 or [::1]:8080, got the text "b"
p.yaml:10:48: spec.models[0].endpoints[3]: must differ from spec.models[0].endpoints[2], got the text "c:1"
p.yaml:10:73: spec.models[0].health.method: must be ModelReady, ServerReady or grpc.health.v1, got Ready
p.yaml:10:90: spec.models[0].health.interval: must be from 100ms to 10m, got 1ms
p.yaml:11:7: spec.models[1]: name: must differ from that of spec.models[0], got a
p.yaml:11:28: spec.models[1].endpoints: must have at least 1 item, got 0
p.yaml:12:7: spec.models[2]: must be a mapping, got 7
p.yaml:14:15: spec.routes[0].match.service: is missing
p.yaml:14:24: spec.routes[0].match.method: must be the name of a method such as ModelInfer (leave it out for all), got a.b
p.yaml:14:53: spec.routes[0].passthrough: must be true or false, got yes
p.yaml:15:30: spec.forceVariantHeader.name: must not be a header that Weir itself sets, got x-weir-variant
p.yaml:15:53: spec.forceVariantHeader.from[0]: must have no bits set beyond its prefix of /8, got 10.0.0.1/8
p.yaml:16:3: spec.fleet: is not supported yet by this version
)");
}

TEST(ParseExperimentsTest, KeysOfTheSpecificationThatThisVersionDoesNotActOnSaySo) {
  for (std::string key : {"targeting", "fallback", "holdback", "detector"}) {
    const std::string errors = ExperimentErrors(std::string(kExperiment) + "  " + key + ": {a: 1}\n");
    EXPECT_NE(errors.find("spec." + key + ": is not supported yet by this version\n"), std::string::npos) << errors;
  }
}

TEST(ParseExperimentsTest, ARollbackDrainsForHalfAMinuteUnlessTheFileSaysOtherwise) {
  EXPECT_EQ((*ParseExperiments(kExperiment, "e.yaml").value)[0].drain_timeout, absl::Seconds(30));
  const std::string text = std::string(kExperiment) + "  drainTimeout: 0s\n";
  EXPECT_EQ((*ParseExperiments(text, "e.yaml").value)[0].drain_timeout, absl::ZeroDuration());
  EXPECT_EQ(ExperimentErrors(std::string(kExperiment) + "  drainTimeout: 2d\n"),
            "e.yaml:29:17: spec.drainTimeout: must be from 0 to 24h, got 2d\n");
}

TEST(ParseExperimentsTest, ASequenceIsNamedByAHeader) {
  const auto with = [](const std::string& sequence) {
    return With(kExperiment, "salt: old-name", "sequence: " + sequence);
  };
  EXPECT_EQ((*ParseExperiments(with("{header: X-Sequence-Id}"), "e.yaml").value)[0].sequence,
            SequenceKey{"x-sequence-id"});
  EXPECT_EQ(ExperimentErrors(with("{}")),
            "e.yaml:14:15: spec.assignment.sequence: must name a header or a parameter\n");
  EXPECT_EQ(ExperimentErrors(with("{header: x-weir-sequence}")),
            "e.yaml:14:24: spec.assignment.sequence.header: must not be one of Weir's own headers (x-weir-...), got "
            "x-weir-sequence\n");
}

TEST(ParseExperimentsTest, ASequenceIsNamedByAParameterAndItsBeginningAndEndAsTritonHasThem) {
  const auto with = [](const std::string& sequence) {
    return With(kExperiment, "salt: old-name", "sequence: " + sequence);
  };
  EXPECT_EQ((*ParseExperiments(with("{parameter: sequence_id}"), "e.yaml").value)[0].sequence,
            (SequenceKey{"", "sequence_id", "sequence_start", "sequence_end"}));
  EXPECT_EQ((*ParseExperiments(with("{parameter: chat, start: first, end: last}"), "e.yaml").value)[0].sequence,
            (SequenceKey{"", "chat", "first", "last"}));
  EXPECT_EQ(ExperimentErrors(with("{parameter: chat, header: x-chat}")),
            "e.yaml:14:27: spec.assignment.sequence.parameter: contradicts header: name one of the two\n");
  EXPECT_EQ(ExperimentErrors(with("{header: x-chat, end: last}")),
            "e.yaml:14:37: spec.assignment.sequence.end: needs a sequence that is named by a parameter\n");
  EXPECT_EQ(ExperimentErrors(with("{start: first}")),
            "e.yaml:14:15: spec.assignment.sequence: must name a header or a parameter\n");
  EXPECT_EQ(ExperimentErrors(with("{parameter: chat, start: chat}")),
            "e.yaml:14:15: spec.assignment.sequence: parameter, start and end must differ\n");
  EXPECT_EQ(ExperimentErrors(with("{parameter: [a], end: \"" + std::string(65, 'e') + "\"}")),
            "e.yaml:14:27: spec.assignment.sequence.parameter: must be a text, got a list\n"
            "e.yaml:14:37: spec.assignment.sequence.end: must be the name of a parameter, at most 64 bytes, got the "
            "text \"" +
                std::string(40, 'e') + "...\"\n");
}

TEST(ParseExperimentsTest, AParameterIsAskedForOnlyWhereRequestsCarryAny) {
  const auto with = [](const std::string& match) {
    return ExperimentErrors(With(kExperiment, "{service: inference.GRPCInferenceService, method: ModelInfer}", match));
  };
  const std::string why =
      "e.yaml:13:5: spec.assignment: names a parameter: only inference.GRPCInferenceService's ModelInfer and "
      "ModelStreamInfer have any, and spec.match leaves them out\n";
  EXPECT_EQ(with("{service: inference.GRPCInferenceService, method: ModelStreamInfer}"), "");
  EXPECT_EQ(with("{service: inference.GRPCInferenceService}"), "");
  EXPECT_EQ(with("{service: \"*\"}"), "");
  EXPECT_EQ(with("{service: \"*\", method: ModelReady}"), why);
  EXPECT_EQ(with("{service: shop.Recommender}"), why);
}

TEST(ParseProxyTest, TheAssignmentLogIsBoundedAndSampled) {
  const auto with = [](const std::string& log) { return std::string(kProxy) + "  assignmentLog: " + log + "\n"; };
  EXPECT_EQ(ParseProxy(with("{file: a.jsonl, sample: 5, fileBytes: 100000, files: 3}"), "p.yaml").value->assignment_log,
            (AssignmentLog{"a.jsonl", *Percent::FromDouble(5), 100'000, 3}));
  EXPECT_EQ(ParseProxy(with("{file: /var/log/a.jsonl}"), "p.yaml").value->assignment_log,
            (AssignmentLog{.file = "/var/log/a.jsonl"}));
  EXPECT_EQ(ProxyErrors(with("{file: logs/, sample: 0, fileBytes: 1, files: 0}")),
            "p.yaml:17:25: spec.assignmentLog.file: must be the path of a file, got logs/\n"
            "p.yaml:17:40: spec.assignmentLog.sample: must be above 0 (leave assignmentLog out to log nothing), got 0\n"
            "p.yaml:17:54: spec.assignmentLog.fileBytes: must be a whole number from 65536 to 1073741824, got 1\n"
            "p.yaml:17:64: spec.assignmentLog.files: must be a whole number from 1 to 1000, got 0\n");
}

TEST(ParseTest, ADuplicateKeyIsAnErrorAtItsSecondPlace) {
  EXPECT_EQ(ExperimentErrors(With(kExperiment, "  joinWindow: 2d\n", "  joinWindow: 2d\n  run: third\n")),
            "e.yaml:28:3: spec.run: is given twice\n");
  EXPECT_EQ(ExperimentErrors(With(kExperiment, "weight: 70", "weight: 70, weight: 71")),
            "e.yaml:9:46: spec.candidates[1].weight: is given twice\n");
}

TEST(ParseTest, YesAndNoAreNoBooleans) {
  for (std::string word : {"yes", "no", "on", "off", "True", "TRUE", "y", "1", "\"true\"", "~", "[]"}) {
    const std::string errors = ProxyErrors(With(kProxy, "passthrough: true", "passthrough: " + word));
    EXPECT_NE(errors.find("spec.routes[0].passthrough: must be true or false, got "), std::string::npos)
        << word << errors;
  }
}

TEST(ParseTest, NumbersAreDecimal) {
  for (std::string word : {".nan", ".inf", "-.inf", "nan", "inf",  "0x10", "0o17", "017", "1_000", "1e999", "1e",
                           ".",    "-",    "1,5",   "70%", "'70'", "true", "~",    "[]",  "{}",    "1 2"}) {
    EXPECT_FALSE(ParseExperiments(With(kExperiment, "weight: 70", "weight: " + word), "e").value.has_value()) << word;
  }
  for (std::string word : {"7e1", "+70", "70.0", "7.0E+1", "70."}) {
    const auto parsed = ParseExperiments(With(kExperiment, "weight: 70", "weight: " + word), "e");
    ASSERT_TRUE(parsed.value.has_value()) << word << ToString(parsed.errors);
    EXPECT_EQ((*parsed.value)[0].variants[1].weight.hundredths(), 7000u) << word;
  }
}

TEST(ParseTest, DurationsHaveANumberAndOneUnit) {
  const std::vector<std::pair<std::string, absl::Duration>> good = {{"1500ms", absl::Milliseconds(1500)},
                                                                    {"1.5s", absl::Milliseconds(1500)},
                                                                    {"5m", absl::Minutes(5)},
                                                                    {"24h", absl::Hours(24)},
                                                                    {"14d", absl::Hours(14 * 24)},
                                                                    {"'90s'", absl::Seconds(90)}};
  for (const auto& [word, duration] : good) {
    const auto parsed = ParseExperiments(With(kExperiment, "joinWindow: 2d", "joinWindow: " + word), "e");
    ASSERT_TRUE(parsed.value.has_value()) << word << ToString(parsed.errors);
    EXPECT_EQ((*parsed.value)[0].join_window, duration) << word;
  }
  for (std::string word : {"24", "h", "1 h", "-1h", "1h30m", "1w", "1.2.3s", "1e3s", "inf", "15d", "999ms", "0s", "1H",
                           "99999999999999999999d", "~", "[1h]"}) {
    EXPECT_FALSE(ParseExperiments(With(kExperiment, "joinWindow: 2d", "joinWindow: " + word), "e").value.has_value())
        << word;
  }
}

TEST(ParseTest, ABooleanIsNoNameUnlessQuoted) {
  const std::string named_true = With(kExperiment, "{name: income-classifier}", "{name: true}");
  EXPECT_EQ(ExperimentErrors(named_true),
            "e.yaml:3:18: metadata.name: must be a text (in quotes, if this is one), got true\n");
  EXPECT_EQ(ExperimentErrors(With(kExperiment, "{name: income-classifier}", "{name: 'true'}")), "");
  EXPECT_EQ(ExperimentErrors(With(kExperiment, "run: second", "run: 2")), "");
}

TEST(ParseTest, DocumentsOfOtherSystemsAreRecognised) {
  EXPECT_EQ(ExperimentErrors("apiVersion: mlops.seldon.io/v1alpha1\nkind: Experiment\n"),
            "e.yaml:1:13: apiVersion: mlops.seldon.io/v1alpha1 is not supported yet by this version: write weir/v1\n");
  EXPECT_EQ(ExperimentErrors("apiVersion: weir/v2\nkind: Experiment\n"),
            "e.yaml:1:13: apiVersion: must be weir/v1, got weir/v2\n");
  EXPECT_EQ(ExperimentErrors("apiVersion: weir/v1\nkind: Expriment\n"),
            "e.yaml:2:7: kind: must be Proxy or Experiment, got Expriment\n");
  EXPECT_EQ(ExperimentErrors("kind: Experiment\n"), "e.yaml:1:1: apiVersion: is missing\n");
}

TEST(ParseTest, EmptyAndAlienFilesAreErrors) {
  for (std::string text : {"", "\n\n", "# nothing\n", "---\n", "---\n---\n"}) {
    EXPECT_EQ(ExperimentErrors(text), "e.yaml: must hold a document of kind Proxy or Experiment, got none\n") << text;
  }
  EXPECT_EQ(ExperimentErrors("just a text"), "e.yaml:1:1: must be a mapping, got just a text\n");
  EXPECT_EQ(ExperimentErrors("- a\n- b\n"), "e.yaml:1:1: must be a mapping, got a list\n");
}

TEST(ParseTest, EachKindHasItsFiles) {
  EXPECT_EQ(
      ProxyErrors(std::string(kProxy) + "---\n" + kExperiment),
      "p.yaml:19:7: kind: must be Proxy here, got Experiment: experiments belong into the files that spec.experiments "
      "names\n");
  EXPECT_EQ(ExperimentErrors(kProxy), "e.yaml:2:7: kind: must be Experiment here, got Proxy\n");
  EXPECT_EQ(ProxyErrors(std::string(kProxy) + "---\n" + kProxy),
            "p.yaml:19:7: kind: must be the only Proxy of its file\n");
}

TEST(ParseTest, AFileMayHoldSeveralExperiments) {
  const auto parsed = ParseExperiments(std::string("---\n") + kExperiment + "---\n" + kExperiment + "---\n", "e.yaml");
  ASSERT_TRUE(parsed.value.has_value()) << ToString(parsed.errors);
  EXPECT_EQ(parsed.value->size(), 2u);
}

TEST(ParseTest, AliasesAndTagsAreReportedWithThePathWhereTheyStand) {
  EXPECT_EQ(ExperimentErrors(With(With(kExperiment, "run: second", "run: &r second"), "salt: old-name", "salt: *r")),
            "e.yaml:14:11: spec.assignment.salt: aliases (*name) are not supported: write the value out\n");
  EXPECT_EQ(ExperimentErrors(With(kExperiment, "weight: 70", "weight: !!float 70")),
            "e.yaml:9:42: spec.candidates[1].weight: tags (!name) are not supported\n");
}

TEST(ParseTest, WhatWasWrittenIsShownOnOneShortLine) {
  const std::string errors =
      ExperimentErrors(With(kExperiment, "weight: 70", "weight: \"a\\n" + std::string(500, 'x') + "\""));
  EXPECT_NE(errors.find("got the text \"a\\nxxxx"), std::string::npos) << errors;
  EXPECT_LT(errors.size(), 160u);
}

TEST(ParseTest, AHostileFileReportsABoundedNumberOfErrors) {
  std::string text =
      "apiVersion: weir/v1\nkind: Experiment\nmetadata: {name: a}\nspec:\n  default: a\n  candidates: [{name: a, "
      "weight: 1}]\n";
  for (int i = 0; i < 5000; ++i) text += "  key" + std::to_string(i) + ": 1\n";
  const auto parsed = ParseExperiments(text, "e.yaml");
  EXPECT_EQ(parsed.errors.size(), limits::kErrorsPerFile);
  EXPECT_NE(parsed.errors.back().message.find("4900 more in this file"), std::string::npos);
}

TEST(ExperimentTest, AtLeastOneWeightIsAboveZero) {
  EXPECT_EQ(ExperimentErrors(With(With(kExperiment, "weight: 70", "weight: 0"), "weight: 29.5", "weight: 0.00")),
            "e.yaml:8:5: spec.candidates: at least one weight must be above 0\n");
}

TEST(ExperimentTest, ComparingNeedsACandidate) {
  EXPECT_EQ(ExperimentErrors(With(kExperiment, "    - {name: enhanced-predictor, weight: 29.5}\n", "")),
            "e.yaml:19:5: spec.guardrails: compareTo needs a candidate beside the default, got the default alone\n");
}

TEST(ExperimentTest, AlphasSumToLessThanOne) {
  EXPECT_EQ(ExperimentErrors(With(kExperiment, "alpha: 0.002", "alpha: 0.999")),
            "e.yaml:20:5: spec.guardrails: the alphas must sum to less than 1, got 1.004\n");
}

TEST(ExperimentTest, MirrorsMayBeAListThatSharesItsMethods) {
  const std::string one = "mirror: {name: traffic-mirror, percent: 12.5, methods: [ModelInfer]}";
  const auto parsed = ParseExperiments(
      With(kExperiment, one, "mirror: [{name: a}, {name: b, percent: 0, methods: [A, B]}, {name: c, methods: [B, A]}]"),
      "e");
  ASSERT_TRUE(parsed.value.has_value()) << ToString(parsed.errors);
  EXPECT_EQ((*parsed.value)[0].mirrors.size(), 3u);
  EXPECT_EQ((*parsed.value)[0].mirror_methods, (std::set<std::string>{"A", "B"}));
  EXPECT_EQ(
      ExperimentErrors(With(kExperiment, one, "mirror: [{name: a, methods: [A]}, {name: a, methods: [a.B/C, X]}]")),
      "e.yaml:10:37: spec.mirror[1]: name: must differ from that of the other mirrors, got a\n"
      "e.yaml:10:56: spec.mirror[1].methods: must be the same list in every mirror of the experiment\n"
      "e.yaml:10:57: spec.mirror[1].methods[0]: must be the name of a method without its service, such as ModelInfer, "
      "got "
      "a.B/C\n");
}

// The errors of an experiment with one guardrail of these fields, without place and path.
std::string GuardrailErrors(const std::string& fields) {
  const auto parsed = ParseExperiments(
      "apiVersion: weir/v1\nkind: Experiment\nmetadata: {name: a}\nspec:\n  default: a\n  candidates: [{name: a, "
      "weight: 1}, "
      "{name: b, weight: 1}]\n  metrics: [{name: accuracy}, {name: revenue, type: mean}]\n  guardrails: [{name: g, " +
          fields + "}]\n",
      "e");
  std::string errors;
  for (const ConfigError& e : parsed.errors) errors += e.path.substr(e.path.rfind('.') + 1) + ": " + e.message + "\n";
  return errors;
}

TEST(GuardrailTest, ContradictionsAreErrors) {
  EXPECT_EQ(GuardrailErrors("metric: error_rate"),
            "guardrails[0]: must have maxRatio (with \"compareTo: default\") or max\n");
  EXPECT_EQ(GuardrailErrors("metric: error_rate, compareTo: default, max: 0.1"),
            "compareTo: needs maxRatio beside it\n");
  EXPECT_EQ(GuardrailErrors("metric: latency_p95, compareTo: baseline, maxRatio: 2"),
            "compareTo: must be default, got baseline\n");
  EXPECT_EQ(GuardrailErrors("metric: latency_p95, compareTo: default, maxRatio: 0.9"),
            "maxRatio: must be a ratio from 1 to 100, got 0.9\n");
  EXPECT_EQ(GuardrailErrors("metric: latency_p95, max: 0.2"),
            "max: must be a duration such as 500ms, 1s, 5m, 24h or 14d, got 0.2\n");
  EXPECT_EQ(GuardrailErrors("metric: error_rate, max: 200ms"), "max: must be a number, got 200ms\n");
  EXPECT_EQ(GuardrailErrors("metric: error_rate, max: 0"),
            "max: must be a fraction above 0 and below 1, such as 0.05, got 0\n");
  EXPECT_EQ(
      GuardrailErrors("metric: latency_p50, max: 200ms"),
      "metric: must be error_rate, latency_p95, latency_p99 or the name of one of spec.metrics, got latency_p50\n");
  EXPECT_EQ(GuardrailErrors("metric: accuracy"), "guardrails[0]: must have min or max\n");
  EXPECT_EQ(GuardrailErrors("metric: accuracy, min: 75"),
            "min: must be a fraction above 0 and below 1, since the metric is a proportion, got 75\n");
  EXPECT_EQ(GuardrailErrors("metric: revenue, min: 3, max: 3"), "max: must be above min, which is 3, got 3\n");
  EXPECT_EQ(GuardrailErrors("metric: accuracy, compareTo: default, maxRatio: 2"),
            "maxRatio: of an outcome is not supported yet by this version: give min or max\n");
  EXPECT_EQ(GuardrailErrors("metric: error_rate, max: 0.1, window: 5m"),
            "window: is not supported yet by this version\n");
  EXPECT_EQ(GuardrailErrors("metric: error_rate, max: 0.1, alpha: 0"),
            "alpha: must be a probability above 0 and below 1, such as 0.001, got 0\n");
}

TEST(WarningTest, ARatioThatHidesADoublingIsSaid) {
  const auto warnings = [](const std::string& metric, const std::string& ratio) {
    const auto parsed =
        ParseExperiments(With(kExperiment, "- {name: ceiling, metric: error_rate, max: 0.05}",
                              "- {name: ceiling, metric: " + metric + ", compareTo: default, maxRatio: " + ratio + "}"),
                         "e.yaml");
    EXPECT_TRUE(parsed.value.has_value()) << ToString(parsed.errors);
    return ToString(parsed.warnings);
  };
  EXPECT_EQ(warnings("error_rate", "2"),
            "e.yaml:21:73: spec.guardrails[1].maxRatio: maxRatio 2 can never prove a rise to twice the default's, "
            "however long "
            "it looks: choose at most 1.86\n");
  EXPECT_NE(warnings("error_rate", "1.9"), "");
  EXPECT_EQ(warnings("error_rate", "1.8"), "");
  EXPECT_NE(warnings("latency_p99", "2.0"), "");
  EXPECT_EQ(warnings("latency_p99", "1.9"), "");
}

TEST(WarningTest, AnExperimentThatNobodyStaysInOrNothingGuardsIsSaid) {
  const auto parsed = ParseExperiments(
      "apiVersion: weir/v1\nkind: Experiment\nmetadata: {name: a}\nspec:\n  default: a\n  candidates: [{name: a, "
      "weight: 0}, "
      "{name: b, weight: 1}]\n  guardrails: [{name: g, metric: error_rate, compareTo: default, maxRatio: 1}]\n",
      "e");
  EXPECT_EQ(ToString(parsed.warnings),
            "e:5:3: spec.assignment: names no key: each call is assigned at random, and no user stays with a variant\n"
            "e:7:15: spec.guardrails: the default has weight 0: nothing can be compared with it, only absolute "
            "guardrails watch\n");
}

}  // namespace
}  // namespace weir::config
