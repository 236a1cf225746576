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

// A page and what the tables spend on it.
constexpr size_t kPageBytes = TicketLedger::kPageTickets / 8 + 96;

std::string BytesOf(const std::bitset<TicketLedger::kPageTickets>& bits) {
  std::string bytes(bits.size() / 8, '\0');
  for (size_t i = 0; i < bits.size(); ++i) {
    if (bits[i]) bytes[i / 8] = static_cast<char>(bytes[i / 8] | (1 << (i % 8)));
  }
  return bytes;
}

}  // namespace

TicketLedger::TicketLedger(size_t max_bytes) : max_pages_(max_bytes / kPageBytes) {}

TicketLedger::Verdict TicketLedger::Mark(const stats::Issuer& issuer, uint64_t sequence, absl::Time expires) {
  const PageKey key{issuer, sequence / kPageTickets};
  auto found = pages_.find(key);
  if (found == pages_.end()) {
    if (pages_.size() >= max_pages_) return Verdict::kFull;
    found = pages_.emplace(key, std::make_unique<Page>()).first;
  }
  Page& page = *found->second;
  if (page.reported[sequence % kPageTickets]) return Verdict::kRepeated;
  page.reported[sequence % kPageTickets] = true;
  page.expires = std::max(page.expires, expires);
  changed_.insert(key);
  return Verdict::kFirst;
}

void TicketLedger::DropExpired(absl::Time now) {
  absl::erase_if(pages_, [&](const auto& entry) {
    if (entry.second->expires > now) return false;
    changed_.insert(entry.first);
    return true;
  });
}

std::vector<CheckpointRow> TicketLedger::TakeChanges() {
  std::vector<CheckpointRow> rows;
  for (const PageKey& key : changed_) {
    CheckpointRow row{RowKey(key), std::nullopt};
    if (const auto found = pages_.find(key); found != pages_.end()) {
      v1::TicketPageCheckpoint page;
      page.set_bits(BytesOf(found->second->reported));
      *page.mutable_expires_at() = experiment::TimestampOf(found->second->expires);
      row.value = page.SerializeAsString();
    }
    rows.push_back(std::move(row));
  }
  changed_.clear();
  return rows;
}

absl::Status TicketLedger::Restore(const std::string& key, const std::string& value) {
  const std::vector<std::string> parts = absl::StrSplit(key, '/');
  PageKey page_key;
  uint32_t worker = 0;
  v1::TicketPageCheckpoint page;
  if (parts.size() != 5 || !absl::SimpleAtoi(parts[1], &page_key.issuer.replica) ||
      !absl::SimpleAtoi(parts[2], &page_key.issuer.boot) || !absl::SimpleAtoi(parts[3], &worker) || worker > 0xffff ||
      !absl::SimpleAtoi(parts[4], &page_key.page) || !page.ParseFromString(value) ||
      page.bits().size() != kPageTickets / 8) {
    return absl::DataLossError(absl::StrCat("checkpoint '", key, "' is not a page of tickets"));
  }
  page_key.issuer.worker = static_cast<uint16_t>(worker);
  auto restored = std::make_unique<Page>();
  for (size_t i = 0; i < kPageTickets; ++i) {
    restored->reported[i] = (static_cast<unsigned char>(page.bits()[i / 8]) >> (i % 8) & 1) != 0;
  }
  restored->expires = experiment::TimeOf(page.expires_at());
  pages_[page_key] = std::move(restored);
  return absl::OkStatus();
}

std::string TicketLedger::RowKey(const PageKey& key) {
  return absl::StrCat(kKeyPrefix, key.issuer.replica, "/", key.issuer.boot, "/", key.issuer.worker, "/", key.page);
}

}  // namespace weir::control
