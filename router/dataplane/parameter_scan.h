// Reads named parameters from the first bytes of a gRPC body, without decoding the request.
//
// The body is a stream of messages, each with a prefix of five bytes; the first is taken for a ModelInferRequest of the
// Open Inference Protocol, whose field 4 is `map<string, InferParameter> parameters`. Only the outermost fields are
// walked; all but field 4 are stepped over, and what lies beyond the bytes that are looked at is never waited for. As
// in protobuf, fields come in any order, unknown ones are skipped, and of two entries with one name the last holds.
//
// Reference: https://protobuf.dev/programming-guides/encoding/

#ifndef WEIR_ROUTER_DATAPLANE_PARAMETER_SCAN_H_
#define WEIR_ROUTER_DATAPLANE_PARAMETER_SCAN_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "absl/container/inlined_vector.h"
#include "config/limits.h"
#include "router/routing/decide.h"

namespace weir::dataplane {

struct ParameterScan {
  enum class State : uint8_t {
    kNeedsMore,   // More of the body may change the answer.
    kRead,        // `found` is all that there is within config::limits::kScannedBodyBytes.
    kUnreadable,  // Compressed, no protobuf, cut short, with too many fields, or with parameters beyond the bound.
  };
  State state = State::kNeedsMore;
  // Of State::kNeedsMore: as long as the body is shorter, nothing changes.
  size_t needed_bytes = 0;
  // Of State::kRead: those of the asked-for names that are there, each once. Texts are views into the body, names into
  // what was asked for.
  absl::InlinedVector<routing::Parameter, config::limits::kScannedParameters> found;
};

// `body`: the first bytes of a request's body, as many as have come, of which at most kScannedBodyBytes are looked at.
// `is_ended`: nothing follows them. Looks for at most config::limits::kScannedParameters names. A pure function that
// takes no memory.
ParameterScan ScanParameters(std::string_view body, bool is_ended, std::span<const std::string> names);

}  // namespace weir::dataplane

#endif  // WEIR_ROUTER_DATAPLANE_PARAMETER_SCAN_H_
