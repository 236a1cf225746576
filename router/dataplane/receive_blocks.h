// Where bytes are received: large blocks, shared by all connections of a worker, and reused as soon as nothing holds
// them.

#ifndef WEIR_ROUTER_DATAPLANE_RECEIVE_BLOCKS_H_
#define WEIR_ROUTER_DATAPLANE_RECEIVE_BLOCKS_H_

#include <cstddef>
#include <deque>

#include "router/http2/buffer.h"

namespace weir::dataplane {

// Most of what is received leaves in the same turn, so that one block, warm in the cache, serves turn after turn. While
// bytes of it still wait somewhere, receiving goes on behind them, and then in another block. An idle connection holds
// nothing here.
class ReceiveBlocks {
 public:
  ReceiveBlocks() = default;
  ReceiveBlocks(const ReceiveBlocks&) = delete;
  ReceiveBlocks& operator=(const ReceiveBlocks&) = delete;
  ~ReceiveBlocks();

  struct Room {
    uint8_t* data;
    size_t size;  // At least limits::kReceiveAtLeastBytes.
  };
  Room Take();
  // The first `n` bytes of the room last taken.
  http2::Slice Use(size_t n);

 private:
  http2::Block* NextBlock();

  http2::Block* present_ = nullptr;  // Holds one reference, as the following do.
  size_t used_ = 0;
  std::deque<http2::Block*> earlier_;  // Full ones, most of them still held by slices.
};

}  // namespace weir::dataplane

#endif  // WEIR_ROUTER_DATAPLANE_RECEIVE_BLOCKS_H_
