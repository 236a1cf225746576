// Whatever the bytes: no crash, a value exactly when there is no error, and errors that lie within the text and are in
// order.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "config/load.h"
#include "config/parse.h"

namespace weir::config {
namespace {

void Expect(bool holds) {
  if (!holds) std::abort();
}

void ExpectSound(const std::vector<ConfigError>& errors, const std::string& text) {
  const auto lines = 1 + std::count(text.begin(), text.end(), '\n') + std::count(text.begin(), text.end(), '\r');
  Expect(std::is_sorted(errors.begin(), errors.end()));
  for (const ConfigError& error : errors) {
    Expect(error.line >= 0 && error.line <= lines + 1 && error.column >= 0 && !error.message.empty());
    Expect(error.ToString().find('\n') == std::string::npos);
  }
}

template <typename Parse>
void Check(const std::string& text, Parse parse) {
  const auto parsed = parse(text, "f");
  Expect(parsed.value.has_value() == parsed.errors.empty());
  ExpectSound(parsed.errors, text);
  ExpectSound(parsed.warnings, text);
}

}  // namespace
}  // namespace weir::config

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  weir::config::Check(text, weir::config::ParseProxy);
  weir::config::Check(text, weir::config::ParseExperiments);
  // The same text as the proxy's file and as an experiment's.
  const weir::config::Loaded loaded =
      weir::config::Load("p.yaml", weir::config::MemoryFiles({{"p.yaml", text}, {"experiments/e.yaml", text}}));
  weir::config::Expect(loaded.config.has_value() == loaded.errors.empty());
  return 0;
}
