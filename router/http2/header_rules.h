// Which header fields are legal where (RFC 9113, sections 8.2 and 8.3).

#ifndef WEIR_ROUTER_HTTP2_HEADER_RULES_H_
#define WEIR_ROUTER_HTTP2_HEADER_RULES_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "router/http2/headers.h"

namespace weir::http2 {

// A token of lower-case characters, without the colon of a pseudo-header.
bool IsLegalName(std::string_view name);
// No control character but HTAB. Bytes from 0x80 are legal: they are opaque.
bool HasLegalCharacters(std::string_view value);
// `HasLegalCharacters`, and no whitespace at the ends.
bool IsLegalValue(std::string_view value);

// Whether it is base64, with padding or without, or several joined by commas: what gRPC's `-bin` metadata is made of.
bool IsBinaryValue(std::string_view value);

// Whether the characters of a field are legal at all, wherever it stands: a name that is legal, but for the colon of a
// pseudo-header, and a legal value.
bool IsLegalField(std::string_view name, std::string_view value);

enum class BlockKind : uint8_t { kRequest, kResponse, kTrailers, kIgnored };

// Collects one header block, field by field, and checks it as it grows. Nothing is copied that breaks a rule or a
// limit.
class HeaderCollector {
 public:
  struct Limits {
    uint32_t list_bytes;     // More: the list is too large, and no longer kept.
    uint32_t fields;         // The same.
    uint64_t decoded_bytes;  // More: the sender is attacking; see http2/limits.h.
  };
  enum class Verdict { kValid, kMalformed, kTooLarge };

  explicit HeaderCollector(const Limits& limits) : limits_(limits) {}

  void Begin(BlockKind kind);
  // False: the block unpacks beyond `decoded_bytes`. `is_legal`: `IsLegalField` is known to hold, as for most
  // references to a table; it need not be found out again.
  bool Add(std::string_view name, std::string_view value, Indexing indexing, bool is_legal = false);
  // To be called once, after the last field.
  Verdict Finish();

  HeaderList& list() { return list_; }
  int64_t content_length() const { return content_length_; }  // -1: not given.
  int status() const { return status_; }                      // Of a response.
  bool is_head() const { return is_head_; }                   // Of a request.

 private:
  enum Pseudo : uint8_t { kNone = 0, kMethod = 1, kScheme = 2, kAuthority = 4, kPath = 8, kStatus = 16 };
  static Pseudo PseudoOf(std::string_view name);
  bool IsLegalPseudo(std::string_view name, std::string_view value);
  bool IsLegalRequestPseudo(Pseudo which, std::string_view value);
  bool IsLegalRegular(std::string_view name, std::string_view value);
  bool IsAllowedRegular(std::string_view name, std::string_view value);
  bool IsLegalContentLength(std::string_view value);
  bool IsCompleteRequest() const;

  const Limits limits_;
  HeaderList list_;
  BlockKind kind_ = BlockKind::kIgnored;
  uint8_t pseudo_seen_ = 0;
  bool is_regular_seen_ = false;
  bool is_malformed_ = false;
  bool is_too_large_ = false;
  bool is_connect_ = false;
  bool is_head_ = false;
  bool is_web_scheme_ = false;
  bool is_path_rooted_ = false;
  int status_ = 0;
  int64_t content_length_ = -1;
  uint64_t decoded_bytes_ = 0;
};

}  // namespace weir::http2

#endif  // WEIR_ROUTER_HTTP2_HEADER_RULES_H_
