// Bytes on their way through: received once, carried by reference, sent with one gathering write.

#ifndef WEIR_ROUTER_HTTP2_BUFFER_H_
#define WEIR_ROUTER_HTTP2_BUFFER_H_

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string_view>
#include <utility>

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
  std::string_view view() const { return {reinterpret_cast<const char*>(data_), size_}; }
  Slice Sub(size_t offset, size_t size) const { return Slice(block_, data_ + offset, size); }
  void RemovePrefix(size_t n) { data_ += n, size_ -= n; }

 private:
  Block* block_ = nullptr;
  const uint8_t* data_ = nullptr;
  size_t size_ = 0;
};

// What a connection has yet to send, in order. Small pieces are copied side by side into a shared block; large slices
// are referenced. Written by the session, drained by the connection: `Gather`, one `sendmsg`, `Drop` what was taken.
class Output {
 public:
  void Append(std::string_view bytes);
  void Append(Slice slice);
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  // Fills `vectors` from the front; returns how many were filled.
  size_t Gather(std::span<iovec> vectors) const;
  // Forgets the first `n` bytes, n <= size().
  void Drop(size_t n);

 private:
  std::deque<Slice> pieces_;
  Block* tail_ = nullptr;  // The block that small pieces are copied into; owned through `tail_slice_`.
  Slice tail_slice_;
  size_t tail_used_ = 0;
  size_t size_ = 0;
};

}  // namespace weir::http2

#endif  // WEIR_ROUTER_HTTP2_BUFFER_H_
