// A list of header fields that owns its bytes in one piece.

#ifndef WEIR_ROUTER_HTTP2_HEADERS_H_
#define WEIR_ROUTER_HTTP2_HEADERS_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::http2 {

// Whether a field may enter the peer's HPACK table. What changes with every call (tickets, user ids, traceparent,
// grpc-timeout) must not, since it would evict what repeats; secrets (authorization, cookie) must not, since the table
// of an upstream connection is shared by many clients.
enum class Indexing : uint8_t { kAllowed, kNever };

// Valid while its list is neither changed nor destroyed.
struct HeaderField {
  std::string_view name;
  std::string_view value;
  Indexing indexing = Indexing::kAllowed;
};

// Fields in their order, duplicates kept, values byte for byte. One string and one vector, both reusable: `Clear` keeps
// their memory. Movable, which leaves it empty; a copy is deep.
class HeaderList {
 public:
  HeaderList() = default;
  HeaderList(const HeaderList&) = default;
  HeaderList& operator=(const HeaderList&) = default;
  HeaderList(HeaderList&& other) noexcept
      : bytes_(std::exchange(other.bytes_, {})),
        used_(std::exchange(other.used_, 0)),
        entries_(std::exchange(other.entries_, {})) {}
  HeaderList& operator=(HeaderList&& other) noexcept {
    bytes_.swap(other.bytes_);
    entries_.swap(other.entries_);
    used_ = std::exchange(other.used_, 0);
    other.entries_.clear();
    return *this;
  }

  void Add(std::string_view name, std::string_view value, Indexing indexing = Indexing::kAllowed) {
    const size_t offset = used_;
    used_ += name.size() + value.size();
    if (used_ > bytes_.size()) Grow();
    char* to = bytes_.data() + offset;
    if (!name.empty()) std::memcpy(to, name.data(), name.size());
    if (!value.empty()) std::memcpy(to + name.size(), value.data(), value.size());
    entries_.push_back({static_cast<uint32_t>(offset), static_cast<uint32_t>(name.size()),
                        static_cast<uint32_t>(value.size()), indexing});
  }
  void Clear() {
    used_ = 0;
    entries_.clear();
  }

  size_t size() const { return entries_.size(); }
  bool empty() const { return entries_.empty(); }
  // Sum over the fields of name, value and 32 bytes each (RFC 9113, 6.5.2).
  size_t list_size() const { return used_ + 32 * entries_.size(); }
  // Of all names and values alone.
  size_t bytes() const { return used_; }
  // Its value follows its name in memory.
  HeaderField operator[](size_t i) const {
    const Entry& entry = entries_[i];
    const char* name = bytes_.data() + entry.offset;
    return {{name, entry.name_size}, {name + entry.name_size, entry.value_size}, entry.indexing};
  }

  // The first field of that name.
  std::optional<std::string_view> Find(std::string_view name) const;

  class Iterator {
   public:
    Iterator(const HeaderList* list, size_t i) : list_(list), i_(i) {}
    HeaderField operator*() const { return (*list_)[i_]; }
    Iterator& operator++() { return ++i_, *this; }
    bool operator!=(const Iterator& other) const { return i_ != other.i_; }

   private:
    const HeaderList* list_;
    size_t i_;
  };
  Iterator begin() const { return {this, 0}; }
  Iterator end() const { return {this, size()}; }

 private:
  struct Entry {
    uint32_t offset;
    uint32_t name_size;
    uint32_t value_size;
    Indexing indexing;
  };
  void Grow();

  std::string bytes_;  // Its first `used_`; the rest is room.
  size_t used_ = 0;
  std::vector<Entry> entries_;
};

}  // namespace weir::http2

#endif  // WEIR_ROUTER_HTTP2_HEADERS_H_
