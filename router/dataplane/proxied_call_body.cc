// A call whose experiment's rule asks for a parameter of its first message: it waits for as much of that as tells, and
// is decided then as if its headers came with it.
//
// What comes meanwhile is kept where the body of a call that waits for a stream is, so that it goes to the model and to
// mirrors byte for byte, under the same bound: the client gets no credit for it, and its stream's window holds more
// than is looked at. The call's deadline runs, and without one the call waits for as long as its client says nothing.

#include <algorithm>
#include <utility>

#include "config/limits.h"
#include "router/dataplane/parameter_scan.h"
#include "router/dataplane/proxied_call.h"

namespace weir::dataplane {

static_assert(config::limits::kScannedBodyBytes < config::limits::kStreamWindowBytes);

void ProxiedCall::AwaitBody(const RequestFacts& facts, const http2::HeaderList& received) {
  const bool is_protobuf = IsProtobufContentType(facts.content_type);
  counts().proxy.bodies_unread += !is_protobuf;
  if (!is_protobuf || state_.is_request_ended) return Admit(received, Parameters(std::in_place));
  if (!SetDeadline(facts, absl::InfiniteDuration())) return;
  undecided_ = std::make_unique<Undecided>();
  undecided_->received = received;
}

void ProxiedCall::ReadBody(std::string_view data) {
  std::string& kept = undecided_->body;
  std::string_view body = data;
  if (!kept.empty()) {
    body = kept.append(data.substr(0, config::limits::kScannedBodyBytes - kept.size()));
  }
  ParameterScan scan;
  scan.needed_bytes = undecided_->needed_bytes;
  if (body.size() >= scan.needed_bytes || state_.is_request_ended) {
    // By the table of now: another may have been adopted since the headers came.
    const routing::ExperimentRoute* const experiment =
        routing::FindExperiment(*services_.table, undecided_->received.Find(":path").value_or(""));
    const std::span<const std::string> names =
        experiment == nullptr ? std::span<const std::string>() : experiment->parameters;
    scan = ScanParameters(body, state_.is_request_ended, names);
  }
  if (scan.state == ParameterScan::State::kNeedsMore) {
    undecided_->needed_bytes = scan.needed_bytes;
    if (kept.empty()) kept = data;
    return;
  }
  counts().proxy.bodies_unread += scan.state == ParameterScan::State::kUnreadable;
  const std::unique_ptr<Undecided> decided = std::move(undecided_);
  Admit(decided->received, std::span<const routing::Parameter>(scan.found));
}

}  // namespace weir::dataplane
