// Whatever the bytes: no crash, and however they are cut, the answer is the same once it is there. Of a first message
// that protobuf takes, what was read is what protobuf reads.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "google/protobuf/stubs/logging.h"
#include "proto/inference/open_inference.pb.h"
#include "router/dataplane/parameter_scan.h"

namespace weir::dataplane {
namespace {

using State = ParameterScan::State;

constexpr size_t kPrefixBytes = 5;
constexpr size_t kAllCuts = 256;  // Bodies up to here are cut everywhere.

void Expect(bool holds) {
  if (!holds) std::abort();
}

const std::vector<std::string>& Names() {
  static const auto& names = *new std::vector<std::string>{"sequence_end", "sequence_id", "sequence_start", "user_id"};
  return names;
}

bool IsAsked(const routing::Parameter& found, const inference::InferParameter& parameter) {
  switch (parameter.parameter_choice_case()) {
    case inference::InferParameter::kBoolParam:
      return found.value == decltype(found.value)(parameter.bool_param());
    case inference::InferParameter::kInt64Param:
      return found.value == decltype(found.value)(int64_t{parameter.int64_param()});
    case inference::InferParameter::kUint64Param:
      return found.value == decltype(found.value)(uint64_t{parameter.uint64_param()});
    case inference::InferParameter::kStringParam:
      return found.value == decltype(found.value)(std::string_view(parameter.string_param()));
    default:
      return false;  // It says nothing that is asked for.
  }
}

bool SaysSomething(const inference::InferParameter& parameter) {
  return parameter.parameter_choice_case() != inference::InferParameter::PARAMETER_CHOICE_NOT_SET &&
         parameter.parameter_choice_case() != inference::InferParameter::kDoubleParam;
}

void CheckAgainstProtobuf(std::string_view body, const ParameterScan& scan) {
  inference::ModelInferRequest request;
  if (body.size() < kPrefixBytes || body.size() > config::limits::kScannedBodyBytes || body[0] != 0) return;
  size_t length = 0;
  for (size_t i = 1; i < kPrefixBytes; ++i) length = length << 8 | static_cast<uint8_t>(body[i]);
  if (length > body.size() - kPrefixBytes) return;  // Cut short: protobuf would have to wait.
  if (!request.ParseFromArray(body.data() + kPrefixBytes, static_cast<int>(length))) return;
  if (scan.state == State::kUnreadable) return;  // Groups and too many fields are legal there.
  size_t found = 0;
  for (const std::string& name : Names()) {
    const auto parameter = request.parameters().find(name);
    if (parameter == request.parameters().end() || !SaysSomething(parameter->second)) continue;
    Expect(found < scan.found.size() && scan.found[found].name == name);
    Expect(IsAsked(scan.found[found++], parameter->second));
  }
  Expect(found == scan.found.size());
}

void Check(std::string_view body) {
  const ParameterScan whole = ScanParameters(body, /*is_ended=*/true, Names());
  Expect(whole.state != State::kNeedsMore);
  CheckAgainstProtobuf(body, whole);
  size_t needed = 0;
  for (size_t size = 0; size < body.size(); size = body.size() <= kAllCuts ? size + 1 : std::max(size + 1, needed)) {
    const ParameterScan part = ScanParameters(body.substr(0, size), /*is_ended=*/false, Names());
    if (part.state != State::kNeedsMore) {
      Expect(size >= needed && part.state == whole.state && part.found == whole.found);
      return;
    }
    Expect(part.needed_bytes > size && part.needed_bytes <= config::limits::kScannedBodyBytes);
    Expect(part.needed_bytes >= needed);
    needed = part.needed_bytes;
  }
}

}  // namespace
}  // namespace weir::dataplane

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const google::protobuf::LogSilencer silencer;  // Of what is no UTF-8.
  weir::dataplane::Check(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
