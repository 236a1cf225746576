#include "router/http2/header_rules.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace weir::http2 {
namespace {

constexpr size_t kFieldOverhead = 32;  // RFC 9113, 6.5.2.

constexpr std::array<bool, 256> NameCharacters() {
  std::array<bool, 256> legal{};
  for (int c = '0'; c <= '9'; ++c) legal[c] = true;
  for (int c = 'a'; c <= 'z'; ++c) legal[c] = true;
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) legal[static_cast<uint8_t>(c)] = true;
  return legal;
}
constexpr std::array<bool, 256> kNameCharacters = NameCharacters();

constexpr std::array<bool, 256> Base64Characters() {
  std::array<bool, 256> legal{};
  for (int c = '0'; c <= '9'; ++c) legal[c] = true;
  for (int c = 'a'; c <= 'z'; ++c) legal[c] = legal[c - 'a' + 'A'] = true;
  legal['+'] = legal['/'] = true;
  return legal;
}
constexpr std::array<bool, 256> kBase64Characters = Base64Characters();

constexpr uint64_t Repeat(uint8_t byte) { return 0x0101010101010101u * byte; }

// Calls `is_bad` on every 8 bytes of `text`, the last of them filled up with '~'.
template <typename IsBad>
bool NoneIs(std::string_view text, IsBad is_bad) {
  size_t i = 0;
  for (; i + 8 <= text.size(); i += 8) {
    uint64_t bytes;
    std::memcpy(&bytes, text.data() + i, 8);
    if (is_bad(bytes)) return false;
  }
  if (i == text.size()) return true;
  uint64_t rest = Repeat('~');
  std::memcpy(&rest, text.data() + i, text.size() - i);
  return !is_bad(rest);
}

// Whether one of the 8 bytes is a control character other than HTAB: below 0x20 and not 0x09, or 0x7f.
bool HasControl(uint64_t bytes) {
  const uint64_t high = Repeat(0x80);
  const uint64_t is_ascii = ~bytes & high;
  const uint64_t low7 = bytes & ~high;
  const uint64_t is_printable = low7 + Repeat(0x80 - 0x20);          // High bit: at least 0x20.
  const uint64_t is_not_tab = (low7 ^ Repeat(0x09)) + Repeat(0x7f);  // High bit: differs from HTAB.
  const uint64_t is_delete = low7 + Repeat(1);                       // High bit: 0x7f.
  return (((~is_printable & is_not_tab) | is_delete) & is_ascii) != 0;
}

// The same, or a space or HTAB: up to 0x20, or 0x7f.
bool HasControlOrSpace(uint64_t bytes) {
  const uint64_t high = Repeat(0x80);
  const uint64_t low7 = bytes & ~high;
  const uint64_t is_graphic = low7 + Repeat(0x80 - 0x21);  // High bit: at least 0x21.
  const uint64_t is_delete = low7 + Repeat(1);             // High bit: 0x7f.
  return ((~is_graphic | is_delete) & ~bytes & high) != 0;
}

bool IsBlank(char c) { return c == ' ' || c == '\t'; }

bool IsMethod(std::string_view value) {
  return !value.empty() && std::all_of(value.begin(), value.end(), [](char c) {
    return kNameCharacters[static_cast<uint8_t>(c)] || (c >= 'A' && c <= 'Z');
  });
}

// What a pseudo-header may be made of: no space, no control character.
bool IsGraphic(std::string_view value) { return NoneIs(value, HasControlOrSpace); }

}  // namespace

bool IsLegalName(std::string_view name) {
  if (name.empty()) return false;
  bool legal = true;
  for (const char c : name) legal &= kNameCharacters[static_cast<uint8_t>(c)];
  return legal;
}

bool HasLegalCharacters(std::string_view value) { return NoneIs(value, HasControl); }

bool IsLegalValue(std::string_view value) {
  return HasLegalCharacters(value) && (value.empty() || (!IsBlank(value.front()) && !IsBlank(value.back())));
}

bool IsBinaryValue(std::string_view value) {
  size_t padding = 0;  // Of the item that ends here.
  for (const char c : value) {
    if (c == ',' || c == ' ') {
      padding = 0;
    } else if (c == '=') {
      if (++padding > 2) return false;
    } else if (padding > 0 || !kBase64Characters[static_cast<uint8_t>(c)]) {
      return false;
    }
  }
  return true;
}

bool IsLegalField(std::string_view name, std::string_view value) {
  if (name.starts_with(':')) name.remove_prefix(1);
  return IsLegalName(name) && IsLegalValue(value);
}

void HeaderCollector::Begin(BlockKind kind) {
  list_.Clear();
  kind_ = kind;
  pseudo_seen_ = 0;
  is_regular_seen_ = is_malformed_ = is_too_large_ = is_connect_ = is_head_ = is_web_scheme_ = is_path_rooted_ = false;
  status_ = 0;
  content_length_ = -1;
  decoded_bytes_ = 0;
}

bool HeaderCollector::Add(std::string_view name, std::string_view value, Indexing indexing, bool is_legal) {
  decoded_bytes_ += name.size() + value.size() + kFieldOverhead;
  if (decoded_bytes_ > limits_.list_bytes || list_.size() == limits_.fields) [[unlikely]]
    is_too_large_ = true;
  if (decoded_bytes_ > limits_.decoded_bytes) [[unlikely]]
    return false;
  if (kind_ == BlockKind::kIgnored || is_too_large_ || is_malformed_) [[unlikely]]
    return true;
  if (!name.empty() && name.front() == ':') {
    is_malformed_ = !IsLegalPseudo(name, value);
  } else {
    is_regular_seen_ = true;
    is_malformed_ = !((is_legal || IsLegalRegular(name, value)) && IsAllowedRegular(name, value));
  }
  if (!is_malformed_) list_.Add(name, value, indexing);
  return true;
}

bool HeaderCollector::IsLegalPseudo(std::string_view name, std::string_view value) {
  if (is_regular_seen_ || kind_ == BlockKind::kTrailers) return false;
  const Pseudo which = PseudoOf(name);
  if (which == kNone || (pseudo_seen_ & which) != 0) return false;
  pseudo_seen_ |= which;
  if (kind_ == BlockKind::kRequest) return IsLegalRequestPseudo(which, value);
  if (which != kStatus || value.size() != 3) return false;
  for (const char c : value) {
    if (c < '0' || c > '9') return false;
    status_ = status_ * 10 + (c - '0');
  }
  return status_ >= 100 && status_ != 101;  // HTTP/2 has no 101 (RFC 9113, 8.6).
}

HeaderCollector::Pseudo HeaderCollector::PseudoOf(std::string_view name) {
  switch (name.size()) {
    case 5:
      return name == ":path" ? kPath : kNone;
    case 7:
      return name == ":method" ? kMethod : name == ":scheme" ? kScheme : name == ":status" ? kStatus : kNone;
    case 10:
      return name == ":authority" ? kAuthority : kNone;
    default:
      return kNone;
  }
}

bool HeaderCollector::IsLegalRequestPseudo(Pseudo which, std::string_view value) {
  switch (which) {
    case kMethod:
      is_connect_ = value == "CONNECT";
      is_head_ = value == "HEAD";
      is_path_rooted_ |= value == "OPTIONS";
      return IsMethod(value);
    case kScheme:
      is_web_scheme_ = value == "http" || value == "https";
      return !value.empty() && IsGraphic(value);
    case kPath:
      is_path_rooted_ = value.starts_with('/') || value == "*";
      return !value.empty() && IsGraphic(value);
    case kAuthority:
      return IsGraphic(value);
    default:
      return false;
  }
}

bool HeaderCollector::IsLegalRegular(std::string_view name, std::string_view value) {
  if (!IsLegalName(name) || !HasLegalCharacters(value)) return false;
  if (value.empty() || (!IsBlank(value.front()) && !IsBlank(value.back()))) return true;
  // gRPC's percent-encoding leaves spaces bare, so real servers send messages that end with one. It goes through: a
  // call's status is worth more than this rule, and a space harms no HTTP/2 or gRPC peer.
  return name == "grpc-message";
}

// Nothing that belongs to one HTTP/1 connection (RFC 9113, 8.2.2), a content-length that is a length, and binary
// metadata of a request that a gRPC server can decode: many end the whole connection over one that they cannot.
bool HeaderCollector::IsAllowedRegular(std::string_view name, std::string_view value) {
  if (name.ends_with("-bin") && kind_ == BlockKind::kRequest && !IsBinaryValue(value)) return false;
  switch (name.size()) {
    case 2:
      return name != "te" || value == "trailers";
    case 7:
      return name != "upgrade";
    case 10:
      return name != "connection" && name != "keep-alive";
    case 14:
      return name != "content-length" || IsLegalContentLength(value);
    case 16:
      return name != "proxy-connection";
    case 17:
      return name != "transfer-encoding";
    default:
      return true;
  }
}

bool HeaderCollector::IsLegalContentLength(std::string_view value) {
  constexpr size_t kMaxDigits = 18;  // Fits int64_t, and no body is that long.
  if (value.empty() || value.size() > kMaxDigits) return false;
  int64_t length = 0;
  for (const char c : value) {
    if (c < '0' || c > '9') return false;
    length = length * 10 + (c - '0');
  }
  if (content_length_ >= 0 && content_length_ != length) return false;
  content_length_ = length;
  return true;
}

bool HeaderCollector::IsCompleteRequest() const {
  if (is_connect_) return pseudo_seen_ == (kMethod | kAuthority);
  constexpr uint8_t kRequired = kMethod | kScheme | kPath;
  return (pseudo_seen_ & kRequired) == kRequired && (is_path_rooted_ || !is_web_scheme_);
}

HeaderCollector::Verdict HeaderCollector::Finish() {
  if (is_too_large_) return Verdict::kTooLarge;
  if (is_malformed_) return Verdict::kMalformed;
  if (kind_ == BlockKind::kRequest && !IsCompleteRequest()) return Verdict::kMalformed;
  if (kind_ == BlockKind::kResponse && status_ == 0) return Verdict::kMalformed;
  return Verdict::kValid;
}

}  // namespace weir::http2
