#include "router/control/ticket_ledger.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "router/experiment/proto_time.h"

namespace weir::control {
namespace {

using experiment::CheckpointRow;
using stats::OnceOnly;

constexpr char kWindowKey[] = "tickets";
constexpr char kBlockPrefix[] = "tickets/";

std::string KeyOf(const OnceOnly::BlockKey& key) {
  return absl::StrCat(kBlockPrefix, key.issuer.replica, "/", key.issuer.boot, "/", key.issuer.worker, "/", key.index);
}

std::optional<OnceOnly::BlockKey> ParseKey(const std::string& text) {
  const std::vector<std::string> parts = absl::StrSplit(text, '/');
  OnceOnly::BlockKey key;
  uint32_t worker = 0;
  if (parts.size() != 5 || !absl::SimpleAtoi(parts[1], &key.issuer.replica) ||
      !absl::SimpleAtoi(parts[2], &key.issuer.boot) || !absl::SimpleAtoi(parts[3], &worker) || worker > 0xffff ||
      !absl::SimpleAtoi(parts[4], &key.index)) {
    return std::nullopt;
  }
  key.issuer.worker = static_cast<uint16_t>(worker);
  return key;
}

std::string Encode(const OnceOnly::Block& block) {
  v1::TicketBlockCheckpoint record;
  record.mutable_bits()->Add(block.bits.begin(), block.bits.end());
  record.set_newest_start_ms(block.newest_start_ms);
  return record.SerializeAsString();
}

std::optional<OnceOnly::Block> Decode(const std::string& value) {
  v1::TicketBlockCheckpoint record;
  OnceOnly::Block block;
  if (!record.ParseFromString(value) || static_cast<size_t>(record.bits_size()) != block.bits.size()) {
    return std::nullopt;
  }
  std::copy(record.bits().begin(), record.bits().end(), block.bits.begin());
  block.newest_start_ms = record.newest_start_ms();
  return block;
}

}  // namespace

absl::StatusOr<TicketLedger> TicketLedger::FromRows(const std::map<std::string, std::string>& rows, size_t max_blocks) {
  TicketLedger ledger(max_blocks);
  std::vector<std::pair<OnceOnly::BlockKey, OnceOnly::Block>> blocks;
  for (auto row = rows.lower_bound(kWindowKey); row != rows.end(); ++row) {
    const auto& [key, value] = *row;
    if (key == kWindowKey) {
      v1::TicketsCheckpoint record;
      if (!record.ParseFromString(value))
        return absl::DataLossError("the checkpoint of the tickets' window is damaged");
      ledger.written_remembers_after_ = experiment::TimeOf(record.remembers_after());
      continue;
    }
    if (!key.starts_with(kBlockPrefix)) break;
    const std::optional<OnceOnly::BlockKey> block_key = ParseKey(key);
    std::optional<OnceOnly::Block> block = Decode(value);
    if (!block_key || !block) return absl::DataLossError(absl::StrCat("checkpoint '", key, "' is no block of tickets"));
    blocks.emplace_back(*block_key, *std::move(block));
  }
  ledger.once_only_.Restore(ledger.written_remembers_after_, blocks);
  return ledger;
}

TicketLedger TicketLedger::Forgetful(const std::map<std::string, std::string>& rows, absl::Time now) {
  TicketLedger ledger;
  for (auto row = rows.lower_bound(kBlockPrefix); row != rows.end() && row->first.starts_with(kBlockPrefix); ++row) {
    ledger.removals_.push_back({row->first, std::nullopt});
  }
  ledger.once_only_.Restore(now, {});
  return ledger;
}

std::vector<CheckpointRow> TicketLedger::TakeChanges() {
  std::vector<CheckpointRow> rows = std::exchange(removals_, {});
  OnceOnly::Changes changes = once_only_.TakeChanges();
  for (const auto& [key, block] : changes.written) rows.push_back({KeyOf(key), Encode(block)});
  for (const OnceOnly::BlockKey& key : changes.dropped) rows.push_back({KeyOf(key), std::nullopt});
  if (once_only_.remembers_after() != written_remembers_after_) {
    written_remembers_after_ = once_only_.remembers_after();
    v1::TicketsCheckpoint record;
    *record.mutable_remembers_after() = experiment::TimestampOf(written_remembers_after_);
    rows.push_back({kWindowKey, record.SerializeAsString()});
  }
  return rows;
}

}  // namespace weir::control
