#include "stats/once_only.h"

#include <algorithm>

namespace weir::stats {

OnceOnly::Admission OnceOnly::Admit(const Ticket& ticket, absl::Time now, absl::Duration join_window) {
  if (ticket.start <= remembers_after_ || now - ticket.start > join_window) return Admission::kExpired;
  const BlockKey key{ticket.issuer, ticket.sequence / kBlockBits};
  const uint64_t bit = uint64_t{1} << (ticket.sequence % 64);
  const size_t word = ticket.sequence % kBlockBits / 64;
  if (const auto issuer = issuers_.find(key.issuer); issuer != issuers_.end()) {
    const auto block = issuer->second.find(key.index);
    if (block != issuer->second.end() && (block->second.bits[word] & bit) != 0) return Admission::kRepeated;
  }
  const bool is_new = !issuers_[key.issuer].contains(key.index);
  Block& block = issuers_[key.issuer][key.index];
  block.bits[word] |= bit;
  block.newest_start_ms = std::max(block.newest_start_ms, absl::ToUnixMillis(ticket.start));
  changed_.insert(key);
  dropped_.erase(key);
  blocks_count_ += is_new;
  if (blocks_count_ > max_blocks_) MakeRoom();
  return Admission::kFirst;
}

void OnceOnly::DropFirst(std::map<Issuer, Blocks>::iterator issuer) {
  const auto& [index, block] = *issuer->second.begin();
  const BlockKey key{issuer->first, index};
  // To the end of that millisecond: a ticket's start is known no finer.
  const absl::Time forgotten = absl::FromUnixMillis(block.newest_start_ms + 1) - absl::Nanoseconds(1);
  remembers_after_ = std::max(remembers_after_, forgotten);
  issuer->second.erase(issuer->second.begin());
  if (issuer->second.empty()) issuers_.erase(issuer);
  --blocks_count_;
  changed_.erase(key);
  dropped_.insert(key);
}

void OnceOnly::MakeRoom() {
  const auto oldest = std::min_element(issuers_.begin(), issuers_.end(), [](const auto& a, const auto& b) {
    return a.second.begin()->second.newest_start_ms < b.second.begin()->second.newest_start_ms;
  });
  DropFirst(oldest);
}

void OnceOnly::Forget(absl::Time now, absl::Duration longest_join_window) {
  const absl::Time oldest = now - longest_join_window;
  for (auto issuer = issuers_.begin(); issuer != issuers_.end();) {
    const auto next = std::next(issuer);
    size_t expired = 0;
    for (const auto& [index, block] : issuer->second) {
      if (absl::FromUnixMillis(block.newest_start_ms + 1) > oldest) break;
      ++expired;
    }
    for (; expired > 0; --expired) DropFirst(issuer);
    issuer = next;
  }
}

OnceOnly::Changes OnceOnly::TakeChanges() {
  Changes changes;
  for (const BlockKey& key : changed_) changes.written.push_back({key, issuers_[key.issuer][key.index]});
  changes.dropped.assign(dropped_.begin(), dropped_.end());
  changed_.clear();
  dropped_.clear();
  return changes;
}

void OnceOnly::Restore(absl::Time remembers_after, const std::vector<std::pair<BlockKey, Block>>& blocks) {
  issuers_.clear();
  changed_.clear();
  dropped_.clear();
  for (const auto& [key, block] : blocks) issuers_[key.issuer][key.index] = block;
  blocks_count_ = 0;
  for (const auto& [issuer, own] : issuers_) blocks_count_ += own.size();
  remembers_after_ = remembers_after;
  while (blocks_count_ > max_blocks_) MakeRoom();
}

}  // namespace weir::stats
