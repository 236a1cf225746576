// Whatever the bytes: no crash, each line of output is JSON with a result or an error, and the end says whether one was
// an error.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <sstream>
#include <string>

#include "router/cli/calculator/calc_command.h"
#include "router/runtime/json.h"

namespace weir::cli {
namespace {

void Expect(bool holds) {
  if (!holds) std::abort();
}

void Check(const std::string& text) {
  std::istringstream in(text);
  std::ostringstream out;
  const bool is_ok = RunCalc({}, in, out);
  bool has_error = false;
  std::istringstream lines(out.str());
  for (std::string line; std::getline(lines, line);) {
    const auto answer = runtime::ParseJson(line);
    Expect(answer.ok() && answer->Find("id") != nullptr);
    Expect((answer->Find("result") == nullptr) != (answer->Find("error") == nullptr));
    has_error = has_error || answer->Find("error") != nullptr;
  }
  Expect(is_ok != has_error);
}

}  // namespace
}  // namespace weir::cli

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  weir::cli::Check(std::string(reinterpret_cast<const char*>(data), size));
  return 0;
}
