// The beginning of a request's body, until the response begins: a model that provably took nothing of the request can
// then be asked again.

#ifndef WEIR_ROUTER_DATAPLANE_REPLAY_BUFFER_H_
#define WEIR_ROUTER_DATAPLANE_REPLAY_BUFFER_H_

#include <cstring>
#include <span>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "router/dataplane/limits.h"
#include "router/http2/buffer.h"

namespace weir::dataplane {

// Holds slices by reference, and small ones as copies in a block of its own, so that a message of some bytes does not
// keep the block of many others. Bounded: beyond limits::kReplayBytes it gives up, which is no error.
class ReplayBuffer {
 public:
  ReplayBuffer() = default;
  ReplayBuffer(const ReplayBuffer&) = delete;
  ReplayBuffer& operator=(const ReplayBuffer&) = delete;
  ~ReplayBuffer() { LetGoOfBlock(); }

  // Adds a piece; returns the same bytes to be passed on.
  http2::Slice Keep(http2::Slice piece) {
    if (!is_whole_ || piece.empty()) return piece;
    bytes_ += piece.size();
    if (bytes_ > limits::kReplayBytes) {
      Drop();
      return piece;
    }
    if (small_used_ + piece.size() <= kSmallBytes) piece = CopyOf(piece);
    pieces_.push_back(piece);
    return piece;
  }

  // Whether every byte so far is still here.
  bool is_whole() const { return is_whole_; }
  std::span<const http2::Slice> pieces() const { return {pieces_.data(), pieces_.size()}; }

  // No replay any more.
  void Drop() {
    pieces_.clear();
    is_whole_ = false;
  }

  // For the next request. Keeps its memory where it can.
  void Reset() {
    pieces_.clear();
    if (block_ != nullptr && block_->is_shared()) LetGoOfBlock();
    small_used_ = 0;
    bytes_ = 0;
    is_whole_ = true;
  }

 private:
  static constexpr size_t kSmallBytes = 1024;

  http2::Slice CopyOf(const http2::Slice& piece) {
    if (block_ == nullptr) block_ = http2::Block::Make(kSmallBytes);
    uint8_t* const copy = block_->data() + small_used_;
    std::memcpy(copy, piece.data(), piece.size());
    small_used_ += piece.size();
    return http2::Slice(block_, copy, piece.size());
  }

  void LetGoOfBlock() {
    if (block_ != nullptr) std::exchange(block_, nullptr)->Unref();
  }

  absl::InlinedVector<http2::Slice, 4> pieces_;
  http2::Block* block_ = nullptr;  // Of small pieces; holds one reference.
  size_t small_used_ = 0;
  size_t bytes_ = 0;
  bool is_whole_ = true;
};

}  // namespace weir::dataplane

#endif  // WEIR_ROUTER_DATAPLANE_REPLAY_BUFFER_H_
