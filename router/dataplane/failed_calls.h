// A few of the calls that their models failed, on their way to whoever looks for the cause.

#ifndef WEIR_ROUTER_DATAPLANE_FAILED_CALLS_H_
#define WEIR_ROUTER_DATAPLANE_FAILED_CALLS_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "router/http2/headers.h"
#include "stats/failed_call.h"

namespace weir::dataplane {

// The metadata of a request that may be kept. Which headers came is always told, in their order, and their values only
// of those that are known to carry no secret and name no user: a list of what to leave out would miss what nobody has
// thought of. Of all others the value is "(N bytes)". Bounded in entries and bytes.
std::vector<std::pair<std::string, std::string>> KeptMetadata(const http2::HeaderList& request);

// At most config::limits::kFailedCallTextBytes of it, and nothing but printable ASCII.
std::string ShortenedText(std::string_view text);

// One worker's. In a tick the first few of a variant are kept, so that a model which fails everything costs a
// comparison a call; where the control thread takes none for a while, the newest stay.
class FailedCalls {
 public:
  // Whether another one of this variant is kept in this tick: asked before it is described.
  bool Wants(uint32_t run, uint16_t variant);
  void Keep(stats::FailedCall call);

  // A tick is over: those of its calls, oldest first.
  std::vector<stats::FailedCall> Take();
  // They could not be handed over.
  void GiveBack(std::vector<stats::FailedCall> calls) { calls_ = std::move(calls); }

 private:
  std::vector<stats::FailedCall> calls_;
  std::map<std::pair<uint32_t, uint16_t>, size_t> in_tick_;
};

}  // namespace weir::dataplane

#endif  // WEIR_ROUTER_DATAPLANE_FAILED_CALLS_H_
