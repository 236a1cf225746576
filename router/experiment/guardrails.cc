#include "router/experiment/guardrails.h"

#include <algorithm>
#include <numbers>
#include <optional>
#include <set>
#include <utility>
#include <variant>

namespace weir::experiment {
namespace {

using stats::GuardrailLedger;

struct TestOf {
  const std::vector<config::OutcomeMetric>& metrics;

  stats::GuardrailTest operator()(const config::ErrorRatio& rule) const {
    return stats::ErrorRatioRule{rule.max_ratio};
  }
  stats::GuardrailTest operator()(const config::ErrorCeiling& rule) const { return stats::ErrorCeilingRule{rule.max}; }
  stats::GuardrailTest operator()(const config::TailRatio& rule) const {
    return stats::TailRatioRule{.quantile = rule.quantile, .max_ratio = rule.max_ratio};
  }
  stats::GuardrailTest operator()(const config::TailCeiling& rule) const {
    return stats::TailCeilingRule{.quantile = rule.quantile, .max = rule.max};
  }
  stats::GuardrailTest operator()(const config::OutcomeBound& rule) const {
    const auto metric =
        std::find_if(metrics.begin(), metrics.end(), [&](const auto& m) { return m.name == rule.metric; });
    const bool is_proportion = metric != metrics.end() && metric->type == config::MetricType::kProportion;
    return stats::OutcomeBoundRule{
        .metric = rule.metric, .is_proportion = is_proportion, .min = rule.min, .max = rule.max};
  }
};

std::set<std::string> CandidatesOf(const Split& split) {
  std::set<std::string> candidates;
  for (const config::Variant& variant : split.variants) {
    if (variant.name != split.default_name()) candidates.insert(variant.name);
  }
  return candidates;
}

// --- Records.

using Counts = google::protobuf::RepeatedField<int64_t>;

void Encode(const stats::UserCounts& users, Counts& calls, Counts& errors) {
  for (const stats::UserBucketCounts& bucket : users) {
    calls.Add(bucket.calls);
    errors.Add(bucket.errors);
  }
}

bool Decode(const Counts& calls, const Counts& errors, stats::UserCounts& users) {
  if (calls.size() != stats::kUserBuckets || errors.size() != stats::kUserBuckets) return false;
  for (int i = 0; i < stats::kUserBuckets; ++i)
    users[static_cast<size_t>(i)] = {.calls = calls[i], .errors = errors[i]};
  return true;
}

bool Decode(const google::protobuf::RepeatedField<double>& written, stats::GridLog& grid) {
  if (static_cast<size_t>(written.size()) != grid.size()) return false;
  std::copy(written.begin(), written.end(), grid.begin());
  return true;
}

void Encode(const GuardrailLedger::State& state, v1::CandidateTestsCheckpoint& record) {
  for (const stats::EpochEvidence::State& epoch : state.open) {
    v1::OpenEpochCheckpoint* open = record.add_open();
    open->set_epoch(epoch.epoch);
    open->set_restart(epoch.restart);
    open->set_closed_before(epoch.closed_before);
    for (const stats::GridLog& grid : epoch.closed_errors) {
      open->add_closed_errors()->mutable_log()->Add(grid.begin(), grid.end());
    }
  }
  if (state.last_folded) record.set_last_folded(*state.last_folded);
  record.set_epochs_seen(state.epochs_seen);
  record.set_past_calls(state.past_calls);
  record.set_past_errors(state.past_errors);
  Encode(state.past_baseline_users, *record.mutable_baseline_user_calls(), *record.mutable_baseline_user_errors());
  Encode(state.past_candidate_users, *record.mutable_candidate_user_calls(), *record.mutable_candidate_user_errors());
}

void Encode(const GuardrailLedger::GuardrailState& state, v1::GuardrailCheckpoint& record) {
  record.mutable_past_errors()->Add(state.past_errors.begin(), state.past_errors.end());
  record.set_past_tail(state.past_tail);
  if (state.breach_log_e) record.set_breach_log_e(*state.breach_log_e);
  if (state.breach_log_threshold) record.set_breach_log_threshold(*state.breach_log_threshold);
}

bool DecodeGuardrail(const v1::GuardrailCheckpoint& record, GuardrailLedger::GuardrailState& state) {
  state.past_tail = record.past_tail();
  if (record.has_breach_log_e()) state.breach_log_e = record.breach_log_e();
  if (record.has_breach_log_threshold()) state.breach_log_threshold = record.breach_log_threshold();
  return Decode(record.past_errors(), state.past_errors);
}

bool DecodeOpen(const v1::OpenEpochCheckpoint& record, stats::EpochEvidence::State& state) {
  state.epoch = record.epoch();
  state.restart = record.restart();
  state.closed_before = record.closed_before();
  state.closed_errors.resize(static_cast<size_t>(record.closed_errors_size()));
  for (size_t i = 0; i < state.closed_errors.size(); ++i) {
    if (!Decode(record.closed_errors(static_cast<int>(i)).log(), state.closed_errors[i])) return false;
  }
  return true;
}

bool DecodeState(const v1::CandidateTestsCheckpoint& record, GuardrailLedger::State& state) {
  for (const v1::GuardrailCheckpoint& guardrail : record.guardrails()) {
    if (!DecodeGuardrail(guardrail, state.guardrails.emplace_back())) return false;
  }
  for (const v1::OpenEpochCheckpoint& open : record.open()) {
    if (!DecodeOpen(open, state.open.emplace_back())) return false;
  }
  if (record.has_last_folded()) state.last_folded = record.last_folded();
  state.epochs_seen = record.epochs_seen();
  state.past_calls = record.past_calls();
  state.past_errors = record.past_errors();
  return Decode(record.baseline_user_calls(), record.baseline_user_errors(), state.past_baseline_users) &&
         Decode(record.candidate_user_calls(), record.candidate_user_errors(), state.past_candidate_users);
}

}  // namespace

double AlphaShare(size_t first, uint32_t joined) {
  constexpr double kReserve = 0.2;
  if (joined == 0) return (1 - kReserve) / static_cast<double>(first);
  const double k = joined;
  return kReserve * 6 / (std::numbers::pi * std::numbers::pi * k * k);
}

stats::GuardrailSpec SpecOf(const config::Guardrail& guardrail, const std::vector<config::OutcomeMetric>& metrics,
                            double alpha_share, uint32_t planned_restarts) {
  return {.test = std::visit(TestOf{metrics}, guardrail.rule),
          .alpha = guardrail.alpha * alpha_share,
          .planned_restarts = planned_restarts};
}

Guardrails::Identity Guardrails::IdentityOf(const config::Guardrail& guardrail) {
  return {.name = guardrail.name,
          .rule = config::ToString(guardrail.rule),
          .is_error_ratio = std::holds_alternative<config::ErrorRatio>(guardrail.rule)};
}

void Guardrails::Follow(const config::Experiment& specification, const Split& split) {
  std::set<std::string> candidates = CandidatesOf(split);
  for (const auto& [name, memory] : restored_) candidates.insert(name);
  for (const auto& [name, tested] : tested_) candidates.insert(name);
  candidates.erase(split.default_name());
  const bool is_first = first_candidates_ == 0;
  if (is_first) {
    first_candidates_ = candidates.size();
    planned_restarts_ = PlannedRestarts(PlanOf(specification));
  }
  std::map<std::string, Tested> followed;
  for (const std::string& candidate : candidates) {
    Memory memory = MemoryOf(candidate);
    if (memory.default_variant != split.default_name()) memory = Memory{};
    if (!memory.joined) memory.joined = is_first ? 0 : ++joined_later_;
    const bool is_worse = claim_ == Claim::kWorse;
    const double alpha_share = is_worse ? AlphaShare(first_candidates_, *memory.joined) : 1;
    std::vector<stats::GuardrailSpec> specs;
    for (const config::Guardrail& guardrail : specification.guardrails) {
      specs.push_back(SpecOf(guardrail, specification.metrics, alpha_share, planned_restarts_));
      specs.back().latches = is_worse;
    }
    const auto present = tested_.find(candidate);
    if (present != tested_.end() && present->second.default_variant == split.default_name() &&
        present->second.ledger.specs() == specs && present->second.guardrails == specification.guardrails) {
      followed.insert(tested_.extract(present));
      continue;
    }
    absl::StatusOr<GuardrailLedger> ledger = GuardrailLedger::Restore(specs, Fit(memory, specification.guardrails));
    // Only an inconsistent state does not fit, and Fit makes none.
    followed.insert_or_assign(candidate, Tested{split.default_name(), *memory.joined, specification.guardrails,
                                                ledger.ok() ? *std::move(ledger) : GuardrailLedger(specs)});
  }
  tested_ = std::move(followed);
  restored_.clear();
}

Guardrails::Memory Guardrails::MemoryOf(const std::string& candidate) const {
  if (const auto restored = restored_.find(candidate); restored != restored_.end()) return restored->second;
  const auto present = tested_.find(candidate);
  if (present == tested_.end()) return {};
  Memory memory{.default_variant = present->second.default_variant,
                .joined = present->second.joined,
                .guardrails = {},
                .state = present->second.ledger.state()};
  for (const config::Guardrail& guardrail : present->second.guardrails) {
    memory.guardrails.push_back(IdentityOf(guardrail));
  }
  return memory;
}

// The state rearranged for `guardrails`: what is known of each by name and rule, and nothing of the others.
GuardrailLedger::State Guardrails::Fit(const Memory& memory, const std::vector<config::Guardrail>& guardrails) {
  GuardrailLedger::State state = memory.state;
  state.guardrails.clear();
  for (stats::EpochEvidence::State& epoch : state.open) epoch.closed_errors.clear();
  for (const config::Guardrail& guardrail : guardrails) {
    const Identity identity = IdentityOf(guardrail);
    const auto known = std::find(memory.guardrails.begin(), memory.guardrails.end(), identity);
    const size_t place = static_cast<size_t>(known - memory.guardrails.begin());
    const bool is_known = place < memory.state.guardrails.size();
    state.guardrails.push_back(is_known ? memory.state.guardrails[place] : GuardrailLedger::GuardrailState{});
    if (!identity.is_error_ratio) continue;
    // Which of the error ratios it was.
    const auto ratio =
        std::count_if(memory.guardrails.begin(), known, [](const Identity& i) { return i.is_error_ratio; });
    for (size_t e = 0; e < state.open.size(); ++e) {
      const std::vector<stats::GridLog>& grids = memory.state.open[e].closed_errors;
      const bool has_grid = is_known && static_cast<size_t>(ratio) < grids.size();
      state.open[e].closed_errors.push_back(has_grid ? grids[static_cast<size_t>(ratio)] : stats::GridLog{});
    }
  }
  return state;
}

std::vector<stats::EpochCounts> Guardrails::EpochsOf(const std::string& candidate, const Tested& tested,
                                                     const RunEvidence& evidence) const {
  std::vector<stats::EpochCounts> epochs;
  for (const auto& [epoch, variants] : evidence.open()) {
    const VariantEvidence* baseline = evidence.Find(epoch, tested.default_variant);
    const VariantEvidence* own = evidence.Find(epoch, candidate);
    if (baseline == nullptr || own == nullptr) continue;
    if (claim_ == Claim::kNotWorse) std::swap(baseline, own);
    epochs.push_back({.epoch = epoch, .baseline = &baseline->counts, .candidate = &own->counts});
  }
  return epochs;
}

std::vector<Judgement> Guardrails::Judge(const RunEvidence& evidence, absl::Time now) {
  std::vector<Judgement> judgements;
  if (evidence.open().empty()) return judgements;
  const uint32_t current = evidence.open().rbegin()->first;
  for (auto& [candidate, tested] : tested_) {
    stats::Evidence known;
    known.epochs = EpochsOf(candidate, tested, evidence);
    if (known.epochs.empty() || known.epochs.back().epoch != current) {  // Not tested now.
      tested.ledger.Settle(known.epochs, current, now);
      continue;
    }
    for (const auto& [metric, counts] : evidence.Find(current, candidate)->outcomes)
      known.outcomes[metric].epoch = &counts;
    for (const config::Guardrail& guardrail : tested.guardrails) {
      if (const auto* bound = std::get_if<config::OutcomeBound>(&guardrail.rule)) {
        if (const auto* counts = evidence.OutcomesOf(candidate, bound->metric))
          known.outcomes[bound->metric].run = counts;
      }
    }
    const std::vector<stats::Verdict> verdicts = tested.ledger.Judge(known, now);
    for (size_t i = 0; i < verdicts.size(); ++i) {
      const config::Guardrail& guardrail = tested.guardrails[i];
      judgements.push_back({.guardrail = guardrail.name,
                            .candidate = candidate,
                            .rule = config::ToString(guardrail.rule),
                            .action = guardrail.action,
                            .log10_evidence = verdicts[i].log_e * std::numbers::log10e,
                            .log10_threshold = verdicts[i].log_threshold * std::numbers::log10e,
                            .breached = verdicts[i].breached,
                            .note = verdicts[i].note});
    }
  }
  return judgements;
}

bool Guardrails::IsFolded(const RunEvidence& evidence, uint32_t epoch) const {
  return std::all_of(tested_.begin(), tested_.end(), [&](const auto& entry) {
    const auto& [candidate, tested] = entry;
    return evidence.Find(epoch, candidate) == nullptr || evidence.Find(epoch, tested.default_variant) == nullptr ||
           tested.ledger.IsFolded(epoch);
  });
}

v1::TestsCheckpoint Guardrails::Checkpoint() const {
  v1::TestsCheckpoint checkpoint;
  checkpoint.set_first_candidates(static_cast<uint32_t>(first_candidates_));
  checkpoint.set_joined_later(joined_later_);
  checkpoint.set_planned_restarts(planned_restarts_);
  for (const auto& [candidate, tested] : tested_) {
    const Memory memory = MemoryOf(candidate);
    v1::CandidateTestsCheckpoint* record = checkpoint.add_candidates();
    record->set_candidate(candidate);
    record->set_default_variant(memory.default_variant);
    record->set_joined(tested.joined);
    for (size_t i = 0; i < memory.guardrails.size(); ++i) {
      v1::GuardrailCheckpoint* guardrail = record->add_guardrails();
      guardrail->set_name(memory.guardrails[i].name);
      guardrail->set_rule(memory.guardrails[i].rule);
      guardrail->set_is_error_ratio(memory.guardrails[i].is_error_ratio);
      Encode(memory.state.guardrails[i], *guardrail);
    }
    Encode(memory.state, *record);
  }
  return checkpoint;
}

absl::Status Guardrails::Restore(const v1::TestsCheckpoint& checkpoint) {
  first_candidates_ = checkpoint.first_candidates();
  joined_later_ = checkpoint.joined_later();
  planned_restarts_ = checkpoint.planned_restarts();
  if (first_candidates_ == 0) first_candidates_ = static_cast<size_t>(checkpoint.candidates_size());
  for (const v1::CandidateTestsCheckpoint& record : checkpoint.candidates()) {
    Memory& memory = restored_[record.candidate()];
    memory.default_variant = record.default_variant();
    memory.joined = record.joined();
    for (const v1::GuardrailCheckpoint& guardrail : record.guardrails()) {
      memory.guardrails.push_back({guardrail.name(), guardrail.rule(), guardrail.is_error_ratio()});
    }
    if (!DecodeState(record, memory.state)) return absl::DataLossError("the checkpoint of the tests is damaged");
  }
  return absl::OkStatus();
}

}  // namespace weir::experiment
