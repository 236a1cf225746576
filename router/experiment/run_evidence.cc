#include "router/experiment/run_evidence.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "router/experiment/proto_time.h"

namespace weir::experiment {
namespace {

std::string EpochKey(const std::string& prefix, uint32_t epoch) { return absl::StrCat("epoch/", prefix, "/", epoch); }
std::string RunKey(const std::string& prefix) { return absl::StrCat("run/", prefix); }

void EncodeAll(const Outcomes& outcomes, google::protobuf::RepeatedPtrField<v1::OutcomeCheckpoint>& records) {
  for (const auto& [metric, counts] : outcomes) Encode(metric, counts, *records.Add());
}

v1::ProcessRecord RecordOf(const stats::Issuer& process) {
  v1::ProcessRecord record;
  record.set_replica(process.replica);
  record.set_boot(process.boot);
  return record;
}

stats::Issuer ProcessOf(const v1::ProcessRecord& record) {
  return {.replica = record.replica(), .boot = record.boot()};
}

absl::Status DecodeAll(const google::protobuf::RepeatedPtrField<v1::OutcomeCheckpoint>& records, Outcomes& outcomes) {
  for (const v1::OutcomeCheckpoint& record : records) {
    absl::StatusOr<stats::OutcomeCounts> counts = Decode(record);
    if (!counts.ok()) return counts.status();
    outcomes.insert_or_assign(record.metric(), *std::move(counts));
  }
  return absl::OkStatus();
}

// Tickets count milliseconds.
constexpr absl::Duration kTicketClock = absl::Milliseconds(1);

// Whether a ticket that names the number of an epoch is of the epoch that began so. A replica's processes follow each
// other, and none gives the number of an epoch that it found to another. Nothing is known of another replica's, and
// only time tells what came before.
bool IsOf(const stats::Ticket& ticket, const EpochOrigin& origin) {
  if (origin.begun_by && origin.begun_by->replica == ticket.issuer.replica) {
    return ticket.issuer.boot >= origin.begun_by->boot;
  }
  return ticket.start + kTicketClock >= origin.started;
}

// `variants` may be const; so is then what is found.
template <typename Variants>
auto FindIn(Variants& variants, std::string_view name) -> decltype(&variants.front()) {
  const auto found = std::find_if(variants.begin(), variants.end(), [&](const auto& v) { return v.name == name; });
  return found == variants.end() ? nullptr : &*found;
}

}  // namespace

void RunEvidence::BeginEpoch(uint32_t epoch, const Split& split, const EpochOrigin& origin) {
  if (names_.contains(epoch)) return;  // Restored.
  std::vector<VariantEvidence>& variants = open_[epoch];
  NamedEpoch& named = names_[epoch];
  named.origin = origin;
  for (const config::Variant& variant : split.variants) {
    named.names.push_back(variant.name);
    variants_.try_emplace(variant.name);
    variants.push_back({.name = variant.name, .counts = {}, .outcomes = {}});
  }
  // An open one's are needed to read its counts back.
  if (names_.size() > kNamedEpochs && !open_.contains(names_.begin()->first)) names_.erase(names_.begin());
  changed_epochs_.insert(epoch);
  is_changed_ = true;
}

void RunEvidence::Merge(uint32_t epoch, std::string_view variant, const stats::VariantCounts& delta) {
  if (const auto open = open_.find(epoch); open != open_.end()) {
    if (VariantEvidence* evidence = FindIn(open->second, variant)) {
      evidence->counts.Merge(delta);
      changed_epochs_.insert(epoch);
    }
    return;
  }
  const auto past = variants_.find(variant);
  if (past == variants_.end()) return;
  past->second.past.Merge(delta);
  is_changed_ = true;
}

absl::StatusOr<std::string> RunEvidence::VariantOf(const stats::Ticket& ticket) const {
  const auto named = names_.find(ticket.epoch);
  if (named == names_.end() || !IsOf(ticket, named->second.origin)) {
    return absl::NotFoundError("the epoch of its ticket is no longer kept");
  }
  const std::vector<std::string>& names = named->second.names;
  if (ticket.variant >= names.size()) return absl::NotFoundError("the epoch of its ticket had no such variant");
  return names[ticket.variant];
}

bool RunEvidence::HasPassed(uint32_t epoch, const Split& split, absl::Time started) const {
  if (newest_epoch() != epoch) return newest_epoch() > epoch;
  const NamedEpoch& newest = names_.rbegin()->second;
  if (newest.origin.started != absl::InfinitePast() && newest.origin.started != started) return true;
  return !std::equal(newest.names.begin(), newest.names.end(), split.variants.begin(), split.variants.end(),
                     [](const std::string& name, const config::Variant& variant) { return name == variant.name; });
}

void RunEvidence::AddOutcome(uint32_t epoch, const std::string& variant, const std::string& metric, uint8_t user_bucket,
                             double value) {
  ForOutcomes(epoch, variant, metric, [&](stats::OutcomeCounts& counts) { counts.Add(user_bucket, value); });
}

void RunEvidence::MergeOutcomes(uint32_t epoch, const std::string& variant, const std::string& metric,
                                const stats::OutcomeCounts& delta) {
  ForOutcomes(epoch, variant, metric, [&](stats::OutcomeCounts& counts) { counts.Merge(delta); });
}

template <typename Change>
void RunEvidence::ForOutcomes(uint32_t epoch, const std::string& variant, const std::string& metric,
                              const Change& change) {
  change(variants_[variant].outcomes[metric]);
  is_changed_ = true;
  const auto open = open_.find(epoch);
  if (open == open_.end()) return;
  if (VariantEvidence* evidence = FindIn(open->second, variant)) {
    change(evidence->outcomes[metric]);
    changed_epochs_.insert(epoch);
  }
}

void RunEvidence::Fold(uint32_t epoch) {
  const auto open = open_.find(epoch);
  if (open == open_.end()) return;
  for (VariantEvidence& evidence : open->second) variants_[evidence.name].past.Merge(evidence.counts);
  open_.erase(open);
  changed_epochs_.insert(epoch);
  is_changed_ = true;
}

bool RunEvidence::HasCallsInFlight() const {
  return std::any_of(variants_.begin(), variants_.end(),
                     [&](const auto& entry) { return Total(entry.first).HasCallsInFlight(); });
}

const VariantEvidence* RunEvidence::Find(uint32_t epoch, std::string_view variant) const {
  const auto open = open_.find(epoch);
  if (open == open_.end()) return nullptr;
  return FindIn(open->second, variant);
}

const stats::OutcomeCounts* RunEvidence::OutcomesOf(std::string_view variant, std::string_view metric) const {
  const auto found = variants_.find(variant);
  if (found == variants_.end()) return nullptr;
  const auto outcomes = found->second.outcomes.find(metric);
  return outcomes == found->second.outcomes.end() ? nullptr : &outcomes->second;
}

stats::VariantCounts RunEvidence::Total(std::string_view variant) const {
  stats::VariantCounts total;
  if (const auto found = variants_.find(variant); found != variants_.end()) total = found->second.past;
  for (const auto& [epoch, variants] : open_) {
    if (const VariantEvidence* evidence = Find(epoch, variant)) total.Merge(evidence->counts);
  }
  return total;
}

int64_t RunEvidence::started() const {
  int64_t started = 0;
  for (const auto& [name, variant] : variants_) started += variant.past.started();
  for (const auto& [epoch, variants] : open_) {
    for (const VariantEvidence& evidence : variants) started += evidence.counts.started();
  }
  return started;
}

int64_t RunEvidence::previewed() const {
  int64_t ended = 0;
  for (const auto& [epoch, variants] : open_) {
    for (const VariantEvidence& evidence : variants) ended += evidence.counts.previews().ended;
  }
  return ended;
}

void RunEvidence::CloseInFlight() {
  for (auto& [name, variant] : variants_) variant.past.CloseInFlight();
  for (auto& [epoch, variants] : open_) {
    for (VariantEvidence& evidence : variants) evidence.counts.CloseInFlight();
    changed_epochs_.insert(epoch);
  }
  is_changed_ = true;
}

std::optional<stats::Tick> RunEvidence::NewestTick() const {
  std::optional<stats::Tick> newest;
  for (const auto& [epoch, variants] : open_) {
    for (const VariantEvidence& evidence : variants) {
      if (evidence.counts.cohorts().empty()) continue;
      const stats::Tick tick = evidence.counts.cohorts().back().first;
      newest = std::max(newest.value_or(tick), tick);
    }
  }
  return newest;
}

void RunEvidence::CloseRings() {
  for (auto& [name, variant] : variants_) variant.past.CloseRing();
  for (auto& [epoch, variants] : open_) {
    for (VariantEvidence& evidence : variants) evidence.counts.CloseRing();
    changed_epochs_.insert(epoch);
  }
  is_changed_ = true;
}

v1::EpochCheckpoint RunEvidence::EpochRecord(uint32_t epoch) const {
  v1::EpochCheckpoint record;
  for (const VariantEvidence& evidence : open_.at(epoch)) {
    v1::VariantCheckpoint* variant = record.add_variants();
    Encode(evidence.counts, *variant);
    EncodeAll(evidence.outcomes, *variant->mutable_outcomes());
  }
  return record;
}

v1::RunCheckpoint RunEvidence::RunRecord() const {
  v1::RunCheckpoint record;
  for (const auto& [name, variant] : variants_) {
    v1::RunVariantCheckpoint* written = record.add_variants();
    written->set_name(name);
    Encode(variant.past, *written->mutable_past());
    EncodeAll(variant.outcomes, *written->mutable_outcomes());
  }
  for (const auto& [epoch, named] : names_) {
    v1::EpochNames* written = record.add_epochs();
    written->set_epoch(epoch);
    written->mutable_names()->Add(named.names.begin(), named.names.end());
    const EpochOrigin& origin = named.origin;
    if (origin.started != absl::InfinitePast()) *written->mutable_started_at() = TimestampOf(origin.started);
    if (origin.begun_by) *written->mutable_begun_by() = RecordOf(*origin.begun_by);
  }
  if (ended_ != absl::InfiniteFuture()) *record.mutable_ended_at() = TimestampOf(ended_);
  return record;
}

std::vector<CheckpointRow> RunEvidence::TakeChanges(const std::string& prefix) {
  std::vector<CheckpointRow> rows;
  for (uint32_t epoch : std::exchange(changed_epochs_, {})) {
    CheckpointRow row{EpochKey(prefix, epoch), std::nullopt};
    if (open_.contains(epoch)) row.value = EpochRecord(epoch).SerializeAsString();
    rows.push_back(std::move(row));
  }
  if (std::exchange(is_changed_, false)) rows.push_back({RunKey(prefix), RunRecord().SerializeAsString()});
  return rows;
}

std::vector<CheckpointRow> RunEvidence::Removal(const std::string& prefix) const {
  std::vector<CheckpointRow> rows = {{RunKey(prefix), std::nullopt}};
  std::set<uint32_t> epochs = changed_epochs_;  // Some of them folded, with a row still to be removed.
  for (const auto& [epoch, variants] : open_) epochs.insert(epoch);
  for (uint32_t epoch : epochs) rows.push_back({EpochKey(prefix, epoch), std::nullopt});
  return rows;
}

absl::Status RunEvidence::RestoreRun(const std::string& value) {
  v1::RunCheckpoint record;
  if (!record.ParseFromString(value)) return absl::DataLossError("the checkpoint of a run is no record of one");
  for (const v1::RunVariantCheckpoint& written : record.variants()) {
    absl::StatusOr<stats::VariantCounts> past = Decode(written.past());
    if (!past.ok()) return past.status();
    RunVariant& variant = variants_[written.name()];
    variant.past = *std::move(past);
    if (absl::Status status = DecodeAll(written.outcomes(), variant.outcomes); !status.ok()) return status;
  }
  for (const v1::EpochNames& written : record.epochs()) {
    NamedEpoch& named = names_[written.epoch()];
    named.names.assign(written.names().begin(), written.names().end());
    if (written.has_started_at()) named.origin.started = TimeOf(written.started_at());
    if (written.has_begun_by()) named.origin.begun_by = ProcessOf(written.begun_by());
  }
  if (record.has_ended_at()) ended_ = TimeOf(record.ended_at());
  is_changed_ = false;
  return absl::OkStatus();
}

absl::Status RunEvidence::RestoreEpoch(uint32_t epoch, const std::string& value) {
  v1::EpochCheckpoint record;
  const auto named = names_.find(epoch);
  if (!record.ParseFromString(value) || named == names_.end() ||
      static_cast<size_t>(record.variants_size()) != named->second.names.size()) {
    return absl::DataLossError("the checkpoint of an epoch does not fit its run's");
  }
  std::vector<VariantEvidence> variants;
  for (int i = 0; i < record.variants_size(); ++i) {
    absl::StatusOr<stats::VariantCounts> counts = Decode(record.variants(i));
    if (!counts.ok()) return counts.status();
    VariantEvidence evidence{named->second.names[static_cast<size_t>(i)], *std::move(counts), {}};
    if (absl::Status status = DecodeAll(record.variants(i).outcomes(), evidence.outcomes); !status.ok()) return status;
    variants.push_back(std::move(evidence));
  }
  open_.insert_or_assign(epoch, std::move(variants));
  return absl::OkStatus();
}

}  // namespace weir::experiment
