// Header compression (RFC 7541) with libnghttp2's coder: the one place that includes it.

#ifndef WEIR_ROUTER_HTTP2_HPACK_H_
#define WEIR_ROUTER_HTTP2_HPACK_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "router/http2/header_rules.h"
#include "router/http2/headers.h"

namespace weir::http2 {

// Names whose values never enter a peer's table, whatever the list says: secrets, since an upstream connection is shared
// by many clients and a table can be probed; and what differs on every call, since it would evict what repeats.
bool IsNeverIndexed(std::string_view name);

// Decodes the blocks of one direction of one connection, in order; each block must be given in full.
class HpackDecoder {
 public:
  enum class Result { kOk, kCompressionError, kTooMuch };

  HpackDecoder();
  ~HpackDecoder();
  // Adds the fields of one more fragment to `collector`. `is_last`: the block ends with it.
  Result Decode(std::string_view fragment, bool is_last, HeaderCollector& collector);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Encodes the blocks of one direction of one connection, in order.
class HpackEncoder {
 public:
  explicit HpackEncoder(uint32_t max_table_bytes);
  ~HpackEncoder();
  // What the peer's SETTINGS_HEADER_TABLE_SIZE allows; at most the maximum is used.
  void SetTableBytes(uint32_t bytes);
  // At least what `Encode` of the same list writes.
  static size_t Bound(const HeaderList& list);
  // Writes the block to `to`; returns its size.
  size_t Encode(const HeaderList& list, uint8_t* to);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace weir::http2

#endif  // WEIR_ROUTER_HTTP2_HPACK_H_
