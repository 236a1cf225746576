#include "router/cli/planning/assumptions.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "router/cli/quantities.h"
#include "stats/planning.h"
#include "stats/special_functions.h"

namespace weir::cli {
namespace {

// p99 over the median of a lognormal with the deviation 0.5.
constexpr double kUsualTail = 3.2;

constexpr char kGiven[] = "given";
const char* SourceOf(bool is_given, bool is_filed = false) { return is_given ? kGiven : is_filed ? "file" : "assumed"; }

// The value of an option that is read from text, where it was given.
template <typename T, typename Reader>
absl::Status ReadOption(const char* option, const std::string& text, Reader read, T& value) {
  if (text.empty()) return absl::OkStatus();
  const auto read_value = read(text);
  if (!read_value.ok()) return absl::InvalidArgumentError(absl::StrCat(option, " ", read_value.status().message()));
  value = *read_value;
  return absl::OkStatus();
}

absl::StatusOr<double> ReadPart(const std::string& text) {
  if (text == "1" || text == "100%") return 1.0;
  return ReadRate(text);
}

std::string Milliseconds(absl::Duration latency) {
  return absl::StrFormat("%.4gms", absl::ToDoubleMilliseconds(latency));
}

void SayUsers(const PlanCommand& command, Assumptions& assumptions) {
  if (assumptions.users) {
    assumptions.said.push_back({"--users", CountText(*assumptions.users), "that make all the calls", kGiven});
  } else {
    assumptions.said.push_back({"--calls-per-user", absl::StrFormat("%g", assumptions.calls_per_user),
                                "of the user of a typical call, in the whole comparison (or --users)",
                                SourceOf(command.calls_per_user.has_value())});
  }
  assumptions.said.push_back({"--correlation", absl::StrFormat("%g", assumptions.correlation),
                              "of two calls of one user: design effect 1 + (calls per user - 1) x correlation",
                              SourceOf(command.correlation.has_value())});
}

void Say(const PlanCommand& command, const config::Experiment& experiment, Assumptions& assumptions) {
  std::vector<Assumed>& said = assumptions.said;
  said.push_back({"--baseline-error", PercentText(assumptions.baseline_error), "calls of a healthy variant that fail",
                  SourceOf(!command.baseline_error.empty())});
  said.push_back({"--median-latency", Milliseconds(assumptions.median_latency), "of a healthy variant",
                  SourceOf(!command.median_latency.empty())});
  said.push_back({"--p99-latency", Milliseconds(assumptions.p99_latency),
                  "of a healthy variant; latencies are taken for lognormal", SourceOf(!command.p99_latency.empty())});
  for (const config::OutcomeMetric& metric : experiment.metrics) {
    const MetricBaseline& baseline = assumptions.metrics.at(metric.name);
    said.push_back({absl::StrCat("--baseline ", metric.name), ToString(baseline), "of a healthy variant",
                    SourceOf(baseline.is_given)});
  }
  if (!experiment.metrics.empty()) {
    said.push_back({"--reported", PercentText(assumptions.reported), "of all calls have their outcome reported",
                    SourceOf(!command.reported.empty(), experiment.ticket_sample != config::Percent::All())});
  }
  SayUsers(command, assumptions);
  said.push_back({"--alpha", absl::StrFormat("%g", assumptions.alpha), "of the comparisons, two-sided",
                  SourceOf(command.alpha.has_value(), experiment.decision_rules != config::DecisionRules())});
  said.push_back({"--power", absl::StrFormat("%g", assumptions.power), "the chance to show what is there",
                  SourceOf(command.power.has_value())});
  if (!experiment.rollout) {
    said.push_back({"--days", absl::StrFormat("%g", absl::FDivDuration(assumptions.length, absl::Hours(24))),
                    "that it runs, since the file has no rollout", SourceOf(command.days.has_value())});
  }
}

}  // namespace

double Assumptions::latency_deviation() const {
  return std::log(absl::FDivDuration(p99_latency, median_latency)) / stats::NormalQuantile(0.99);
}

double Assumptions::DesignEffect(double calls, double part) const {
  return stats::DesignEffectOfUsers(users ? calls / (*users * part) : calls_per_user, correlation);
}

double Assumptions::CallsOf(double independent, double part) const {
  if (users) return stats::CallsOfUsers(independent, *users * part, correlation);
  return independent * stats::DesignEffectOfUsers(calls_per_user, correlation);
}

absl::StatusOr<Assumptions> AssumptionsOf(const PlanCommand& command, const config::Experiment& experiment) {
  Assumptions assumptions;
  assumptions.reported = experiment.ticket_sample.fraction();
  absl::Status status = ReadOption("--traffic", command.traffic, ReadTraffic, assumptions.calls_per_second);
  status.Update(ReadOption("--baseline-error", command.baseline_error, ReadRate, assumptions.baseline_error));
  status.Update(ReadOption("--median-latency", command.median_latency, ReadLatency, assumptions.median_latency));
  assumptions.p99_latency = kUsualTail * assumptions.median_latency;
  status.Update(ReadOption("--p99-latency", command.p99_latency, ReadLatency, assumptions.p99_latency));
  status.Update(ReadOption("--reported", command.reported, ReadPart, assumptions.reported));
  if (!status.ok()) return status;
  if (assumptions.p99_latency <= assumptions.median_latency) {
    return absl::InvalidArgumentError(absl::StrCat("--p99-latency must be above the median, ",
                                                   Milliseconds(assumptions.median_latency), ", got ",
                                                   Milliseconds(assumptions.p99_latency)));
  }
  absl::StatusOr<MetricBaselines> baselines = BaselinesOf(experiment, command.baselines);
  if (!baselines.ok()) return baselines.status();
  assumptions.metrics = *std::move(baselines);
  assumptions.users = command.users;
  assumptions.calls_per_user = command.calls_per_user.value_or(assumptions.calls_per_user);
  assumptions.correlation = command.correlation.value_or(assumptions.correlation);
  assumptions.alpha = command.alpha.value_or(experiment.decision_rules.alpha);
  assumptions.power = command.power.value_or(assumptions.power);
  if (command.days) assumptions.length = *command.days * absl::Hours(24);
  if (assumptions.power <= assumptions.alpha) {
    return absl::InvalidArgumentError(
        absl::StrFormat("--power must be above --alpha, which is %g, got %g", assumptions.alpha, assumptions.power));
  }
  if (experiment.rollout && command.days) {
    return absl::InvalidArgumentError("--days is for an experiment without a rollout: this one's steps say how long");
  }
  Say(command, experiment, assumptions);
  return assumptions;
}

}  // namespace weir::cli
