#include "router/http2/hpack.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>

#include "router/http2/huffman.h"

namespace weir::http2 {
namespace {

// Representations (RFC 7541, section 6): the first bits, and the bits of the integer that follows them.
constexpr uint8_t kIndexed = 0x80;
constexpr int kIndexedBits = 7;
constexpr uint8_t kWithIndexing = 0x40;
constexpr int kWithIndexingBits = 6;
constexpr uint8_t kTableSize = 0x20;
constexpr int kTableSizeBits = 5;
constexpr uint8_t kNeverIndexed = 0x10;
constexpr uint8_t kNotIndexed = 0x00;
constexpr int kNotIndexedBits = 4;
constexpr uint8_t kHuffman = 0x80;
constexpr int kStringBits = 7;

// The static table's index of ":path" (appendix A).
constexpr uint8_t kStaticPath = 4;

// An encoded field beside its name and value: its first byte and two lengths.
constexpr size_t kFieldBound = 16;
// Updates of the table's size, before the first field.
constexpr size_t kBlockBound = 32;

// Longer strings than this are no header fields; it keeps the integers below from overflowing.
constexpr uint64_t kMaxInteger = 1 << 24;

std::string_view View(const uint8_t* data, size_t size) { return {reinterpret_cast<const char*>(data), size}; }

// Reads the representations of one block, front to back.
class Cursor {
 public:
  explicit Cursor(std::string_view block)
      : at_(reinterpret_cast<const uint8_t*>(block.data())), end_(at_ + block.size()) {}
  const uint8_t* at() const { return at_; }
  bool is_at_end() const { return at_ == end_; }

  // An integer with a prefix of `bits` (5.1), and what is before the prefix skipped.
  std::optional<uint32_t> Integer(int bits) {
    if (at_ == end_) return std::nullopt;
    const uint32_t mask = (1u << bits) - 1;
    uint64_t value = *at_++ & mask;
    if (value < mask) return value;
    for (int shift = 0; at_ < end_ && value < kMaxInteger; shift += 7) {
      const uint8_t byte = *at_++;
      value += uint64_t{byte & 0x7fu} << shift;
      if ((byte & 0x80) == 0) return value < kMaxInteger ? std::optional<uint32_t>(value) : std::nullopt;
      if (shift > 21) break;
    }
    return std::nullopt;
  }

  struct String {
    std::string_view bytes;
    bool is_huffman;
  };
  std::optional<String> Text() {
    if (at_ == end_) return std::nullopt;
    const bool is_huffman = (*at_ & kHuffman) != 0;
    const std::optional<uint32_t> size = Integer(kStringBits);
    if (!size || *size > static_cast<size_t>(end_ - at_)) return std::nullopt;
    at_ += *size;
    return String{View(at_ - *size, *size), is_huffman};
  }

 private:
  const uint8_t* at_;
  const uint8_t* const end_;
};

// The text of a string; `buffer` holds it if it was encoded.
std::optional<std::string_view> Decoded(const Cursor::String& text, std::string& buffer) {
  if (!text.is_huffman) return text.bytes;
  if (buffer.size() < HuffmanBound(text.bytes.size())) buffer.resize(HuffmanBound(text.bytes.size()));
  const std::optional<size_t> size = DecodeHuffman(text.bytes, buffer.data());
  if (!size) return std::nullopt;
  return std::string_view(buffer).substr(0, *size);
}

}  // namespace

bool IsNeverIndexed(std::string_view name) {
  switch (name.size()) {
    case 6:
      return name == "cookie";
    case 7:
      return name == "baggage";
    case 9:
      return name == "x-api-key";
    case 10:
      return name == "tracestate" || name == "set-cookie";
    case 11:
      return name == "traceparent" || name == "x-b3-spanid";
    case 12:
      return name == "grpc-timeout" || name == "x-request-id" || name == "x-b3-traceid";
    case 13:
      return name == "authorization" || name == "x-weir-ticket";
    case 14:
      return name == "grpc-trace-bin";
    case 16:
      return name == "x-correlation-id";
    case 19:
      return name == "proxy-authorization";
    default:
      return false;
  }
}

// --- Decoder.

struct HpackDecoder::State {
  ~State() { nghttp2_hd_inflate_del(inflater); }

  Result Field(Cursor& cursor, HeaderCollector& collector);
  Result Reference(Cursor& cursor, HeaderCollector& collector);
  Result Literal(Cursor& cursor, HeaderCollector& collector);
  Result ChangeTable(Cursor& cursor, HeaderCollector& collector);
  std::optional<std::string_view> Path(const Cursor::String& text);
  Result Inflate(const uint8_t* from, const uint8_t* to, int fields, HeaderCollector& collector);

  nghttp2_hd_inflater* inflater = nullptr;
  bool is_field_seen = false;  // In this block.
  // No field with illegal characters has ever entered the table: a reference to it need not be checked.
  bool is_table_legal = true;
  std::string name_buffer;
  std::string value_buffer;

  // Paths as they came and decoded: clients call the same few methods over and over, and many never index them.
  struct KnownPath {
    std::string encoded;
    std::string decoded;
  };
  static constexpr size_t kKnownPaths = 8;
  static constexpr size_t kMaxKnownPathBytes = 128;
  std::array<KnownPath, kKnownPaths> known_paths;
};

HpackDecoder::HpackDecoder() : state_(std::make_unique<State>()) {
  if (nghttp2_hd_inflate_new(&state_->inflater) != 0) std::abort();  // Out of memory.
}

HpackDecoder::~HpackDecoder() = default;

HpackDecoder::Result HpackDecoder::Decode(std::string_view block, HeaderCollector& collector) {
  state_->is_field_seen = false;
  Cursor cursor(block);
  Result result = Result::kOk;
  while (result == Result::kOk && !cursor.is_at_end()) result = state_->Field(cursor, collector);
  nghttp2_hd_inflate_end_headers(state_->inflater);
  return result;
}

HpackDecoder::Result HpackDecoder::State::Field(Cursor& cursor, HeaderCollector& collector) {
  const uint8_t first = *cursor.at();
  if ((first & kIndexed) != 0) return Reference(cursor, collector);
  if ((first & (kWithIndexing | kTableSize)) != 0) return ChangeTable(cursor, collector);
  return Literal(cursor, collector);
}

HpackDecoder::Result HpackDecoder::State::Reference(Cursor& cursor, HeaderCollector& collector) {
  is_field_seen = true;
  const std::optional<uint32_t> index = cursor.Integer(kIndexedBits);
  const nghttp2_nv* entry = index ? nghttp2_hd_inflate_get_table_entry(inflater, *index) : nullptr;
  if (entry == nullptr) return Result::kCompressionError;
  const bool goes_on = collector.Add(View(entry->name, entry->namelen), View(entry->value, entry->valuelen),
                                     Indexing::kAllowed, is_table_legal);
  return goes_on ? Result::kOk : Result::kTooMuch;
}

// A literal that leaves the table as it is.
HpackDecoder::Result HpackDecoder::State::Literal(Cursor& cursor, HeaderCollector& collector) {
  is_field_seen = true;
  const bool is_never = (*cursor.at() & kNeverIndexed) != 0;
  const std::optional<uint32_t> index = cursor.Integer(kNotIndexedBits);
  if (!index) return Result::kCompressionError;
  std::optional<std::string_view> name;
  if (*index != 0) {
    const nghttp2_nv* entry = nghttp2_hd_inflate_get_table_entry(inflater, *index);
    if (entry != nullptr) name = View(entry->name, entry->namelen);
  } else if (const std::optional<Cursor::String> text = cursor.Text()) {
    name = Decoded(*text, name_buffer);
  }
  if (!name) return Result::kCompressionError;
  const std::optional<Cursor::String> text = cursor.Text();
  if (!text) return Result::kCompressionError;
  const std::optional<std::string_view> value = *index == kStaticPath ? Path(*text) : Decoded(*text, value_buffer);
  if (!value) return Result::kCompressionError;
  return collector.Add(*name, *value, is_never ? Indexing::kNever : Indexing::kAllowed) ? Result::kOk
                                                                                        : Result::kTooMuch;
}

std::optional<std::string_view> HpackDecoder::State::Path(const Cursor::String& text) {
  if (!text.is_huffman || text.bytes.empty() || text.bytes.size() > kMaxKnownPathBytes)
    return Decoded(text, value_buffer);
  KnownPath& known = known_paths[(text.bytes.size() + static_cast<uint8_t>(text.bytes.back())) % kKnownPaths];
  if (known.encoded == text.bytes) return known.decoded;
  const std::optional<std::string_view> decoded = Decoded(text, value_buffer);
  if (decoded) known = {std::string(text.bytes), std::string(*decoded)};
  return decoded;
}

// A literal that enters the table, or an update of its size: the library's own.
HpackDecoder::Result HpackDecoder::State::ChangeTable(Cursor& cursor, HeaderCollector& collector) {
  const uint8_t* const from = cursor.at();
  if ((*from & kWithIndexing) == 0) {
    // Only before the first field (4.2). The library cannot tell: it has not seen the fields that were decoded here.
    if (is_field_seen || !cursor.Integer(kTableSizeBits)) return Result::kCompressionError;
    return Inflate(from, cursor.at(), 0, collector);
  }
  is_field_seen = true;
  const std::optional<uint32_t> index = cursor.Integer(kWithIndexingBits);
  if (!index || (*index == 0 && !cursor.Text()) || !cursor.Text()) return Result::kCompressionError;
  return Inflate(from, cursor.at(), 1, collector);
}

// Hands one representation to the library, which must find `fields` fields in it: if it saw other bounds than we did, the
// two would be out of step from here on.
HpackDecoder::Result HpackDecoder::State::Inflate(const uint8_t* from, const uint8_t* to, int fields,
                                                  HeaderCollector& collector) {
  while (from < to) {
    nghttp2_nv field;
    int flags = 0;
    const ssize_t used = nghttp2_hd_inflate_hd2(inflater, &field, &flags, from, static_cast<size_t>(to - from), 0);
    if (used < 0) return Result::kCompressionError;
    from += used;
    if ((flags & NGHTTP2_HD_INFLATE_EMIT) == 0) {
      if (used == 0) return Result::kCompressionError;
      continue;
    }
    --fields;
    const std::string_view name = View(field.name, field.namelen);
    const std::string_view value = View(field.value, field.valuelen);
    const bool is_legal = IsLegalField(name, value);
    is_table_legal &= is_legal;
    if (!collector.Add(name, value, Indexing::kAllowed, is_legal)) return Result::kTooMuch;
  }
  return fields == 0 ? Result::kOk : Result::kCompressionError;
}

// --- Encoder.

namespace {

uint8_t* WriteInteger(uint8_t first, int bits, size_t value, uint8_t* to) {
  const size_t mask = (size_t{1} << bits) - 1;
  if (value < mask) {
    *to++ = static_cast<uint8_t>(first | value);
    return to;
  }
  *to++ = static_cast<uint8_t>(first | mask);
  for (value -= mask; value >= 0x80; value >>= 7) *to++ = static_cast<uint8_t>(value | 0x80);
  *to++ = static_cast<uint8_t>(value);
  return to;
}

// Plain, without Huffman's code: a fifth longer, but copied instead of computed, here and at the peer.
uint8_t* WriteText(std::string_view text, uint8_t* to) {
  to = WriteInteger(0, kStringBits, text.size(), to);
  std::memcpy(to, text.data(), text.size());
  return to + text.size();
}

// The index in the static table (appendix A) of a field that is there whole, or 0.
uint8_t StaticIndex(std::string_view name, std::string_view value) {
  if (name == ":status") return value == "200" ? 8 : 0;
  if (name == ":method") return value == "POST" ? 3 : value == "GET" ? 2 : 0;
  if (name == ":scheme") return value == "http" ? 6 : value == "https" ? 7 : 0;
  return 0;
}

// A request's path differs between few calls, but there may be many of them, and the library never indexes it either.
bool IsPath(std::string_view name) { return name == ":path"; }

}  // namespace

struct HpackEncoder::State {
  ~State() { nghttp2_hd_deflate_del(deflater); }

  uint8_t* Field(const HeaderField& field, uint8_t* to);
  uint8_t* Deflate(const HeaderField& field, uint8_t flags, uint8_t* to);

  // References into the table that the library gave for fields it has indexed. They hold until it indexes another one.
  struct Known {
    uint64_t version = 0;
    size_t name_size = 0;
    std::string field;  // Name and value.
    uint8_t reference[4];
    uint8_t reference_size = 0;
  };
  static constexpr size_t kKnown = 32;
  static constexpr size_t kMaxKnownBytes = 256;
  Known& KnownFor(const HeaderField& field) {
    // The last byte of the name, or of the value that follows it, tells fields of the same sizes apart.
    const size_t bytes = field.name.size() + field.value.size();
    return known[(field.name.size() * 7 + bytes * 3 + static_cast<uint8_t>(field.name.data()[bytes - 1])) % kKnown];
  }

  nghttp2_hd_deflater* deflater = nullptr;
  uint32_t max_table_bytes = 0;
  bool is_table_resized = false;  // The library must write the next block's first field: the update comes before it.
  uint64_t version = 1;           // Of the table.
  std::array<Known, kKnown> known;
};

HpackEncoder::HpackEncoder(uint32_t max_table_bytes) : state_(std::make_unique<State>()) {
  state_->max_table_bytes = max_table_bytes;
  state_->is_table_resized = max_table_bytes != NGHTTP2_DEFAULT_HEADER_TABLE_SIZE;
  if (nghttp2_hd_deflate_new(&state_->deflater, max_table_bytes) != 0) std::abort();  // Out of memory.
}

HpackEncoder::~HpackEncoder() = default;

void HpackEncoder::SetTableBytes(uint32_t bytes) {
  nghttp2_hd_deflate_change_table_size(state_->deflater, std::min(bytes, state_->max_table_bytes));
  state_->is_table_resized = true;
  ++state_->version;
}

size_t HpackEncoder::Bound(const HeaderList& list) { return kBlockBound + list.bytes() + kFieldBound * list.size(); }

size_t HpackEncoder::Encode(const HeaderList& list, uint8_t* to) {
  uint8_t* at = to;
  for (const HeaderField field : list) at = state_->Field(field, at);
  return static_cast<size_t>(at - to);
}

uint8_t* HpackEncoder::State::Field(const HeaderField& field, uint8_t* to) {
  if (field.name.empty()) std::abort();  // No peer would take it: a bug of the owner.
  const bool is_never = field.indexing == Indexing::kNever || IsNeverIndexed(field.name);
  if (is_table_resized) {
    is_table_resized = false;
    return Deflate(field, is_never ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE, to);
  }
  if (is_never) {
    *to++ = kNeverIndexed;
    return WriteText(field.value, WriteText(field.name, to));
  }
  if (field.name.front() == ':') {
    if (const uint8_t index = StaticIndex(field.name, field.value)) {
      *to++ = kIndexed | index;
      return to;
    }
    if (IsPath(field.name)) return WriteText(field.value, WriteInteger(kNotIndexed, kNotIndexedBits, kStaticPath, to));
  }
  const Known& known = KnownFor(field);
  if (known.version == version && known.name_size == field.name.size() &&
      known.field.size() == field.name.size() + field.value.size() &&
      std::memcmp(known.field.data(), field.name.data(), known.field.size()) == 0) {
    std::memcpy(to, known.reference, known.reference_size);
    return to + known.reference_size;
  }
  return Deflate(field, NGHTTP2_NV_FLAG_NONE, to);
}

uint8_t* HpackEncoder::State::Deflate(const HeaderField& field, uint8_t flags, uint8_t* to) {
  nghttp2_nv nv = {reinterpret_cast<uint8_t*>(const_cast<char*>(field.name.data())),
                   reinterpret_cast<uint8_t*>(const_cast<char*>(field.value.data())), field.name.size(),
                   field.value.size(), flags};
  const size_t bound = kBlockBound + field.name.size() + field.value.size() + kFieldBound;
  const ssize_t size = nghttp2_hd_deflate_hd(deflater, to, bound, &nv, 1);
  if (size <= 0) std::abort();  // The bound is wrong, or memory ran out.
  if ((*to & kIndexed) == 0) {
    // It may have entered the table, whose other entries are then one further back.
    if ((*to & kWithIndexing) != 0 || (*to & kTableSize) != 0) ++version;
  } else if (const size_t bytes = field.name.size() + field.value.size();
             bytes <= kMaxKnownBytes && static_cast<size_t>(size) <= sizeof(Known::reference)) {
    Known& known = KnownFor(field);
    known.version = version;
    known.name_size = field.name.size();
    known.field.assign(field.name.data(), bytes);
    known.reference_size = static_cast<uint8_t>(size);
    std::memcpy(known.reference, to, static_cast<size_t>(size));
  }
  return to + size;
}

}  // namespace weir::http2
