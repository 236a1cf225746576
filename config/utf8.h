// What is text: UTF-8, as the journal and every answer to a person need it.

#ifndef WEIR_CONFIG_UTF8_H_
#define WEIR_CONFIG_UTF8_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace weir::config {

// The length of the UTF-8 character that begins at `at`, 0 if there is none (overlong forms and surrogates are none).
size_t Utf8Length(std::string_view text, size_t at);

bool IsUtf8(std::string_view text);

// `text` where it is UTF-8; else with every byte beyond ASCII as "\xff".
std::string Readable(const std::string& text);

}  // namespace weir::config

#endif  // WEIR_CONFIG_UTF8_H_
