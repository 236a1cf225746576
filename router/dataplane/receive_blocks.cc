#include "router/dataplane/receive_blocks.h"

#include "router/dataplane/limits.h"

namespace weir::dataplane {

ReceiveBlocks::~ReceiveBlocks() {
  if (present_ != nullptr) present_->Unref();
  for (http2::Block* block : earlier_) block->Unref();
}

http2::Block* ReceiveBlocks::NextBlock() {
  // The oldest come free first, mostly. What lies behind one that is still held waits for it; that is bounded, since
  // whoever holds slices for long is bounded in blocks (http2::Output).
  size_t free = 0;
  while (free < earlier_.size() && !earlier_[free]->is_shared()) ++free;
  for (; free > limits::kSpareReceiveBlocks; --free) {
    earlier_.front()->Unref();
    earlier_.pop_front();
  }
  if (free > 0) {
    http2::Block* block = earlier_.front();
    earlier_.pop_front();
    return block;
  }
  // A block held for long would make those behind it useless: let it go, its last slice frees it.
  if (earlier_.size() > limits::kSpareReceiveBlocks) {
    earlier_.front()->Unref();
    earlier_.pop_front();
  }
  return http2::Block::Make(limits::kReceiveBlockBytes);
}

ReceiveBlocks::Room ReceiveBlocks::Take() {
  if (present_ != nullptr && !present_->is_shared()) used_ = 0;
  if (present_ == nullptr || present_->capacity() - used_ < limits::kReceiveAtLeastBytes) {
    if (present_ != nullptr) earlier_.push_back(present_);
    present_ = NextBlock();
    used_ = 0;
  }
  return {present_->data() + used_, present_->capacity() - used_};
}

http2::Slice ReceiveBlocks::Use(size_t n) {
  http2::Slice slice(present_, present_->data() + used_, n);
  used_ += n;
  return slice;
}

}  // namespace weir::dataplane
