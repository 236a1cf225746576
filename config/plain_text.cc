#include "config/plain_text.h"

#include <cstdint>

#include "config/utf8.h"

namespace weir::config {

bool IsControlCharacter(std::string_view text, size_t at) {
  const uint8_t lead = static_cast<uint8_t>(text[at]);
  if (lead == 0xc2 && at + 1 < text.size()) {
    const uint8_t second = static_cast<uint8_t>(text[at + 1]);
    return second >= 0x80 && second <= 0x9f;
  }
  return lead < 0x20 || lead == 0x7f;
}

std::string_view Beginning(std::string_view text, size_t bytes) {
  if (text.size() <= bytes) return text;
  while (bytes > 0 && (static_cast<uint8_t>(text[bytes]) & 0xc0) == 0x80) --bytes;
  return text.substr(0, bytes);
}

bool IsPlainText(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const size_t length = Utf8Length(text, i);
    if (length == 0 || IsControlCharacter(text, i)) return false;
    i += length;
  }
  return true;
}

std::string ToPlainText(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const size_t length = Utf8Length(text, i);
    if (length == 0) {
      plain += '?';
      ++i;
      continue;
    }
    if (IsControlCharacter(text, i)) {
      plain += ' ';
    } else {
      plain += text.substr(i, length);
    }
    i += length;
  }
  return plain;
}

}  // namespace weir::config
