#include "stats/guardrails.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "stats/non_inferiority.h"

namespace weir::stats {
namespace {

// Epochs that are open at once: weights are edited by people, and an epoch is open for a minute after it. More are
// folded early.
constexpr size_t kMaxOpenEpochs = 16;

// The run's test has half of alpha; with restart > 0 the threshold of the restart-th restarted one.
double LogThreshold(const GuardrailSpec& spec, uint32_t restart) {
  if (restart == 0) return std::log(2 / spec.alpha);
  return -std::log(spec.alpha * RestartShare(spec.planned_restarts, restart));
}

double LogMeanOfTwo(double a, double b) {
  const double high = std::max(a, b);
  return high + std::log1p(std::exp(std::min(a, b) - high)) - std::numbers::ln2;
}

double OutcomeLogE(const OutcomeBoundRule& rule, double alpha, const OutcomeCounts* counts) {
  if (counts == nullptr || counts->n == 0) return 0;
  const auto below = [&](double min) {
    return rule.is_proportion ? LogProportionBelow(*counts, min) : LogMeanBelow(*counts, min, alpha / 2);
  };
  const auto above = [&](double max) {
    return rule.is_proportion ? LogProportionAbove(*counts, max) : LogMeanAbove(*counts, max, alpha / 2);
  };
  // With both bounds the mean of two e-values is one.
  if (rule.min && rule.max) return LogMeanOfTwo(below(*rule.min), above(*rule.max));
  if (rule.min) return below(*rule.min);
  return rule.max ? above(*rule.max) : 0;
}

// In buckets; up for what may not be exceeded, down for a margin that is claimed.
int ShiftOf(double max_ratio) {
  return max_ratio >= 1 ? LatencyHistogram::BucketsForRatio(max_ratio) : -MarginBuckets(1 / max_ratio);
}

std::optional<double> QuantileOf(const GuardrailTest& test) {
  if (const auto* ratio = std::get_if<TailRatioRule>(&test)) return ratio->quantile;
  if (const auto* ceiling = std::get_if<TailCeilingRule>(&test)) return ceiling->quantile;
  return std::nullopt;
}

}  // namespace

double RestartShare(uint32_t planned_restarts, uint32_t restart) {
  constexpr double kHalf = 0.5;
  constexpr double kReserve = 0.2;
  const auto nth_of_many = [](double k) { return 6 / (std::numbers::pi * std::numbers::pi * k * k); };
  if (planned_restarts == 0) return kHalf * nth_of_many(restart);
  if (restart <= planned_restarts) return kHalf * (1 - kReserve) / planned_restarts;
  return kHalf * kReserve * nth_of_many(restart - planned_restarts);
}

std::string DescribeRounding(const GuardrailTest& test) {
  if (const auto* ratio = std::get_if<TailRatioRule>(&test)) {
    const int buckets = ShiftOf(ratio->max_ratio);
    const double tested = LatencyHistogram::RatioOfBuckets(buckets);
    if (std::abs(tested / ratio->max_ratio - 1) < 1e-9) return "";
    return absl::StrFormat("x%g is tested as x%.4f (%d buckets)", ratio->max_ratio, tested, buckets);
  }
  if (const auto* ceiling = std::get_if<TailCeilingRule>(&test)) {
    const absl::Duration edge = LatencyHistogram::LowerEdge(BucketAtOrAbove(ceiling->max));
    if (edge == ceiling->max) return "";
    const std::string tested = absl::StrFormat("%.3f ms", absl::ToDoubleMilliseconds(edge));
    return absl::StrCat(absl::FormatDuration(ceiling->max), " is tested as ", tested);
  }
  return "";
}

GuardrailLedger::GuardrailLedger(std::vector<GuardrailSpec> specs, State state)
    : specs_(std::move(specs)), past_(std::move(state)) {
  for (const GuardrailSpec& spec : specs_) {
    const auto* ratio = std::get_if<ErrorRatioRule>(&spec.test);
    ratio_index_.push_back(ratio ? std::optional(max_ratios_.size()) : std::nullopt);
    if (ratio) max_ratios_.push_back(ratio->max_ratio);
    const std::optional<double> quantile = QuantileOf(spec.test);
    mixtures_.push_back(quantile ? std::optional<TailMixture>(*quantile) : std::nullopt);
  }
  past_.guardrails.resize(specs_.size());
  for (EpochEvidence::State& epoch : std::exchange(past_.open, {})) Open(std::move(epoch));
}

absl::StatusOr<GuardrailLedger> GuardrailLedger::Restore(std::vector<GuardrailSpec> specs, State state) {
  const auto ratios = std::count_if(specs.begin(), specs.end(), [](const GuardrailSpec& spec) {
    return std::holds_alternative<ErrorRatioRule>(spec.test);
  });
  const bool fits = std::all_of(state.open.begin(), state.open.end(), [&](const EpochEvidence::State& epoch) {
    return epoch.closed_errors.size() == static_cast<size_t>(ratios);
  });
  if (state.guardrails.size() != specs.size() || !fits) {
    return absl::InvalidArgumentError("the checkpoint is of other guardrails");
  }
  return GuardrailLedger(std::move(specs), std::move(state));
}

void GuardrailLedger::Open(EpochEvidence::State state) {
  const auto later = std::find_if(open_.begin(), open_.end(),
                                  [&](const OpenEpoch& epoch) { return epoch.evidence.state().epoch > state.epoch; });
  open_.insert(later, {.evidence = EpochEvidence(max_ratios_, std::move(state)),
                       .tails = std::vector<TailCache>(specs_.size())});
}

void GuardrailLedger::TakeUp(const std::vector<EpochCounts>& epochs, absl::Time now) {
  for (const EpochCounts& counts : epochs) {
    if (IsFolded(counts.epoch)) continue;
    const auto is_it = [&](const OpenEpoch& epoch) { return epoch.evidence.state().epoch == counts.epoch; };
    if (std::none_of(open_.begin(), open_.end(), is_it)) {
      Open({.epoch = counts.epoch, .restart = past_.epochs_seen++, .closed_before = 0, .closed_errors = {}});
    }
    std::find_if(open_.begin(), open_.end(), is_it)->evidence.Update(*counts.baseline, *counts.candidate, now);
  }
}

void GuardrailLedger::UpdateDesignEffects() {
  UserCounts baseline = past_.past_baseline_users, candidate = past_.past_candidate_users;
  for (OpenEpoch& epoch : open_) {
    epoch.baseline_design_effect = ErrorDesignEffect(epoch.evidence.baseline_users());
    epoch.candidate_design_effect = ErrorDesignEffect(epoch.evidence.candidate_users());
    AddTo(baseline, epoch.evidence.baseline_users());
    AddTo(candidate, epoch.evidence.candidate_users());
  }
  run_baseline_design_effect_ = ErrorDesignEffect(baseline);
  run_candidate_design_effect_ = ErrorDesignEffect(candidate);
}

void GuardrailLedger::FoldClosed(uint32_t current, absl::Time now) {
  while (!open_.empty() && open_.front().evidence.state().epoch < current &&
         (open_.size() > kMaxOpenEpochs || open_.front().evidence.IsClosed(now))) {
    FoldOldest();
  }
}

void GuardrailLedger::FoldOldest() {
  OpenEpoch& oldest = open_.front();
  for (size_t g = 0; g < specs_.size(); ++g) {
    if (ratio_index_[g]) AddTo(past_.guardrails[g].past_errors, oldest.evidence.errors(*ratio_index_[g]));
    if (mixtures_[g]) past_.guardrails[g].past_tail += LogHalfKept(TailLogE(g, oldest));
  }
  past_.past_calls += oldest.evidence.candidate_calls();
  past_.past_errors += oldest.evidence.candidate_errors();
  AddTo(past_.past_baseline_users, oldest.evidence.baseline_users());
  AddTo(past_.past_candidate_users, oldest.evidence.candidate_users());
  past_.last_folded = oldest.evidence.state().epoch;
  open_.erase(open_.begin());
}

double GuardrailLedger::TailLogE(size_t guardrail, OpenEpoch& epoch) {
  const auto* ratio = std::get_if<TailRatioRule>(&specs_[guardrail].test);
  const double design_effect =
      ratio ? std::max(epoch.baseline_design_effect, epoch.candidate_design_effect) : epoch.candidate_design_effect;
  TailCache& cache = epoch.tails[guardrail];
  if (cache.version == epoch.evidence.tail_version() && cache.design_effect == design_effect) return cache.log_e;
  const EpochEvidence& evidence = epoch.evidence;
  const TailMixture& mixture = *mixtures_[guardrail];
  if (ratio) {
    cache.log_e = LogTailRatio(mixture, ShiftOf(ratio->max_ratio), evidence.baseline_tail(), evidence.candidate_tail(),
                               design_effect);
  } else {
    const int bucket = BucketAtOrAbove(std::get<TailCeilingRule>(specs_[guardrail].test).max);
    cache.log_e = LogTailCeiling(mixture, bucket, evidence.candidate_tail(), design_effect);
  }
  cache.version = evidence.tail_version();
  cache.design_effect = design_effect;
  return cache.log_e;
}

GuardrailLedger::Logs GuardrailLedger::ErrorRatioLogs(size_t guardrail) {
  const size_t i = *ratio_index_[guardrail];
  GridLog run = past_.guardrails[guardrail].past_errors;
  for (const OpenEpoch& epoch : open_) AddTo(run, epoch.evidence.errors(i));
  const OpenEpoch& current = open_.back();
  const double run_effect = std::max(run_baseline_design_effect_, run_candidate_design_effect_);
  const double epoch_effect = std::max(current.baseline_design_effect, current.candidate_design_effect);
  return {.run = LogMixture(run, run_effect),
          .restart = LogMixture(current.evidence.errors(i), epoch_effect),
          .design_effect = run_effect};
}

GuardrailLedger::Logs GuardrailLedger::ErrorCeilingLogs(const ErrorCeilingRule& rule) {
  const auto log_e = [&](int64_t errors, int64_t calls, double design_effect) {
    return LogMixture(CeilingGrid(rule.max, static_cast<double>(errors), static_cast<double>(calls)), design_effect);
  };
  int64_t calls = past_.past_calls, errors = past_.past_errors;
  for (const OpenEpoch& epoch : open_) {
    calls += epoch.evidence.candidate_calls();
    errors += epoch.evidence.candidate_errors();
  }
  const OpenEpoch& current = open_.back();
  return {.run = log_e(errors, calls, run_candidate_design_effect_),
          .restart = log_e(current.evidence.candidate_errors(), current.evidence.candidate_calls(),
                           current.candidate_design_effect),
          .design_effect = run_candidate_design_effect_};
}

GuardrailLedger::Logs GuardrailLedger::TailLogs(size_t guardrail) {
  Logs logs{.run = past_.guardrails[guardrail].past_tail};
  for (size_t e = 0; e + 1 < open_.size(); ++e) logs.run += LogHalfKept(TailLogE(guardrail, open_[e]));
  logs.restart = TailLogE(guardrail, open_.back());
  logs.run += logs.restart;
  logs.design_effect = open_.back().tails[guardrail].design_effect;
  return logs;
}

GuardrailLedger::Logs GuardrailLedger::LogsOf(size_t guardrail, const Evidence& evidence) {
  const GuardrailSpec& spec = specs_[guardrail];
  if (ratio_index_[guardrail]) return ErrorRatioLogs(guardrail);
  if (mixtures_[guardrail]) return TailLogs(guardrail);
  if (const auto* ceiling = std::get_if<ErrorCeilingRule>(&spec.test)) return ErrorCeilingLogs(*ceiling);
  const auto& bound = std::get<OutcomeBoundRule>(spec.test);
  const auto found = evidence.outcomes.find(bound.metric);
  if (found == evidence.outcomes.end()) return {};
  const OutcomeEvidence& outcomes = found->second;
  const double design_effect = bound.is_proportion && outcomes.run != nullptr ? OutcomeDesignEffect(*outcomes.run) : 1;
  return {.run = OutcomeLogE(bound, spec.alpha, outcomes.run),
          .restart = OutcomeLogE(bound, spec.alpha, outcomes.epoch),
          .design_effect = design_effect};
}

Verdict GuardrailLedger::VerdictOf(size_t guardrail, const Logs& logs) {
  const GuardrailSpec& spec = specs_[guardrail];
  const uint32_t restart = open_.back().evidence.state().restart;
  Verdict verdict{.log_e = logs.run, .log_threshold = LogThreshold(spec, 0), .breached = false, .note = "run's test"};
  const double restart_threshold = LogThreshold(spec, restart);
  if (restart > 0 && logs.restart - restart_threshold > verdict.log_e - verdict.log_threshold) {
    verdict = {
        .log_e = logs.restart, .log_threshold = restart_threshold, .breached = false, .note = "this epoch's test"};
  }
  verdict.breached = verdict.log_e >= verdict.log_threshold;
  if (logs.design_effect > 1) absl::StrAppendFormat(&verdict.note, ", design effect %.2f", logs.design_effect);
  if (const std::string rounding = DescribeRounding(spec.test); !rounding.empty()) {
    absl::StrAppend(&verdict.note, ", ", rounding);
  }
  return verdict;
}

std::vector<Verdict> GuardrailLedger::Judge(const Evidence& evidence, absl::Time now) {
  TakeUp(evidence.epochs, now);
  UpdateDesignEffects();
  FoldClosed(evidence.epochs.back().epoch, now);
  std::vector<Verdict> verdicts;
  for (size_t g = 0; g < specs_.size(); ++g) {
    GuardrailState& state = past_.guardrails[g];
    if (state.breach_log_e) {
      verdicts.push_back({*state.breach_log_e, *state.breach_log_threshold, true, kBreachedBefore});
      continue;
    }
    verdicts.push_back(VerdictOf(g, LogsOf(g, evidence)));
    if (!verdicts.back().breached || !specs_[g].latches) continue;
    state.breach_log_e = verdicts.back().log_e;
    state.breach_log_threshold = verdicts.back().log_threshold;
  }
  return verdicts;
}

void GuardrailLedger::Settle(const std::vector<EpochCounts>& past, uint32_t current, absl::Time now) {
  TakeUp(past, now);
  UpdateDesignEffects();
  FoldClosed(current, now);
}

GuardrailLedger::State GuardrailLedger::state() const {
  State state = past_;
  for (const OpenEpoch& epoch : open_) state.open.push_back(epoch.evidence.state());
  return state;
}

}  // namespace weir::stats
