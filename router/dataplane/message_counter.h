// Counts gRPC messages in a body without looking at them: only the 5-byte prefixes are read.

#ifndef WEIR_ROUTER_DATAPLANE_MESSAGE_COUNTER_H_
#define WEIR_ROUTER_DATAPLANE_MESSAGE_COUNTER_H_

#include <algorithm>
#include <cstdint>
#include <string_view>

namespace weir::dataplane {

// Fed with a body's pieces in order, cut anywhere. A prefix is one byte of flags and four of length, big-endian.
class MessageCounter {
 public:
  void Scan(std::string_view bytes) {
    while (!bytes.empty()) {
      if (prefix_bytes_ < kPrefixBytes) {
        const auto byte = static_cast<uint8_t>(bytes.front());
        bytes.remove_prefix(1);
        if (prefix_bytes_++ > 0) remaining_ = remaining_ << 8 | byte;
        if (prefix_bytes_ == kPrefixBytes) ++begun_;
      } else {
        const auto taken = static_cast<uint32_t>(std::min<size_t>(remaining_, bytes.size()));
        bytes.remove_prefix(taken);
        remaining_ -= taken;
      }
      if (prefix_bytes_ == kPrefixBytes && remaining_ == 0) {
        ++complete_;
        prefix_bytes_ = 0;
      }
    }
  }

  // Messages whose prefix, or whose last byte, was seen.
  int64_t begun() const { return begun_; }
  int64_t complete() const { return complete_; }

 private:
  static constexpr int kPrefixBytes = 5;
  int64_t begun_ = 0;
  int64_t complete_ = 0;
  uint32_t remaining_ = 0;
  int prefix_bytes_ = 0;
};

}  // namespace weir::dataplane

#endif  // WEIR_ROUTER_DATAPLANE_MESSAGE_COUNTER_H_
