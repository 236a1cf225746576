// Which call a stream belongs to: looked up for every event of a connection.

#ifndef WEIR_ROUTER_DATAPLANE_STREAM_TABLE_H_
#define WEIR_ROUTER_DATAPLANE_STREAM_TABLE_H_

#include <cstddef>
#include <utility>
#include <vector>

#include "router/http2/session.h"

namespace weir::dataplane {

// An open-addressed table from stream numbers to pointers. Numbers of one connection rise by two, so that half the number
// is a perfect hash until the table wraps around; long-lived streams are then stepped over. No tombstones: `Erase` closes
// the gap, and memory follows the largest number of streams at once.
template <typename T>
class StreamTable {
 public:
  // The stream's value; nullptr for an unknown stream.
  T* Find(http2::StreamId stream) const {
    if (slots_.empty()) return nullptr;
    for (size_t i = Home(stream);; i = Next(i)) {
      if (slots_[i].stream == stream) return slots_[i].value;
      if (slots_[i].stream == 0) return nullptr;
    }
  }

  // The stream is not in the table yet, and is not 0.
  void Insert(http2::StreamId stream, T* value) {
    if ((size_ + 1) * 2 > slots_.size()) Grow();
    size_t i = Home(stream);
    while (slots_[i].stream != 0) i = Next(i);
    slots_[i] = {stream, value};
    ++size_;
  }

  void Erase(http2::StreamId stream) {
    if (slots_.empty()) return;
    size_t gap = Home(stream);
    while (slots_[gap].stream != stream) {
      if (slots_[gap].stream == 0) return;
      gap = Next(gap);
    }
    --size_;
    for (size_t i = Next(gap); slots_[i].stream != 0; i = Next(i)) {
      const size_t mask = slots_.size() - 1;
      const size_t distance_from_home = (i - Home(slots_[i].stream)) & mask;
      const size_t distance_from_gap = (i - gap) & mask;
      if (distance_from_home < distance_from_gap) continue;
      slots_[gap] = slots_[i];
      gap = i;
    }
    slots_[gap] = {};
  }

  size_t size() const { return size_; }

  // Every value; the table is empty then.
  std::vector<T*> TakeAll() {
    std::vector<T*> values;
    values.reserve(size_);
    for (const Slot& slot : slots_) {
      if (slot.stream != 0) values.push_back(slot.value);
    }
    slots_.clear();
    size_ = 0;
    return values;
  }

 private:
  struct Slot {
    http2::StreamId stream = 0;
    T* value = nullptr;
  };
  static constexpr size_t kSmallest = 16;

  size_t Home(http2::StreamId stream) const { return (stream >> 1) & (slots_.size() - 1); }
  size_t Next(size_t i) const { return (i + 1) & (slots_.size() - 1); }

  void Grow() {
    std::vector<Slot> old(slots_.empty() ? kSmallest : slots_.size() * 2);
    old.swap(slots_);
    size_ = 0;
    for (const Slot& slot : old) {
      if (slot.stream != 0) Insert(slot.stream, slot.value);
    }
  }

  std::vector<Slot> slots_;  // A power of two.
  size_t size_ = 0;
};

}  // namespace weir::dataplane

#endif  // WEIR_ROUTER_DATAPLANE_STREAM_TABLE_H_
