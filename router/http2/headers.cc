#include "router/http2/headers.h"

#include <algorithm>

namespace weir::http2 {
namespace {

// Most lists of gRPC fit.
constexpr size_t kFirstBytes = 512;
constexpr size_t kFirstEntries = 16;

}  // namespace

void HeaderList::Grow() {
  bytes_.resize(std::max({used_, 2 * bytes_.size(), kFirstBytes}));
  if (entries_.capacity() < kFirstEntries) entries_.reserve(kFirstEntries);
}

std::optional<std::string_view> HeaderList::Find(std::string_view name) const {
  for (const HeaderField field : *this) {
    if (field.name == name) return field.value;
  }
  return std::nullopt;
}

}  // namespace weir::http2
