// Which call a stream belongs to: looked up for every event of a connection.

#ifndef WEIR_ROUTER_DATAPLANE_STREAM_TABLE_H_
#define WEIR_ROUTER_DATAPLANE_STREAM_TABLE_H_

#include <cstddef>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "router/http2/session.h"

namespace weir::dataplane {

// Numbers of one connection rise by two, so that half the number, modulo the table's size, is mostly a place of its
// own: looking up is one comparison. A stream that outlives many others may find its place's next owner come round: the
// table grows while it is small for what it holds, and what still collides goes to a map beside it.
template <typename T>
class StreamTable {
 public:
  // The stream's value; nullptr for an unknown stream.
  T* Find(http2::StreamId stream) const {
    if (slots_.empty()) return nullptr;
    const Slot& slot = slots_[PlaceOf(stream)];
    if (slot.stream == stream) return slot.value;
    if (others_.empty()) return nullptr;
    const auto other = others_.find(stream);
    return other == others_.end() ? nullptr : other->second;
  }

  // The stream is not in the table yet, and is not 0.
  void Insert(http2::StreamId stream, T* value) {
    if (slots_.empty()) slots_.resize(kSmallest);
    while (slots_[PlaceOf(stream)].stream != 0 && slots_.size() < kSpareness * (size_ + 1)) Grow();
    ++size_;
    Put({stream, value});
  }

  void Erase(http2::StreamId stream) {
    if (slots_.empty()) return;
    Slot& slot = slots_[PlaceOf(stream)];
    if (slot.stream == stream) {
      slot = {};
      --size_;
    } else {
      size_ -= others_.erase(stream);
    }
  }

  size_t size() const { return size_; }

  // Every value; the table is empty then.
  std::vector<T*> TakeAll() {
    std::vector<T*> values;
    values.reserve(size_);
    for (const Slot& slot : slots_) {
      if (slot.stream != 0) values.push_back(slot.value);
    }
    for (const auto& [stream, value] : others_) values.push_back(value);
    slots_.clear();
    others_.clear();
    size_ = 0;
    return values;
  }

 private:
  struct Slot {
    http2::StreamId stream = 0;
    T* value = nullptr;
  };
  static constexpr size_t kSmallest = 8;
  static constexpr size_t kSpareness = 4;  // Slots for each stream, beyond which it no longer grows.

  size_t PlaceOf(http2::StreamId stream) const { return (stream >> 1) & (slots_.size() - 1); }

  void Put(const Slot& added) {
    Slot& slot = slots_[PlaceOf(added.stream)];
    if (slot.stream == 0) {
      slot = added;
    } else {
      others_.emplace(added.stream, added.value);
    }
  }

  void Grow() {
    std::vector<Slot> old(slots_.size() * 2);
    old.swap(slots_);
    const absl::flat_hash_map<http2::StreamId, T*> others = std::exchange(others_, {});
    for (const Slot& slot : old) {
      if (slot.stream != 0) Put(slot);
    }
    for (const auto& [stream, value] : others) Put({stream, value});
  }

  std::vector<Slot> slots_;  // A power of two.
  absl::flat_hash_map<http2::StreamId, T*> others_;
  size_t size_ = 0;
};

}  // namespace weir::dataplane

#endif  // WEIR_ROUTER_DATAPLANE_STREAM_TABLE_H_
