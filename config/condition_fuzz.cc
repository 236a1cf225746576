// Whatever the bytes: no crash; an error that names a column within the text; else a value that is the same the second
// time, and known wherever every name is known and no number is divided or overflows.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "absl/strings/numbers.h"
#include "config/condition.h"
#include "config/limits.h"

namespace weir::config {
namespace {

void Expect(bool holds) {
  if (!holds) std::abort();
}

void ExpectColumn(std::string message, const std::string& text) {
  constexpr char kBegin[] = "column ";
  Expect(message.rfind(kBegin, 0) == 0 && message.find('\n') == std::string::npos);
  const size_t colon = message.find(':');
  size_t column = 0;
  Expect(colon != std::string::npos && absl::SimpleAtoi(message.substr(sizeof(kBegin) - 1, colon - 7), &column));
  Expect(column >= 1 && column <= text.size() + 1);
}

void Check(const std::string& text) {
  const absl::StatusOr<Condition> condition = Condition::Parse(text);
  if (!condition.ok()) return ExpectColumn(std::string(condition.status().message()), text);
  Expect(text.size() <= limits::kConditionBytes && condition->text() == text);
  const auto one = [&](const std::string& name) {
    Expect(condition->names().count(name) == 1);
    return std::optional<double>(1);
  };
  const std::optional<bool> value = condition->Evaluate(one);
  Expect(value == condition->Evaluate(one));
  if (text.find_first_of("*/eE") == std::string::npos && text.size() < 200) Expect(value.has_value());
  condition->Evaluate([](const std::string&) { return std::nullopt; });
}

}  // namespace
}  // namespace weir::config

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  weir::config::Check(std::string(reinterpret_cast<const char*>(data), size));
  return 0;
}
