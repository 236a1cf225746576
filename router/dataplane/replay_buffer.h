// The beginning of a request's body, until the response begins: a model that provably took nothing of the request can
// then be asked again.

#ifndef WEIR_ROUTER_DATAPLANE_REPLAY_BUFFER_H_
#define WEIR_ROUTER_DATAPLANE_REPLAY_BUFFER_H_

#include <algorithm>
#include <cstring>
#include <span>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "router/dataplane/limits.h"
#include "router/http2/buffer.h"

namespace weir::dataplane {

// Holds large slices by reference, a few of them, and copies the others side by side into blocks of its own: a message
// of some bytes does not keep the block of many others. Bounded: beyond limits::kReplayBytes it gives up, which is no
// error.
class ReplayBuffer {
 public:
  ReplayBuffer() = default;
  ReplayBuffer(const ReplayBuffer&) = delete;
  ReplayBuffer& operator=(const ReplayBuffer&) = delete;
  ~ReplayBuffer() { LetGoOfBlock(); }

  // Adds a piece; returns the same bytes to be passed on. `is_only_copy`: nothing else holds the request, as while it
  // waits for a stream, so that it is kept beyond the bound; the client's window bounds it then.
  http2::Slice Keep(http2::Slice piece, bool is_only_copy = false) {
    if (!is_whole_ || piece.empty()) return piece;
    bytes_ += piece.size();
    const bool is_large = piece.size() >= http2::Output::kReferenceFrom;
    const bool has_room = bytes_ <= limits::kReplayBytes && (!is_large || references_ < kMostReferences);
    if (!has_room && !is_only_copy) {
      Drop();
      return piece;
    }
    if (!is_large || references_ == kMostReferences) return KeepCopy(piece);
    ++references_;
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
    if (block_ != nullptr && (block_->is_shared() || block_->capacity() > kFirstBlockBytes)) LetGoOfBlock();
    used_ = 0;
    bytes_ = 0;
    references_ = 0;
    is_whole_ = true;
  }

 private:
  // Most requests fit here.
  static constexpr size_t kFirstBlockBytes = http2::Output::kReferenceFrom;
  static constexpr size_t kNextBlockBytes = 16 * 1024;
  // Each may keep a whole receive block alive. A body in frames of 16 KiB needs half as many.
  static constexpr size_t kMostReferences = 8;

  http2::Slice KeepCopy(const http2::Slice& piece) {
    if (block_ != nullptr && block_->capacity() - used_ < piece.size()) LetGoOfBlock();
    if (block_ == nullptr) {
      block_ = http2::Block::Make(bytes_ <= kFirstBlockBytes ? kFirstBlockBytes
                                                             : std::max(kNextBlockBytes, piece.size()));
      used_ = 0;
    }
    uint8_t* const copy = block_->data() + used_;
    std::memcpy(copy, piece.data(), piece.size());
    const bool is_next = !pieces_.empty() && pieces_.back().block() == block_ &&
                         pieces_.back().data() + pieces_.back().size() == copy;
    if (is_next) {
      const http2::Slice& last = pieces_.back();
      pieces_.back() = http2::Slice(block_, last.data(), last.size() + piece.size());
    } else {
      pieces_.push_back(http2::Slice(block_, copy, piece.size()));
    }
    used_ += piece.size();
    return http2::Slice(block_, copy, piece.size());
  }

  void LetGoOfBlock() {
    if (block_ != nullptr) std::exchange(block_, nullptr)->Unref();
  }

  absl::InlinedVector<http2::Slice, 4> pieces_;
  http2::Block* block_ = nullptr;  // Of copies; holds one reference.
  size_t used_ = 0;
  size_t bytes_ = 0;
  size_t references_ = 0;
  bool is_whole_ = true;
};

}  // namespace weir::dataplane

#endif  // WEIR_ROUTER_DATAPLANE_REPLAY_BUFFER_H_
