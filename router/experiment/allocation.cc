#include "router/experiment/allocation.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "stats/bandits.h"
#include "stats/harm.h"

namespace weir::experiment {
namespace {

constexpr int kWhole = 10000;  // Basis points.
constexpr int kLeastMove = 50;
constexpr int kTwentieth = 20;

// --- The same for both.

bool IsDefault(const State& state, const ArmEvidence& arm) { return arm.variant == state.epoch.split.default_name(); }

// Of what comes all the time, in the rhythm that shares move by.
std::string WhyStale(const config::Rollout& rollout, const Weighed& known, absl::Duration every, absl::Time now) {
  const absl::Duration longest = std::max(rollout.no_data_after, every);
  for (const ArmEvidence& arm : known.arms) {
    if (arm.newest + longest >= now) continue;
    return absl::StrCat("nothing came of ", arm.variant, " for ", absl::FormatDuration(longest));
  }
  return "";
}

std::string Moved(const Split& from, const Split& to) {
  return absl::StrCat("weights ", Describe(to), "; before ", Describe(from));
}

// --- Bandit.

// Of the arms, in basis points that sum to the whole: what rounding leaves over is the default's.
std::vector<int> SharesInForce(const State& state, const Weighed& known, size_t default_arm) {
  std::vector<int> shares;
  int left = kWhole;
  for (const ArmEvidence& arm : known.arms) {
    shares.push_back(static_cast<int>(std::floor(ShareOf(state.epoch.split, arm.variant) * kWhole + 1e-6)));
    left -= shares.back();
  }
  shares[default_arm] += left;
  return shares;
}

// The greatest is the best one.
stats::ArmEstimate Oriented(const config::OutcomeMetric& metric, stats::ArmEstimate estimate) {
  if (metric.goal == config::Goal::kIncrease) return estimate;
  estimate.mean = metric.type == config::MetricType::kProportion ? 1 - estimate.mean : -estimate.mean;
  return estimate;
}

// `best`: the probabilities that each is the best one.
stats::Shares Wanted(const config::Bandit& bandit, const std::vector<stats::ArmEstimate>& arms,
                     const stats::Shares& best) {
  switch (bandit.policy) {
    case config::BanditPolicy::kThompson:
      return best;
    case config::BanditPolicy::kUcb1:
      return stats::Ucb1Shares(arms);
    case config::BanditPolicy::kEpsilonGreedy:
      return stats::EpsilonGreedyShares(arms, bandit.epsilon);
  }
  return {};
}

std::string WhyTooFew(const config::Bandit& bandit, const Weighed& known) {
  std::vector<std::string> few;
  for (const ArmEvidence& arm : known.arms) {
    if (arm.outcomes.n >= bandit.min_outcomes) continue;
    few.push_back(absl::StrCat(arm.variant, " has ", arm.outcomes.n, " of ", bandit.min_outcomes, " outcomes"));
  }
  return absl::StrJoin(few, ", ");
}

// "thompson by accuracy: a 0.79 +- 0.01 of 812 (best 3.10 %), b ..."
std::string Describe(const config::Bandit& bandit, const Weighed& known, const std::vector<Choice::Arm>& arms) {
  std::vector<std::string> parts;
  for (size_t i = 0; i < known.arms.size(); ++i) {
    const stats::ArmEstimate& of = known.arms[i].outcomes;
    parts.push_back(absl::StrFormat("%s %.6g +- %.3g of %d (best %.2f %%)", known.arms[i].variant, of.mean,
                                    of.standard_error, of.n, 100 * *arms[i].best));
  }
  return absl::StrCat(config::ToString(bandit.policy), " by ", bandit.metric, ": ", absl::StrJoin(parts, ", "));
}

Split SplitOf(const State& state, const Weighed& known, const std::vector<int>& shares) {
  Split split = state.epoch.split;
  for (config::Variant& variant : split.variants) {
    variant.weight = config::Weight();
    for (size_t i = 0; i < shares.size(); ++i) {
      if (known.arms[i].variant != variant.name) continue;
      variant.weight = config::Weight::FromHundredths(static_cast<uint32_t>(shares[i]));
    }
  }
  return split;
}

Choice ChooseByBandit(const Plan& plan, const State& state, const Weighed& known, absl::Time now) {
  const config::Bandit& bandit = *plan.rollout->bandit;
  Choice choice{.next_move = state.epoch.started + bandit.every};
  choice.why = WhyTooFew(bandit, known);
  if (!choice.why.empty() || !plan.metric) return choice;
  const auto of_default =
      std::find_if(known.arms.begin(), known.arms.end(), [&](const auto& arm) { return IsDefault(state, arm); });
  if (of_default == known.arms.end()) return choice;
  const size_t default_arm = static_cast<size_t>(of_default - known.arms.begin());

  std::vector<stats::ArmEstimate> arms;
  for (const ArmEvidence& arm : known.arms) arms.push_back(Oriented(*plan.metric, arm.outcomes));
  const stats::Shares best = stats::ThompsonShares(arms, plan.metric->type == config::MetricType::kProportion);
  for (double probability : best) choice.arms.push_back({.best = probability});
  const std::vector<int> current = SharesInForce(state, known, default_arm);
  stats::Shares fractions;
  for (int share : current) fractions.push_back(share / static_cast<double>(kWhole));
  choice.regret = stats::RegretOf(fractions, arms);

  choice.why = WhyStale(*plan.rollout, known, bandit.every, now);
  if (!choice.why.empty() || now < choice.next_move) return choice;
  const stats::ShareLimits limits{.default_arm = default_arm,
                                  .default_floor = std::max(bandit.floor, plan.rollout->holdback).basis_points(),
                                  .other_floor = bandit.least_share.basis_points(),
                                  .greatest_move = bandit.max_move.basis_points()};
  const absl::StatusOr<std::vector<int>> next = stats::NextShares(current, Wanted(bandit, arms, best), limits);
  if (!next.ok()) {
    choice.why = std::string(next.status().message());
    return choice;
  }
  int gained = 0;
  for (size_t i = 0; i < current.size(); ++i) gained += std::max(0, (*next)[i] - current[i]);
  const bool is_below_floor = current[default_arm] < limits.default_floor;
  if (gained < std::min(kLeastMove, limits.greatest_move) && !is_below_floor) return choice;
  choice.next = SplitOf(state, known, *next);
  choice.why = absl::StrCat(Describe(bandit, known, choice.arms), "; ", Moved(state.epoch.split, *choice.next));
  return choice;
}

// --- Risk.

std::optional<stats::OutcomeScale> ScaleOf(const Plan& plan) {
  if (!plan.metric) return std::nullopt;
  return stats::OutcomeScale{.is_proportion = plan.metric->type == config::MetricType::kProportion,
                             .is_more_better = plan.metric->goal == config::Goal::kIncrease};
}

// Of each arm; nullopt for the default.
std::vector<Choice::Arm> HarmsOf(const Plan& plan, const State& state, const Weighed& known) {
  const ArmEvidence nothing;
  const ArmEvidence* baseline = &nothing;
  double candidates = 0;
  for (const ArmEvidence& arm : known.arms) {
    if (IsDefault(state, arm)) baseline = &arm;
    candidates += !IsDefault(state, arm);
  }
  std::vector<Choice::Arm> harms;
  for (const ArmEvidence& arm : known.arms) {
    harms.emplace_back();
    if (IsDefault(state, arm)) continue;
    harms.back().harm =
        stats::HarmBound({arm.errors, arm.outcomes}, {baseline->errors, baseline->outcomes},
                         {arm.recent_errors, arm.recent_outcomes}, {baseline->recent_errors, baseline->recent_outcomes},
                         ScaleOf(plan), plan.rollout->schedule->alpha / candidates);
  }
  return harms;
}

std::string Describe(const config::RiskSchedule& risk, const Weighed& known, const std::vector<Choice::Arm>& arms,
                     int allowed) {
  std::vector<std::string> parts;
  for (size_t i = 0; i < known.arms.size(); ++i) {
    const stats::ArmEstimate& errors = known.arms[i].errors;
    parts.push_back(absl::StrFormat("%s fails %.4g of %d", known.arms[i].variant, errors.mean, errors.n));
    if (!risk.metric.empty()) {
      absl::StrAppendFormat(&parts.back(), ", %s %.6g of %d", risk.metric, known.arms[i].outcomes.mean,
                            known.arms[i].outcomes.n);
    }
    if (arms[i].harm) absl::StrAppendFormat(&parts.back(), " (harm at most %.4g)", *arms[i].harm);
  }
  return absl::StrFormat("risk within %g of %g: %s; at most %g %%", risk.budget, risk.impact,
                         absl::StrJoin(parts, ", "), allowed / 100.0);
}

// The candidates' share from now on, in basis points; the present one where nothing moves, with the reason.
int NextShare(const Plan& plan, const State& state, const Weighed& known, int allowed, Choice& choice, absl::Time now) {
  const config::RiskSchedule& risk = *plan.rollout->schedule;
  const int current = CandidateShareOf(state.epoch.split).basis_points();
  const int least = std::max(1, std::min(current / kTwentieth, risk.max_move.basis_points()));
  const bool is_due = now >= choice.next_move;
  if (allowed < current) return current - allowed >= least || is_due ? allowed : current;
  if (StepOf(state)->asked_at) return current;
  choice.why = WhyStale(*plan.rollout, known, risk.every, now);
  if (!choice.why.empty() || !is_due) return current;
  const int all = config::LessHoldback(config::Percent::All(), plan.rollout->holdback).basis_points();
  const int next = std::min(allowed, current + risk.max_move.basis_points());
  if (next == all || next - current >= least) return next;
  choice.why = absl::StrFormat("the budget allows %g %%", allowed / 100.0);
  return current;
}

Choice ChooseByRisk(const Plan& plan, const State& state, const Weighed& known, absl::Time now) {
  const config::RiskSchedule& risk = *plan.rollout->schedule;
  Choice choice{.next_move = state.epoch.started + risk.every};
  choice.arms = HarmsOf(plan, state, known);
  double harm = 0;
  for (const Choice::Arm& arm : choice.arms) harm = std::max(harm, arm.harm.value_or(0));
  const int all = config::LessHoldback(config::Percent::All(), plan.rollout->holdback).basis_points();
  const double within = harm > 0 ? kWhole * risk.budget / (risk.impact * harm) : kWhole;
  const int allowed = static_cast<int>(std::min<double>(all, std::floor(within + 1e-9)));
  choice.allowed = allowed / static_cast<double>(kWhole);
  const int next = NextShare(plan, state, known, allowed, choice, now);
  if (next == CandidateShareOf(state.epoch.split).basis_points()) return choice;
  choice.next = SplitWithShare(plan, config::Percent::FromBasisPoints(next).value_or(config::Percent()));
  choice.why = absl::StrCat(Describe(risk, known, choice.arms, allowed), "; ", Moved(state.epoch.split, *choice.next));
  return choice;
}

}  // namespace

bool ChoosesShares(const Plan& plan) {
  return plan.rollout && !plan.rollout->is_dry_run && (plan.rollout->bandit || plan.rollout->schedule);
}

Choice ChooseShares(const Plan& plan, const State& state, const Weighed& known, absl::Time now) {
  return plan.rollout->bandit ? ChooseByBandit(plan, state, known, now) : ChooseByRisk(plan, state, known, now);
}

}  // namespace weir::experiment
