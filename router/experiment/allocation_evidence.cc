#include "router/experiment/allocation_evidence.h"

#include <algorithm>
#include <utility>

#include "router/experiment/allocation.h"

namespace weir::experiment {
namespace {

void Encode(const stats::PropensityWeighted& weighted, v1::WeightedCheckpoint& record) {
  const stats::PropensityWeighted::Sums& sums = weighted.sums();
  record.set_n(sums.n);
  record.set_weight(sums.weight);
  record.set_squared_weight(sums.squared_weight);
  record.set_weighted_sum(sums.weighted_sum);
  if (sums.n == 0) return;
  for (const stats::BucketSum& bucket : sums.buckets) {
    record.add_bucket_weights(bucket.n);
    record.add_bucket_sums(bucket.sum);
  }
}

std::optional<stats::PropensityWeighted> Decode(const v1::WeightedCheckpoint& record) {
  if (record.n() == 0) return stats::PropensityWeighted();
  if (record.n() < 0 || record.bucket_weights_size() != stats::kUserBuckets ||
      record.bucket_sums_size() != stats::kUserBuckets) {
    return std::nullopt;
  }
  stats::PropensityWeighted::Sums sums{.n = record.n(),
                                       .weight = record.weight(),
                                       .squared_weight = record.squared_weight(),
                                       .weighted_sum = record.weighted_sum()};
  for (int b = 0; b < stats::kUserBuckets; ++b) {
    sums.buckets[static_cast<size_t>(b)] = {record.bucket_weights(b), record.bucket_sums(b)};
  }
  return stats::PropensityWeighted(sums);
}

std::vector<std::string> ArmsOf(const Plan& plan) {
  std::vector<std::string> arms;
  for (const config::Variant& variant : plan.split.variants) {
    if (variant.weight > config::Weight()) arms.push_back(variant.name);
  }
  return arms;
}

}  // namespace

void AllocationEvidence::Follow(const Plan& plan, const State& state) {
  const Stepping* stepping = StepOf(state);
  if (stepping == nullptr || !ChoosesShares(plan)) {
    if (is_active()) *this = AllocationEvidence(), is_changed_ = true;
    return;
  }
  const std::string metric = plan.metric ? plan.metric->name : "";
  const std::vector<std::string> arms = ArmsOf(plan);
  const bool has_same_arms =
      arms.size() == arms_.size() &&
      std::all_of(arms.begin(), arms.end(), [&](const auto& name) { return Find(name) != nullptr; });
  if (since_ != stepping->first_epoch || metric_ != metric || !has_same_arms) {
    *this = AllocationEvidence();
    since_ = stepping->first_epoch;
    metric_ = metric;
    for (const std::string& name : arms) arms_.push_back({.name = name, .whole = {}, .recent = {}});
    is_changed_ = true;
  }
  is_by_risk_ = plan.rollout->schedule.has_value();
  every_ = is_by_risk_ ? plan.rollout->schedule->every : plan.rollout->bandit->every;
  if (!shares_.emplace(state.epoch.ordinal, state.epoch.split.variants).second) return;
  if (shares_.size() > kEpochs) shares_.erase(shares_.begin());
  is_changed_ = true;
}

AllocationEvidence::Arm* AllocationEvidence::Find(std::string_view variant) {
  const auto found = std::find_if(arms_.begin(), arms_.end(), [&](const Arm& arm) { return arm.name == variant; });
  return found == arms_.end() ? nullptr : &*found;
}

std::optional<double> AllocationEvidence::PropensityOf(uint32_t epoch, std::string_view variant) const {
  const auto shares = shares_.find(epoch);
  if (epoch < since_ || shares == shares_.end()) return std::nullopt;
  const Split split{.variants = shares->second};
  const bool has_all =
      std::all_of(arms_.begin(), arms_.end(), [&](const Arm& arm) { return ShareOf(split, arm.name) > 0; });
  return has_all ? std::optional(ShareOf(split, variant)) : std::nullopt;
}

void AllocationEvidence::Merge(uint32_t epoch, std::string_view variant, const stats::VariantCounts& delta) {
  Arm* arm = Find(variant);
  if (arm == nullptr || epoch < since_) return;
  arm->samples += delta.ended() - delta.neutral();
  is_changed_ = true;
  const std::optional<double> propensity = is_by_risk_ ? PropensityOf(epoch, variant) : std::nullopt;
  if (!propensity) return;
  arm->whole.errors.AddErrors(delta, *propensity);
  arm->recent[1].errors.AddErrors(delta, *propensity);
  if (!delta.cohorts().empty()) {
    arm->newest = std::max(arm->newest, stats::StartOf(delta.cohorts().back().first));
  }
  has_news_ = true;
}

void AllocationEvidence::AddOutcome(uint32_t epoch, std::string_view variant, std::string_view metric,
                                    uint8_t user_bucket, double value, absl::Time now) {
  ForOutcomes(epoch, variant, metric, now,
              [&](Sums& sums, double propensity) { sums.outcomes.Add(user_bucket, value, propensity); });
}

void AllocationEvidence::MergeOutcomes(uint32_t epoch, std::string_view variant, std::string_view metric,
                                       const stats::OutcomeCounts& delta, absl::Time now) {
  if (delta.n == 0) return;
  ForOutcomes(epoch, variant, metric, now,
              [&](Sums& sums, double propensity) { sums.outcomes.AddOutcomes(delta, propensity); });
}

template <typename Add>
void AllocationEvidence::ForOutcomes(uint32_t epoch, std::string_view variant, std::string_view metric, absl::Time now,
                                     const Add& add) {
  Arm* arm = metric == metric_ ? Find(variant) : nullptr;
  const std::optional<double> propensity = arm == nullptr ? std::nullopt : PropensityOf(epoch, variant);
  if (!propensity) return;
  add(arm->whole, *propensity);
  if (is_by_risk_) {
    add(arm->recent[1], *propensity);
  } else {
    arm->newest = std::max(arm->newest, now);
  }
  has_news_ = true;
  is_changed_ = true;
}

int64_t AllocationEvidence::SamplesOf(std::string_view variant) const {
  for (const Arm& arm : arms_) {
    if (arm.name == variant) return arm.samples;
  }
  return 0;
}

void AllocationEvidence::Rotate(absl::Time now) {
  if (now < rotated_at_ + every_) return;
  rotated_at_ = now;
  for (Arm& arm : arms_) arm.recent = {arm.recent[1], Sums()};
}

std::optional<Weighed> AllocationEvidence::Look(absl::Time now) {
  if (!is_active() || now < looked_at_ + (is_by_risk_ ? absl::ZeroDuration() : kBanditRest)) return std::nullopt;
  if (!has_news_ && now < looked_at_ + kLongestRest) return std::nullopt;
  has_news_ = false;
  looked_at_ = now;
  Weighed known;
  for (const Arm& arm : arms_) {
    Sums recent = arm.recent[0];
    recent.outcomes.Merge(arm.recent[1].outcomes);
    recent.errors.Merge(arm.recent[1].errors);
    known.arms.push_back({.variant = arm.name,
                          .outcomes = arm.whole.outcomes.Estimate(),
                          .errors = arm.whole.errors.Estimate(),
                          .recent_outcomes = recent.outcomes.Estimate(),
                          .recent_errors = recent.errors.Estimate(),
                          .newest = arm.newest});
  }
  Rotate(now);
  return known;
}

v1::AllocationCheckpoint AllocationEvidence::Checkpoint() const {
  v1::AllocationCheckpoint record;
  record.set_since(since_);
  record.set_metric(metric_);
  for (const auto& [epoch, shares] : shares_) {
    v1::AllocationCheckpoint::Shares* written = record.add_epochs();
    written->set_epoch(epoch);
    for (const config::Variant& variant : shares) {
      v1::VariantWeight* weight = written->add_shares();
      weight->set_name(variant.name);
      weight->set_hundredths(variant.weight.hundredths());
    }
  }
  for (const Arm& arm : arms_) {
    v1::AllocationCheckpoint::Arm* written = record.add_arms();
    written->set_variant(arm.name);
    written->set_samples(arm.samples);
    Encode(arm.whole.outcomes, *written->mutable_outcomes());
    Encode(arm.whole.errors, *written->mutable_errors());
  }
  return record;
}

absl::Status AllocationEvidence::Restore(const v1::AllocationCheckpoint& checkpoint) {
  since_ = checkpoint.since();
  metric_ = checkpoint.metric();
  for (const v1::AllocationCheckpoint::Shares& written : checkpoint.epochs()) {
    std::vector<config::Variant>& shares = shares_[written.epoch()];
    for (const v1::VariantWeight& weight : written.shares()) {
      shares.push_back({weight.name(), config::Weight::FromHundredths(weight.hundredths())});
    }
  }
  for (const v1::AllocationCheckpoint::Arm& written : checkpoint.arms()) {
    const std::optional<stats::PropensityWeighted> outcomes = Decode(written.outcomes());
    const std::optional<stats::PropensityWeighted> errors = Decode(written.errors());
    if (!outcomes || !errors) return absl::DataLossError("the checkpoint of what shares are chosen by is damaged");
    arms_.push_back({.name = written.variant(),
                     .whole = {.outcomes = *outcomes, .errors = *errors},
                     .recent = {},
                     .samples = written.samples()});
  }
  return absl::OkStatus();
}

}  // namespace weir::experiment
