#include "router/dataplane/parameter_scan.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <variant>

#include "router/runtime/check.h"

namespace weir::dataplane {
namespace {

using State = ParameterScan::State;

constexpr size_t kPrefixBytes = 5;  // Flags, and the message's length in four bytes, big-endian.
constexpr size_t kMostNames = config::limits::kScannedParameters;

enum WireType : uint32_t { kVarint = 0, kFixed64 = 1, kLength = 2, kFixed32 = 5 };

// Of ModelInferRequest, of an entry of its map, and of InferParameter.
constexpr uint32_t kParameters = 4;
constexpr uint32_t kEntryKey = 1, kEntryValue = 2;
constexpr uint32_t kBool = 1, kInt64 = 2, kString = 3, kDouble = 4, kUint64 = 5;

// What a parameter says; monostate: nothing that names or says yes.
using Value = std::variant<std::monostate, bool, int64_t, uint64_t, std::string_view>;

enum class Read : uint8_t { kOk, kShort, kMalformed };

// As protobuf reads them: at most ten bytes, of which 64 bits count.
Read ReadVarint(std::string_view& bytes, uint64_t& value) {
  value = 0;
  for (size_t i = 0; i < 10; ++i) {
    if (i == bytes.size()) return Read::kShort;
    const auto byte = static_cast<uint8_t>(bytes[i]);
    value |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
    if (byte < 0x80) return bytes.remove_prefix(i + 1), Read::kOk;
  }
  return Read::kMalformed;
}

// A field up to its payload.
struct FieldHead {
  uint32_t number = 0;
  uint32_t type = 0;
  uint64_t varint = 0;         // Of kVarint.
  uint64_t payload_bytes = 0;  // That follow; 0 of kVarint.
};

// Takes it off the front of `bytes`.
Read ReadHead(std::string_view& bytes, FieldHead& head) {
  uint64_t tag = 0;
  if (const Read read = ReadVarint(bytes, tag); read != Read::kOk) return read;
  if (tag > UINT32_MAX || tag < 8) return Read::kMalformed;
  head = {static_cast<uint32_t>(tag >> 3), static_cast<uint32_t>(tag & 7)};
  switch (head.type) {
    case kVarint:
      return ReadVarint(bytes, head.varint);
    case kLength:
      return ReadVarint(bytes, head.payload_bytes);
    case kFixed64:
      head.payload_bytes = 8;
      return Read::kOk;
    case kFixed32:
      head.payload_bytes = 4;
      return Read::kOk;
    default:  // Groups, which no version of the protocol has, and what is no type.
      return Read::kMalformed;
  }
}

// One scan of one body.
class Scanner {
 public:
  Scanner(std::string_view body, bool is_ended, std::span<const std::string> names)
      : body_(body.substr(0, config::limits::kScannedBodyBytes)),
        is_ended_(is_ended && body_.size() == body.size()),
        names_(names) {
    WEIR_CHECK(names.size() <= kMostNames);
  }

  ParameterScan Scan() {
    ParameterScan scan;
    scan.state = ReadMessage();
    if (scan.state == State::kNeedsMore && is_ended_) scan.state = State::kUnreadable;
    scan.needed_bytes = needed_;
    if (scan.state != State::kRead) return scan;
    for (size_t i = 0; i < names_.size(); ++i) {
      std::visit([&](const auto& value) { Add(names_[i], value, scan); }, values_[i]);
    }
    return scan;
  }

 private:
  static void Add(std::string_view, std::monostate, ParameterScan&) {}
  template <typename T>
  static void Add(std::string_view name, const T& value, ParameterScan& scan) {
    scan.found.push_back({name, value});
  }

  State ReadMessage() {
    if (body_.empty() && is_ended_) return State::kRead;                  // No message has no parameters.
    if (!body_.empty() && body_.front() != 0) return State::kUnreadable;  // Compressed, or no gRPC.
    if (body_.size() < kPrefixBytes) return Need(body_.empty() ? 1 : kPrefixBytes, State::kUnreadable);
    uint64_t length = 0;
    for (size_t i = 1; i < kPrefixBytes; ++i) length = length << 8 | static_cast<uint8_t>(body_[i]);
    return ReadFields(kPrefixBytes, kPrefixBytes + length);
  }

  // Of the message that ends at `end`, as far as it is here.
  State ReadFields(uint64_t at, uint64_t end) {
    while (at < end) {
      if (at >= config::limits::kScannedBodyBytes) return State::kRead;
      if (++fields_ > config::limits::kScannedFields) return State::kUnreadable;
      std::string_view rest = body_.substr(std::min<uint64_t>(at, body_.size()), end - at);
      const bool is_whole = at + rest.size() == end;
      const size_t before = rest.size();
      FieldHead head;
      const Read read = ReadHead(rest, head);
      if (read == Read::kMalformed) return State::kUnreadable;
      if (read == Read::kShort)
        return is_whole ? State::kUnreadable : Need(std::max<uint64_t>(at, body_.size()) + 1, State::kRead);
      at += before - rest.size();
      if (head.payload_bytes > end - at) return State::kUnreadable;
      if (head.number == kParameters && head.type == kLength) {
        if (rest.size() < head.payload_bytes) return Need(at + head.payload_bytes, State::kUnreadable);
        if (!ReadEntry(rest.substr(0, head.payload_bytes))) return State::kUnreadable;
      }
      at += head.payload_bytes;
    }
    return State::kRead;
  }

  // The answer depends on the body's first `bytes`, which are not all here. Beyond the bound: `at_bound`.
  State Need(uint64_t bytes, State at_bound) {
    if (bytes > config::limits::kScannedBodyBytes) return at_bound;
    needed_ = bytes;
    return State::kNeedsMore;
  }

  // Calls `use` with each field of a whole message, and its payload. False: it is none.
  template <typename Use>
  bool ForFields(std::string_view message, const Use& use) {
    while (!message.empty()) {
      FieldHead head;
      if (++fields_ > config::limits::kScannedFields || ReadHead(message, head) != Read::kOk) return false;
      if (head.payload_bytes > message.size()) return false;
      if (!use(head, message.substr(0, head.payload_bytes))) return false;
      message.remove_prefix(head.payload_bytes);
    }
    return true;
  }

  bool ReadEntry(std::string_view entry) {
    std::string_view key;
    Value value;
    const bool is_entry = ForFields(entry, [&](const FieldHead& head, std::string_view payload) {
      if (head.type != kLength) return true;
      if (head.number == kEntryKey) key = payload;
      return head.number != kEntryValue || ReadValue(payload, value);
    });
    if (!is_entry) return false;
    const auto name = std::find(names_.begin(), names_.end(), key);
    if (name != names_.end()) values_[static_cast<size_t>(name - names_.begin())] = value;
    return true;
  }

  // The last choice that is there; what is none leaves `value` as it was.
  bool ReadValue(std::string_view message, Value& value) {
    return ForFields(message, [&](const FieldHead& head, std::string_view payload) {
      if (head.number == kBool && head.type == kVarint) value = head.varint != 0;
      if (head.number == kInt64 && head.type == kVarint) value = static_cast<int64_t>(head.varint);
      if (head.number == kUint64 && head.type == kVarint) value = head.varint;
      if (head.number == kString && head.type == kLength) value = payload;
      if (head.number == kDouble && head.type == kFixed64) value = std::monostate();
      return true;
    });
  }

  const std::string_view body_;
  const bool is_ended_;
  const std::span<const std::string> names_;
  std::array<Value, kMostNames> values_;
  size_t fields_ = 0;
  size_t needed_ = 0;
};

}  // namespace

ParameterScan ScanParameters(std::string_view body, bool is_ended, std::span<const std::string> names) {
  return Scanner(body, is_ended, names).Scan();
}

}  // namespace weir::dataplane
