#include "router/http2/buffer.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

namespace weir::http2 {
namespace {

// Most connections never have more to say at once; blocks grow for those that do.
constexpr size_t kFirstBlockBytes = 2048;

// A vector that was once long gives its dead front back when it is this long and mostly dead.
constexpr size_t kCompactFrom = 64;

}  // namespace

Block* Block::Make(size_t capacity) {
  void* memory = std::malloc(sizeof(Block) + capacity);
  if (memory == nullptr) std::abort();  // Every buffer is bounded: running out here is a wrong bound.
  return new (memory) Block(capacity);
}

void Block::Free(Block* block) { std::free(block); }

Slice Slice::Copy(std::string_view bytes) {
  Block* block = Block::Make(bytes.size());
  if (!bytes.empty()) std::memcpy(block->data(), bytes.data(), bytes.size());
  Slice slice(block, block->data(), bytes.size());
  block->Unref();
  return slice;
}

void Output::Append(std::string_view bytes) {
  AppendCopy(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
}

void Output::Append(Slice slice) {
  if (slice.size() < kReferenceFrom) return AppendCopy(slice.data(), slice.size());
  const bool is_pinned_already = head_ < pieces_.size() && pieces_.back().block == slice.block();
  const size_t pinned = is_pinned_already ? 0 : slice.block()->capacity();
  if (pinned_bytes_ + pinned > max_pinned_bytes_) return AppendCopy(slice.data(), slice.size());
  AppendReference(slice, pinned);
}

void Output::AppendReference(const Slice& slice, size_t pinned) {
  slice.block()->Ref();
  pieces_.push_back({slice.block(), slice.data(), slice.size(), pinned});
  pinned_bytes_ += pinned;
  size_ += slice.size();
  appended_ += slice.size();
}

void Output::AppendCopy(const uint8_t* data, size_t size) {
  while (size > 0) {
    const size_t room = tail_ == nullptr ? 0 : tail_->capacity() - tail_used_;
    const size_t n = std::min(size, room == 0 ? block_bytes_ : room);  // Fills up the block before it asks for another.
    std::memcpy(Reserve(n), data, n);
    Commit(n);
    data += n;
    size -= n;
  }
}

void Output::MakeTail(size_t n) {
  size_t capacity = std::min(block_bytes_, kFirstBlockBytes);
  if (tail_ != nullptr) {
    capacity = std::min(block_bytes_, 2 * tail_->capacity());
    tail_->Unref();
  }
  tail_ = Block::Make(std::max(n, capacity));
  tail_used_ = 0;
}

void Output::AddTailPiece(size_t n) {
  tail_->Ref();
  pieces_.push_back({tail_, tail_->data() + tail_used_, n, 0});
}

size_t Output::Gather(std::span<iovec> vectors) const {
  const size_t n = std::min(vectors.size(), pieces_.size() - head_);
  for (size_t i = 0; i < n; ++i) {
    const Piece& piece = pieces_[head_ + i];
    vectors[i] = {const_cast<uint8_t*>(piece.data), piece.size};
  }
  return n;
}

void Output::Drop(size_t n) {
  if (n > size_) std::abort();  // The caller dropped what was never gathered.
  size_ -= n;
  while (n > 0) {
    Piece& front = pieces_[head_];
    if (n < front.size) {
      front.data += n;
      front.size -= n;
      return;
    }
    n -= front.size;
    PopFront();
  }
}

void Output::PopFront() {
  pinned_bytes_ -= pieces_[head_].pinned;
  // The next piece of the same block goes on pinning it.
  if (pieces_[head_].pinned != 0 && head_ + 1 < pieces_.size() && pieces_[head_ + 1].block == pieces_[head_].block) {
    pieces_[head_ + 1].pinned = pieces_[head_].pinned;
    pinned_bytes_ += pieces_[head_].pinned;
  }
  pieces_[head_].block->Unref();
  ++head_;
  if (head_ == pieces_.size()) {
    pieces_.clear();
    head_ = 0;
    if (tail_ != nullptr && !tail_->is_shared()) tail_used_ = 0;
  } else if (head_ >= kCompactFrom && head_ * 2 >= pieces_.size()) {
    pieces_.erase(pieces_.begin(), pieces_.begin() + static_cast<ptrdiff_t>(head_));
    head_ = 0;
  }
}

void Output::MoveTo(Output& to, size_t n) {
  if (n > size_) std::abort();  // A bug of the caller: there are no such bytes.
  while (n > 0) {
    const Piece& front = pieces_[head_];
    const size_t part = std::min(n, front.size);
    to.Append(Slice(front.block, front.data, part));
    Drop(part);
    n -= part;
  }
}

void Output::Clear() {
  for (size_t i = head_; i < pieces_.size(); ++i) pieces_[i].block->Unref();
  pieces_.clear();
  head_ = 0;
  if (tail_ != nullptr) tail_->Unref();
  tail_ = nullptr;
  tail_used_ = 0;
  size_ = 0;
  pinned_bytes_ = 0;
}

}  // namespace weir::http2
