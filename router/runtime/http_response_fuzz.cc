// Whatever the bytes: no crash, never beyond the limits, and the same in two pieces as in one.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "router/runtime/http_response.h"

namespace weir::runtime {
namespace {

constexpr HttpLimits kLimits{.head_bytes = 512, .body_bytes = 64};

void Expect(bool holds) {
  if (!holds) std::abort();
}

std::string Read(std::string_view first, std::string_view second) {
  HttpResponseReader reader(kLimits);
  absl::Status status = reader.Read(first);
  if (status.ok()) status = reader.Read(second);
  if (status.ok()) status = reader.Close();
  Expect(reader.response().body.size() <= kLimits.body_bytes);
  if (!status.ok()) return "";
  Expect(reader.is_whole() && reader.response().status >= 200 && reader.response().status < 600);
  return std::to_string(reader.response().status) + reader.response().body;
}

}  // namespace
}  // namespace weir::runtime

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t half = size == 0 ? 0 : data[0] % size;
  weir::runtime::Expect(weir::runtime::Read(text, "") == weir::runtime::Read(text.substr(0, half), text.substr(half)));
  return 0;
}
