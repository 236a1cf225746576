// Header compression (RFC 7541).
//
// libnghttp2's coder owns both tables: whatever reads or changes an encoder's state, or changes a decoder's, goes
// through it, and this is the one file that includes it. What needs no state is done here, because there the library's
// cost is most of what a call costs: literals that are not indexed, references to a table, and fields whose index is
// known.

#ifndef WEIR_ROUTER_HTTP2_HPACK_H_
#define WEIR_ROUTER_HTTP2_HPACK_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "router/http2/header_rules.h"
#include "router/http2/headers.h"

namespace weir::http2 {

// Names whose values never enter a peer's table, whatever the list says: secrets, since an upstream connection is
// shared by many clients and a table can be probed; and what differs on every call, since it would evict what repeats.
bool IsNeverIndexed(std::string_view name);

// Decodes the blocks of one direction of one connection, in order.
class HpackDecoder {
 public:
  enum class Result { kOk, kCompressionError, kTooMuch };

  HpackDecoder();
  ~HpackDecoder();
  // Adds the fields of a whole block to `collector`. kTooMuch: it has seen enough. After an error the decoder is of no
  // use.
  Result Decode(std::string_view block, HeaderCollector& collector);

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
