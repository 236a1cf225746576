#include "router/dataplane/failed_calls.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "config/limits.h"

namespace weir::dataplane {
namespace {

// What clients, tracing and gRPC itself say of a call; free of secrets by their definitions.
constexpr std::string_view kHarmless[] = {
    ":authority",
    "content-type",
    "user-agent",
    "te",
    "grpc-timeout",
    "grpc-encoding",
    "traceparent",
    "grpc-accept-encoding",
    "x-request-id",
    "x-correlation-id",
    "x-b3-traceid",
    "x-b3-spanid",
    "x-cloud-trace-context",
    "grpc-previous-rpc-attempts",
};

bool IsHarmless(std::string_view name) {
  return std::find(std::begin(kHarmless), std::end(kHarmless), name) != std::end(kHarmless);
}

}  // namespace

std::string ShortenedText(std::string_view text) {
  std::string shortened(text.substr(0, config::limits::kFailedCallTextBytes));
  for (char& c : shortened) {
    if (c < ' ' || c > '~') c = '?';
  }
  return shortened;
}

std::vector<std::pair<std::string, std::string>> KeptMetadata(const http2::HeaderList& request) {
  std::vector<std::pair<std::string, std::string>> kept;
  for (const http2::HeaderField field : request) {
    if (kept.size() == config::limits::kFailedCallMetadata) break;
    const bool is_of_http = field.name.starts_with(':') && field.name != ":authority";
    if (is_of_http) continue;
    kept.emplace_back(ShortenedText(field.name), IsHarmless(field.name)
                                                     ? ShortenedText(field.value)
                                                     : absl::StrCat("(", field.value.size(), " bytes)"));
  }
  return kept;
}

bool FailedCalls::Wants(uint32_t run, uint16_t variant) {
  return in_tick_[{run, variant}]++ < config::limits::kFailedCallsPerTick;
}

void FailedCalls::Keep(stats::FailedCall call) {
  if (calls_.size() >= config::limits::kFailedCallsPerReport) calls_.erase(calls_.begin());
  calls_.push_back(std::move(call));
}

std::vector<stats::FailedCall> FailedCalls::Take() {
  if (!in_tick_.empty()) in_tick_.clear();
  return std::exchange(calls_, {});
}

}  // namespace weir::dataplane
