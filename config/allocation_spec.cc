#include "config/allocation_spec.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "config/limits.h"

namespace weir::config {
namespace {

constexpr int kWhole = 10000;  // Basis points.

// Where the specification says nothing.
constexpr int kUsualFloor = 1000;
constexpr int kUsualLeastShare = 100;
constexpr int kUsualMove = 1000;
constexpr int kUsualFirst = 100;

Percent Of(int basis_points) { return Percent::FromBasisPoints(basis_points).value_or(Percent()); }

Percent ReadShare(const Field& field, int least, int most, Percent otherwise) {
  const std::optional<Percent> share = field.ReadPercent();
  if (!share) return otherwise;
  if (share->basis_points() >= least && share->basis_points() <= most) return *share;
  field.ReportGot(absl::StrCat("must be from ", least / 100.0, " to ", most / 100.0));
  return otherwise;
}

Percent ReadMove(const Field& field, Percent otherwise) { return ReadShare(field, 1, kWhole, otherwise); }

absl::Duration ReadEvery(const Field& field, absl::Duration otherwise) {
  return field.ReadDuration(limits::kShortestMove, limits::kLongestRolloutSpan).value_or(otherwise);
}

// The largest share within the budget while nothing is known, in basis points.
int LargestFirst(const RiskSchedule& risk) {
  return static_cast<int>(std::min<double>(kWhole, std::floor(kWhole * risk.budget / risk.impact + 1e-9)));
}

void ReadFirst(const Field& field, RiskSchedule& risk) {
  risk.first = ReadShare(field, 1, kWhole, risk.first);
  if (risk.first.basis_points() <= LargestFirst(risk)) return;
  field.Report(absl::StrCat(risk.first.ToString(), " of an impact of ", risk.impact, " is more than the riskBudget, ",
                            risk.budget, ", on a candidate of which nothing is known: at most ",
                            Of(LargestFirst(risk)).ToString()));
}

void ReadRisk(const Field& field, RiskSchedule& risk) {
  Mapping mapping(field);
  if (Field f = mapping.Required("impact")) {
    risk.impact = f.ReadNumberBetween(limits::kLeastImpact, limits::kLargestImpact).value_or(risk.budget);
    if (LargestFirst(risk) < 1) {
      f.Report(absl::StrCat("0.01 % of ", risk.impact, " is more than the riskBudget, ", risk.budget,
                            ": no share is small enough to begin with"));
    }
  }
  risk.first = Of(std::min(kUsualFirst, LargestFirst(risk)));
  if (Field f = mapping.Optional("first")) ReadFirst(f, risk);
  if (Field f = mapping.Optional("maxMove")) risk.max_move = ReadMove(f, risk.max_move);
  if (Field f = mapping.Optional("every")) risk.every = ReadEvery(f, risk.every);
  if (Field f = mapping.Optional("metric")) risk.metric = f.ReadName().value_or("");
  if (Field f = mapping.Optional("alpha")) {
    risk.alpha = f.ReadNumberBetween(limits::kSmallestAlpha, 0.5).value_or(risk.alpha);
  }
  mapping.Finish();
}

const OutcomeMetric* Find(const Experiment& experiment, const std::string& metric) {
  const auto found = std::find_if(experiment.metrics.begin(), experiment.metrics.end(),
                                  [&](const OutcomeMetric& m) { return m.name == metric; });
  return found == experiment.metrics.end() ? nullptr : &*found;
}

void Fail(const Field& field, const std::string& part, std::string message) {
  Reading& reading = field.reading();
  reading.findings.errors.push_back(reading.places.ErrorAt(absl::StrCat(field.path(), ".", part), std::move(message)));
}

const OutcomeMetric* CheckMetric(const Field& field, const Experiment& experiment, const std::string& part,
                                 const std::string& metric) {
  const OutcomeMetric* found = Find(experiment, metric);
  if (found == nullptr && !metric.empty()) {
    Fail(field, part, absl::StrCat("must name one of spec.metrics, got ", metric));
  }
  return found;
}

void CheckBandit(const Field& field, const Experiment& experiment, const Bandit& bandit) {
  const OutcomeMetric* metric = CheckMetric(field, experiment, "bandit.metric", bandit.metric);
  if (metric != nullptr && bandit.policy == BanditPolicy::kUcb1 && metric->type != MetricType::kProportion) {
    Fail(field, "bandit.policy",
         absl::StrCat("ucb1 is for outcomes from 0 to 1, and ", metric->name, " is no proportion"));
  }
  double sum = 0;
  int candidates = 0;
  for (const Variant& variant : experiment.variants) {
    sum += variant.weight.value();
    candidates += variant.weight > Weight() && &variant != &experiment.variants[experiment.default_variant];
  }
  if (bandit.floor.basis_points() + candidates * bandit.least_share.basis_points() > kWhole) {
    Fail(field, "bandit",
         absl::StrCat("floor and leastShare leave nothing to move: ", bandit.floor.ToString(), " for the default and ",
                      bandit.least_share.ToString(), " for each of ", candidates, " candidates"));
  }
  const double begins = sum > 0 ? experiment.variants[experiment.default_variant].weight.value() / sum : 1;
  if (begins < bandit.floor.fraction() - 1e-9) {
    Fail(field, "bandit",
         absl::StrCat("the default begins with ", Of(static_cast<int>(std::floor(begins * kWhole))).ToString(),
                      " by the candidates' weights, below its floor, ", bandit.floor.ToString()));
  }
}

}  // namespace

Bandit ReadBandit(const Field& field) {
  Mapping mapping(field);
  Bandit bandit{.floor = Of(kUsualFloor), .least_share = Of(kUsualLeastShare), .max_move = Of(kUsualMove)};
  if (Field f = mapping.Optional("policy")) {
    bandit.policy = f.ReadChoice<BanditPolicy>({{"thompson", BanditPolicy::kThompson},
                                                {"ucb1", BanditPolicy::kUcb1},
                                                {"epsilonGreedy", BanditPolicy::kEpsilonGreedy}})
                        .value_or(bandit.policy);
  }
  if (Field f = mapping.Required("metric")) bandit.metric = f.ReadName().value_or("");
  if (Field f = mapping.Optional("epsilon")) {
    bandit.epsilon = f.ReadNumberBetween(0, 1).value_or(bandit.epsilon);
    if (bandit.policy != BanditPolicy::kEpsilonGreedy) f.Report("is for policy: epsilonGreedy");
  }
  // An arm without calls has no propensity, and would not be compared with any more.
  if (Field f = mapping.Optional("floor")) bandit.floor = ReadShare(f, 10, 9000, bandit.floor);
  if (Field f = mapping.Optional("leastShare")) bandit.least_share = ReadShare(f, 10, 5000, bandit.least_share);
  if (Field f = mapping.Optional("maxMove")) bandit.max_move = ReadMove(f, bandit.max_move);
  if (Field f = mapping.Optional("every")) bandit.every = ReadEvery(f, bandit.every);
  if (Field f = mapping.Optional("minOutcomes")) {
    bandit.min_outcomes = f.ReadInteger(1, limits::kMostSamples).value_or(static_cast<int>(bandit.min_outcomes));
  }
  mapping.Finish();
  return bandit;
}

RiskSchedule ReadRiskSchedule(Mapping& rollout) {
  RiskSchedule risk{.budget = 1, .first = Of(kUsualFirst), .max_move = Of(kUsualMove)};
  if (Field f = rollout.Required("riskBudget")) {
    risk.budget = f.ReadNumberBetween(limits::kLeastImpact, limits::kLargestImpact).value_or(risk.budget);
  }
  if (Field f = rollout.Required("risk")) ReadRisk(f, risk);
  return risk;
}

void CheckAllocation(const Field& field, const Experiment& experiment) {
  const Rollout& rollout = *experiment.rollout;
  if (rollout.bandit) CheckBandit(field, experiment, *rollout.bandit);
  if (rollout.schedule) CheckMetric(field, experiment, "risk.metric", rollout.schedule->metric);
  if (rollout.is_dry_run && (rollout.bandit || rollout.schedule)) {
    Fail(field, "dryRun", "gives candidates no calls, and shares are chosen by what calls of theirs show");
  }
}

}  // namespace weir::config
