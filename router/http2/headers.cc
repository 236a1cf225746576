#include "router/http2/headers.h"

namespace weir::http2 {

void HeaderList::Add(std::string_view name, std::string_view value, Indexing indexing) {
  entries_.push_back({static_cast<uint32_t>(bytes_.size()), static_cast<uint32_t>(name.size()),
                      static_cast<uint32_t>(value.size()), indexing});
  bytes_.append(name);
  bytes_.append(value);
}

void HeaderList::Clear() {
  bytes_.clear();
  entries_.clear();
}

HeaderField HeaderList::operator[](size_t i) const {
  const Entry& entry = entries_[i];
  const char* name = bytes_.data() + entry.offset;
  return {{name, entry.name_size}, {name + entry.name_size, entry.value_size}, entry.indexing};
}

std::optional<std::string_view> HeaderList::Find(std::string_view name) const {
  for (const HeaderField field : *this) {
    if (field.name == name) return field.value;
  }
  return std::nullopt;
}

}  // namespace weir::http2
