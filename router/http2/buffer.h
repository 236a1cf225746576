// Bytes on their way through: received once, carried by reference, sent with one gathering write.

#ifndef WEIR_ROUTER_HTTP2_BUFFER_H_
#define WEIR_ROUTER_HTTP2_BUFFER_H_

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::http2 {

// A block of bytes with a count of its readers. One thread: the count is a plain integer, and a connection never
// leaves its worker. Made by `Block::Make`, freed by its last `Slice`.
class Block {
 public:
  static Block* Make(size_t capacity);
  uint8_t* data() { return reinterpret_cast<uint8_t*>(this + 1); }
  size_t capacity() const { return capacity_; }
  bool is_shared() const { return references_ > 1; }
  void Ref() { ++references_; }
  void Unref() {
    if (--references_ == 0) Free(this);
  }

 private:
  explicit Block(size_t capacity) : capacity_(capacity) {}
  static void Free(Block* block);
  size_t capacity_;
  size_t references_ = 1;
};

// A range of a block: a value that keeps its block alive. Copying it copies no bytes.
class Slice {
 public:
  Slice() = default;
  // Shares `block`, adding a reference.
  Slice(Block* block, const uint8_t* data, size_t size) : block_(block), data_(data), size_(size) {
    if (block_ != nullptr) block_->Ref();
  }
  // A new block with a copy of `bytes`.
  static Slice Copy(std::string_view bytes);
  Slice(const Slice& other) : Slice(other.block_, other.data_, other.size_) {}
  Slice(Slice&& other) noexcept
      : block_(std::exchange(other.block_, nullptr)),
        data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)) {}
  Slice& operator=(Slice other) noexcept {
    std::swap(block_, other.block_);
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~Slice() {
    if (block_ != nullptr) block_->Unref();
  }

  const uint8_t* data() const { return data_; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  Block* block() const { return block_; }
  std::string_view view() const { return {reinterpret_cast<const char*>(data_), size_}; }
  Slice Sub(size_t offset, size_t size) const { return Slice(block_, data_ + offset, size); }
  void RemovePrefix(size_t n) { data_ += n, size_ -= n; }

 private:
  Block* block_ = nullptr;
  const uint8_t* data_ = nullptr;
  size_t size_ = 0;
};

// Bytes on their way out, in order: of a connection, or of one stream that must wait. Small pieces are copied side by
// side into a tail block; large slices are referenced. A referenced slice keeps its whole block in memory, so at most
// `max_pinned_bytes` of blocks are held that way, and what would go beyond is copied: a reader that stalls holds a
// bounded amount of memory, however its bytes arrived.
//
// Written by the session, drained by the connection: `Gather`, one `sendmsg`, `Drop` what was taken.
class Output {
 public:
  // Below this a copy is cheaper than a reference count, a vector of sendmsg and the memory that a reference pins.
  static constexpr size_t kReferenceFrom = 2048;
  static constexpr size_t kDefaultBlockBytes = 16 * 1024;
  static constexpr size_t kDefaultMaxPinnedBytes = 1024 * 1024;

  explicit Output(size_t block_bytes = kDefaultBlockBytes, size_t max_pinned_bytes = kDefaultMaxPinnedBytes)
      : block_bytes_(block_bytes), max_pinned_bytes_(max_pinned_bytes) {}
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;
  ~Output() { Clear(); }

  void Append(std::string_view bytes);
  void Append(Slice slice);
  // Room for `n` bytes in one piece; write there, then `Commit` those used (at most `n`) before any other call.
  uint8_t* Reserve(size_t n) {
    if (tail_ == nullptr || tail_->capacity() - tail_used_ < n) MakeTail(n);
    return tail_->data() + tail_used_;
  }
  void Commit(size_t n) {
    if (head_ < pieces_.size() && pieces_.back().end() == tail_->data() + tail_used_)
      pieces_.back().size += n;
    else if (n > 0)
      AddTailPiece(n);
    tail_used_ += n;
    size_ += n;
    appended_ += n;
  }

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  // Fills `vectors` from the front; returns how many were filled.
  size_t Gather(std::span<iovec> vectors) const;
  // Forgets the first `n` bytes, n <= size().
  void Drop(size_t n);
  // Moves the first `n` bytes, n <= size(), to the end of `to`.
  void MoveTo(Output& to, size_t n);
  // Forgets everything and frees every block.
  void Clear();

  // Bytes ever appended and ever dropped: what was appended by now has left once `dropped` reaches today's `appended`.
  uint64_t appended() const { return appended_; }
  uint64_t dropped() const { return appended_ - size_; }
  // Capacity of the blocks that referenced slices keep alive.
  size_t pinned_bytes() const { return pinned_bytes_; }

 private:
  struct Piece {
    Block* block;  // Holds one reference.
    const uint8_t* data;
    size_t size;
    size_t pinned;  // Capacity that this piece brought into `pinned_bytes_`.
    const uint8_t* end() const { return data + size; }
  };
  void MakeTail(size_t n);
  void AddTailPiece(size_t n);
  void AppendCopy(const uint8_t* data, size_t size);
  void AppendReference(const Slice& slice, size_t pinned);
  void PopFront();

  const size_t block_bytes_;
  const size_t max_pinned_bytes_;
  std::vector<Piece> pieces_;  // From `head_` on; the vector's memory is kept.
  size_t head_ = 0;
  Block* tail_ = nullptr;  // Small pieces are copied here; holds one reference.
  size_t tail_used_ = 0;
  size_t size_ = 0;
  uint64_t appended_ = 0;
  size_t pinned_bytes_ = 0;
};

}  // namespace weir::http2

#endif  // WEIR_ROUTER_HTTP2_BUFFER_H_
