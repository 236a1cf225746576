#include "router/http2/stream.h"

#include <algorithm>
#include <bit>

namespace weir::http2 {
namespace {

constexpr size_t kInitialEntries = 32;

void ResetValues(Stream& stream, StreamId id) {
  stream.id = id;
  stream.is_head_received = stream.is_remote_ended = stream.is_local_ended = stream.is_end_queued = false;
  stream.has_trailers = stream.is_reset_after_end = stream.is_body_forbidden = stream.is_ready = false;
  stream.send_window = stream.receive_window = 0;
  stream.consumed = 0;
  stream.body_left = -1;
  stream.report_round = 0;
}

}  // namespace

StreamTable::StreamTable() : entries_(kInitialEntries), shift_(32 - std::countr_zero(kInitialEntries)) {}

size_t StreamTable::IndexOf(StreamId id) const {
  const size_t mask = entries_.size() - 1;
  size_t i = Home(id);
  while (entries_[i].id != 0 && entries_[i].id != id) i = (i + 1) & mask;
  return i;
}

Stream* StreamTable::Find(StreamId id) const {
  if (last_found_ != nullptr && last_found_->id == id) return last_found_;
  const Entry& entry = entries_[IndexOf(id)];
  if (entry.id == 0) return nullptr;
  return last_found_ = &At(entry.slot);
}

Stream& StreamTable::Open(StreamId id) {
  if ((size_ + 1) * 2 > entries_.size()) Grow();
  if (free_.empty()) {
    const auto first = static_cast<uint32_t>(chunks_.size() * kChunk);
    chunks_.push_back(std::make_unique<Stream[]>(kChunk));
    for (uint32_t i = kChunk; i-- > 0;) free_.push_back(first + i);
  }
  const uint32_t slot = free_.back();
  free_.pop_back();
  entries_[IndexOf(id)] = {id, slot};
  ++size_;
  Stream& stream = At(slot);
  ResetValues(stream, id);
  stream.slot = slot;
  return *(last_found_ = &stream);
}

void StreamTable::Close(Stream& stream) {
  const size_t mask = entries_.size() - 1;
  size_t hole = IndexOf(stream.id);
  // Entries after the hole move back into it, unless that would put them before their home.
  for (size_t i = (hole + 1) & mask; entries_[i].id != 0; i = (i + 1) & mask) {
    if (((i - Home(entries_[i].id)) & mask) < ((i - hole) & mask)) continue;
    entries_[hole] = entries_[i];
    hole = i;
  }
  entries_[hole] = {};
  --size_;
  if (last_found_ == &stream) last_found_ = nullptr;
  stream.queue.Clear();
  if (!stream.trailers.empty()) stream.trailers = HeaderList();  // Rare, and may be long: its memory is not kept.
  free_.push_back(stream.slot);
}

void StreamTable::Grow() {
  std::vector<Entry> old(entries_.size() * 2);
  old.swap(entries_);
  --shift_;
  for (const Entry& entry : old) {
    if (entry.id != 0) entries_[IndexOf(entry.id)] = entry;
  }
}

void ClosedStreams::Opened(StreamId id) {
  // Streams of one side have numbers two apart.
  const StreamId first_skipped = std::max(highest_ + 2, id > 2 * kRemembered ? id - 2 * kRemembered : 0);
  for (StreamId skipped = first_skipped | (id & 1); skipped < id; skipped += 2) Set(skipped, Fate::kSkipped);
  Set(id, Fate::kEnded);
  highest_ = id;
}

ClosedStreams::Fate ClosedStreams::Of(StreamId id) const {
  if (highest_ - id >= 2 * kRemembered) return Fate::kForgotten;
  const uint32_t i = (id >> 1) % kRemembered;
  return static_cast<Fate>(fates_[i / kPerByte] >> (i % kPerByte * 2) & 3);
}

void ClosedStreams::Set(StreamId id, Fate fate) {
  if (highest_ > id && highest_ - id >= 2 * kRemembered) return;
  const uint32_t i = (id >> 1) % kRemembered;
  const uint32_t shift = i % kPerByte * 2;
  uint8_t& byte = fates_[i / kPerByte];
  byte = static_cast<uint8_t>((byte & ~(3u << shift)) | static_cast<uint32_t>(fate) << shift);
}

}  // namespace weir::http2
