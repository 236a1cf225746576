// Text that somebody else wrote, before it is kept, sent or shown: a message of protocol buffers with one byte that is
// no UTF-8 cannot be read at all, and a control character forges lines or commands a terminal. Pure.

#ifndef WEIR_CONFIG_PLAIN_TEXT_H_
#define WEIR_CONFIG_PLAIN_TEXT_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace weir::config {

// Whether the character that begins at `at` is one of C0 (line ends and tabs too), DEL, or C1 (U+0080 to U+009F).
bool IsControlCharacter(std::string_view text, size_t at);

// The longest beginning of at most `bytes` bytes that cuts no character.
std::string_view Beginning(std::string_view text, size_t bytes);

// Whether it is UTF-8 without control characters: one line, that does nothing but stand there.
bool IsPlainText(std::string_view text);

// The text as such: a space for each control character, '?' for each byte that is no UTF-8. Never longer than it was.
std::string ToPlainText(std::string_view text);

}  // namespace weir::config

#endif  // WEIR_CONFIG_PLAIN_TEXT_H_
