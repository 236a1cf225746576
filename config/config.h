// What the operator asked for: one immutable, validated value. Compared by ==, so that a reload that changes nothing is
// seen to change nothing. Made only by `Parse` (config/parse.h) and `Validate`; whoever holds one need not check it
// again.

#ifndef WEIR_CONFIG_CONFIG_H_
#define WEIR_CONFIG_CONFIG_H_

#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "config/analysis.h"
#include "config/file_origin.h"
#include "config/notify.h"
#include "config/rollout.h"
#include "config/units.h"

namespace weir::config {

struct Address {
  std::string host;   // A numeric address or a name; an IPv6 address without brackets.
  uint16_t port = 0;  // 0 in a listener: any free one.
  bool operator==(const Address&) const = default;
  std::string ToString() const;  // "host:port", "[::1]:80"
};

// A network in CIDR notation, parsed.
struct Network {
  std::array<uint8_t, 16> prefix{};  // IPv4 as IPv4-mapped IPv6.
  int bits = 0;                      // Of the 128.
  bool operator==(const Network&) const = default;
};

// --- The proxy (kind: Proxy).

enum class Profile { kMesh, kEdge };  // kEdge: tighter limits, for peers that nobody vouches for.

struct HealthCheck {
  std::string method;  // "ModelReady", "ServerReady" (Open Inference Protocol) or "grpc.health.v1".
  absl::Duration interval = absl::Seconds(1);
  bool operator==(const HealthCheck&) const = default;
};

struct Model {
  std::string name;
  std::vector<Address> endpoints;  // At least one.
  std::optional<HealthCheck> health;
  std::optional<absl::Duration> deadline;  // A cap on every call to the model.
  bool operator==(const Model&) const = default;
};

// Which calls: a full service name or "*", and a method of it or "" for all.
struct Match {
  std::string service;
  std::string method;
  bool operator==(const Match&) const = default;
};

// The Open Inference Protocol (KServe's second, Triton): the service whose requests to infer carry parameters.
inline constexpr std::string_view kInferenceService = "inference.GRPCInferenceService";
inline bool CarriesParameters(std::string_view service, std::string_view method) {
  return service == kInferenceService && (method == "ModelInfer" || method == "ModelStreamInfer");
}

struct Route {
  Match match;
  std::string model;
  bool passthrough = false;  // Any content type and any HTTP method: for generic HTTP/2 conformance suites.
  bool operator==(const Route&) const = default;
};

struct ForceVariantHeader {
  std::string name;
  std::vector<Network> from;  // Peers that may force; at least one.
  bool operator==(const ForceVariantHeader&) const = default;
};

struct Proxy {
  std::string name;
  Address listener;
  int workers = 1;
  Profile profile = Profile::kMesh;
  absl::Duration drain_grace = absl::Seconds(30);
  std::optional<Address> admin;  // Loopback only.
  std::optional<Address> metrics;
  std::string state_directory;  // Relative paths are relative to the file that names them.
  std::string experiments;      // A file or a folder, watched; "" for none.
  std::vector<Model> models;    // Names are unique.
  std::vector<Route> routes;    // The first that matches.
  std::optional<ForceVariantHeader> force_variant_header;
  std::optional<AssignmentLog> assignment_log;
  bool operator==(const Proxy&) const = default;
};

// --- An experiment (kind: Experiment).

struct Variant {
  std::string name;  // Also the model's.
  Weight weight;
  bool operator==(const Variant&) const = default;
};

struct Mirror {
  std::string name;  // Also the model's.
  Percent percent = Percent::All();
  bool operator==(const Mirror&) const = default;
};

enum class MetricType { kProportion, kMean };
enum class Goal { kIncrease, kDecrease };
enum class Role { kPrimary, kSecondary };

// An outcome that clients report.
struct OutcomeMetric {
  std::string name;   // As guardrails and metrics call it.
  std::string field;  // As reports call it.
  MetricType type = MetricType::kProportion;
  Goal goal = Goal::kIncrease;
  Role role = Role::kSecondary;
  bool operator==(const OutcomeMetric&) const = default;
};

// candidate error rate > max_ratio x default's.
struct ErrorRatio {
  double max_ratio;
  bool operator==(const ErrorRatio&) const = default;
};
// candidate error rate > max, a fraction.
struct ErrorCeiling {
  double max;
  bool operator==(const ErrorCeiling&) const = default;
};
// candidate's latency quantile > max_ratio x default's.
struct TailRatio {
  double quantile;  // 0.95 or 0.99
  double max_ratio;
  bool operator==(const TailRatio&) const = default;
};
// candidate's latency quantile > max.
struct TailCeiling {
  double quantile;
  absl::Duration max;
  bool operator==(const TailCeiling&) const = default;
};
// candidate's mean outcome < min (or > max).
struct OutcomeBound {
  std::string metric;  // An OutcomeMetric's name.
  std::optional<double> min;
  std::optional<double> max;
  bool operator==(const OutcomeBound&) const = default;
};
using GuardrailRule = std::variant<ErrorRatio, ErrorCeiling, TailRatio, TailCeiling, OutcomeBound>;

enum class GuardrailAction {
  kRollback,
  kPause,  // The rollout: its share stays.
  kWarn,
};

struct Guardrail {
  std::string name;  // Unique in its experiment.
  GuardrailRule rule;
  double alpha = 0.001;  // The probability that it ever raises a false breach in a run.
  GuardrailAction action = GuardrailAction::kRollback;
  std::optional<RateGate> when{};  // Not judged before.
  bool detector_acts = false;      // `detector: act`: its detector of late rises does as `action` says, too.
  double detector_arl = 1e9;       // Of error rates: mean number of calls from one false alarm of it to the next.
  bool operator==(const Guardrail&) const = default;
};

// The weights of the net business value of a candidate over the default.
struct DecisionWeights {
  double revenue_per_accuracy_point = 0;
  double cost_per_millisecond = 0;
  double risk_per_error_point = 0;
  bool operator==(const DecisionWeights&) const = default;
};

// Where a call says whose it is.
struct KeySource {
  std::string name;           // Of a header, in lower case, or of a parameter.
  bool is_parameter = false;  // Of the request's body: an entry of ModelInferRequest.parameters.
  bool operator==(const KeySource&) const = default;
};

// What names a sequence of calls of one user: a header, or a parameter of the body. One of the two is empty.
struct SequenceKey {
  std::string header{};  // Lower case.
  std::string parameter{};
  // With a parameter: those that say that a call begins its sequence, and that it is the last one of it.
  std::string start{};
  std::string end{};
  bool operator==(const SequenceKey&) const = default;
};

struct Experiment {
  std::string name;
  std::string run;                // A free string: another one opens a new run.
  size_t default_variant = 0;     // Its place in `variants`.
  std::vector<Variant> variants;  // At least one with weight above 0; names are unique and name models.
  std::vector<Mirror> mirrors;
  Match match;
  std::vector<KeySource> key_sources;    // The first one present is the user's key.
  std::string salt;                      // The experiment's name unless given.
  std::set<int> error_codes;             // gRPC codes that count as the model's errors.
  std::set<std::string> mirror_methods;  // Methods that are safe to send twice; empty: all of `match`.
  std::vector<OutcomeMetric> metrics;
  std::vector<Guardrail> guardrails;
  std::vector<QueryMetric> queries;  // Names differ from those of `metrics`.
  std::vector<TrendLimit> trends;
  std::optional<DecisionWeights> decision;
  DecisionRules decision_rules;
  std::optional<Rollout> rollout;  // Owns the shares: the weights only say how candidates divide theirs.
  absl::Duration join_window = absl::Hours(24);
  Percent ticket_sample = Percent::All();
  // Calls that were open on a candidate when it was rolled back, and sequences pinned to it, end UNAVAILABLE after
  // this: as long as the proxy's own drain. A rollback that lets streams run on for hours would be none.
  absl::Duration drain_timeout = absl::Seconds(30);
  std::optional<SequenceKey> sequence;  // Its calls stay with the variant that the first of them had.
  std::vector<NotifyTarget> notify;
  std::string file;    // Where it was read, for messages.
  std::string source;  // Its document's text as it was read, comments and all: what the journal keeps of each version.
  FileOrigin origin;   // Of the file.
  bool operator==(const Experiment&) const = default;
};

// The gRPC codes that count as the model's errors where a specification names none, and outside experiments.
std::set<int> DefaultErrorCodes();

// A rule in words: "error rate > 1.2 x default's", "p99 latency > 200ms", "accuracy < 0.75".
std::string ToString(const GuardrailRule& rule);

struct Config {
  Proxy proxy;
  std::vector<Experiment> experiments;  // Names are unique; sorted by name.
  bool operator==(const Config&) const = default;
};

}  // namespace weir::config

#endif  // WEIR_CONFIG_CONFIG_H_
