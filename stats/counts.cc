#include "stats/counts.h"

#include <algorithm>

namespace weir::stats {
namespace {

// How many calls of a cohort have not ended. A delta may hold ends whose starts are in an earlier one: not below 0.
int64_t InFlight(const CohortCounts& cohort) { return std::max<int64_t>(0, cohort.started - cohort.ended); }

// How old the youngest call of a cohort is at least.
absl::Duration AgeOf(Tick tick, absl::Time now) { return now - StartOf(tick + 1); }

void Add(CohortCounts& to, const CohortCounts& from) {
  to.started += from.started;
  to.ended += from.ended;
  to.errors += from.errors;
  to.neutral += from.neutral;
  to.lost += from.lost;
}

bool IsNeutral(CallOutcome outcome) {
  return outcome == CallOutcome::kCallerFault || outcome == CallOutcome::kCancelled;
}

bool IsPossible(int64_t started, int64_t ended, int64_t errors, int64_t neutral) {
  return errors >= 0 && neutral >= 0 && errors + neutral <= ended && ended <= started;
}

template <typename Map>
void MergeByKey(Map& to, const Map& from) {
  for (const auto& [key, counts] : from) to[key].Merge(counts);
}

constexpr std::array<int64_t, kResponseTimeEdges.size()> MakeResponseTimeEdgesNs() {
  std::array<int64_t, kResponseTimeEdges.size()> edges{};
  for (size_t i = 0; i < edges.size(); ++i) edges[i] = static_cast<int64_t>(kResponseTimeEdges[i] * 1e9 + 0.5);
  return edges;
}
constexpr std::array<int64_t, kResponseTimeEdges.size()> kResponseTimeEdgesNs = MakeResponseTimeEdgesNs();

}  // namespace

Tick TickOf(absl::Time time) {
  const int64_t ms = absl::ToUnixMillis(time);
  const int64_t ms_per_tick = absl::ToInt64Milliseconds(kTick);
  return ms >= 0 ? ms / ms_per_tick : -((-ms + ms_per_tick - 1) / ms_per_tick);
}

absl::Time StartOf(Tick tick) { return absl::FromUnixMillis(tick * absl::ToInt64Milliseconds(kTick)); }

absl::StatusOr<VariantCounts> VariantCounts::FromParts(Parts parts) {
  const auto invalid = [](const char* why) { return absl::InvalidArgumentError(why); };
  if (!IsPossible(parts.started, parts.ended, parts.errors, parts.neutral))
    return invalid("totals contradict each other");
  if (parts.latencies.count() + parts.cancelled.count() > parts.ended)
    return invalid("more latencies than ended calls");
  CohortCounts sum;
  for (size_t i = 0; i < parts.cohorts.size(); ++i) {
    const auto& [tick, cohort] = parts.cohorts[i];
    if (i > 0 && tick <= parts.cohorts[i - 1].first) return invalid("cohorts are not in the order of time");
    if (tick <= parts.cohorts.back().first - kRingTicks) return invalid("a cohort is older than the ring");
    if (!IsPossible(cohort.started, cohort.ended, cohort.errors, cohort.neutral) || cohort.lost < 0 ||
        cohort.lost > cohort.neutral) {
      return invalid("a cohort's counts contradict each other");
    }
    Add(sum, cohort);
  }
  if (sum.started > parts.started || sum.ended > parts.ended) return invalid("cohorts exceed the totals");
  for (const UserBucketCounts& user : parts.users) {
    if (user.errors < 0 || user.errors > user.calls) return invalid("a user bucket's counts contradict each other");
  }
  int64_t timed = 0;
  for (const UserLatencies& user : parts.user_latencies) {
    if (user.calls < 0 || user.microseconds < 0) return invalid("a user bucket's latencies are negative");
    timed += user.calls;
  }
  if (timed > parts.latencies.count()) return invalid("users have more latencies than there are");
  const auto is_negative = [](int64_t calls) { return calls < 0; };
  if (std::any_of(parts.uncompared.begin(), parts.uncompared.end(), is_negative)) {
    return invalid("a user bucket's uncompared calls are negative");
  }
  const PreviewCounts& previews = parts.previews;
  if (!IsPossible(previews.started, previews.ended, previews.errors, previews.neutral) ||
      (previews.newest == 0) != (previews.started == 0)) {
    return invalid("previewed calls contradict each other");
  }
  if (parts.lost < 0 || parts.lost > parts.neutral) return invalid("more calls were lost than ended so");
  VariantCounts counts;
  counts.cohorts_ = std::move(parts.cohorts);
  counts.latencies_ = std::move(parts.latencies);
  counts.cancelled_ = std::move(parts.cancelled);
  counts.users_ = parts.users;
  counts.user_latencies_ = parts.user_latencies;
  counts.uncompared_ = parts.uncompared;
  counts.previews_ = parts.previews;
  counts.started_ = parts.started;
  counts.ended_ = parts.ended;
  counts.errors_ = parts.errors;
  counts.neutral_ = parts.neutral;
  counts.lost_ = parts.lost;
  return counts;
}

CohortCounts* VariantCounts::FindOrOpen(Tick tick) {
  size_t i = cohorts_.size();
  if (i > 0 && tick <= cohorts_.back().first - kRingTicks) return nullptr;
  while (i > 0 && cohorts_[i - 1].first > tick) --i;
  if (i > 0 && cohorts_[i - 1].first == tick) return &cohorts_[i - 1].second;
  const bool is_newest = i == cohorts_.size();
  cohorts_.insert(cohorts_.begin() + static_cast<ptrdiff_t>(i), {tick, CohortCounts{}});
  if (!is_newest) return &cohorts_[i].second;
  DropClosed();
  return &cohorts_.back().second;
}

void VariantCounts::DropClosed() {
  const Tick oldest = cohorts_.back().first - kRingTicks + 1;
  const auto first = std::find_if(cohorts_.begin(), cohorts_.end(), [&](const Cohort& c) { return c.first >= oldest; });
  cohorts_.erase(cohorts_.begin(), first);
}

void VariantCounts::CountStart(Tick tick, uint8_t user_bucket) {
  if (CohortCounts* cohort = FindOrOpen(tick)) ++cohort->started;
  ++started_;
  ++users_[user_bucket].calls;
}

void VariantCounts::CountEnd(const CallEnd& end) {
  const bool is_error = end.outcome == CallOutcome::kError;
  const bool is_neutral = IsNeutral(end.outcome);
  if (CohortCounts* cohort = FindOrOpen(end.started)) {
    ++cohort->ended;
    cohort->errors += is_error;
    cohort->neutral += is_neutral;
  }
  ++ended_;
  errors_ += is_error;
  neutral_ += is_neutral;
  users_[end.user_bucket].errors += is_error;
  if (end.latency < absl::ZeroDuration()) return;
  if (end.outcome == CallOutcome::kCancelled) return cancelled_.Add(end.latency);
  latencies_.Add(end.latency);
  UserLatencies& user = user_latencies_[end.user_bucket];
  ++user.calls;
  user.microseconds += absl::ToInt64Microseconds(end.latency);
}

void VariantCounts::CountPreviewStart(Tick tick) {
  ++previews_.started;
  previews_.newest = std::max(previews_.newest, tick);
}

void VariantCounts::CountPreviewEnd(CallOutcome outcome) {
  ++previews_.ended;
  previews_.errors += outcome == CallOutcome::kError;
  previews_.neutral += IsNeutral(outcome);
}

void VariantCounts::Merge(const VariantCounts& other) {
  for (const auto& [tick, counts] : other.cohorts_) {
    if (CohortCounts* cohort = FindOrOpen(tick)) Add(*cohort, counts);
  }
  latencies_.Merge(other.latencies_);
  cancelled_.Merge(other.cancelled_);
  for (int bucket = 0; bucket < kUserBuckets; ++bucket) {
    users_[bucket].calls += other.users_[bucket].calls;
    users_[bucket].errors += other.users_[bucket].errors;
    user_latencies_[bucket].calls += other.user_latencies_[bucket].calls;
    user_latencies_[bucket].microseconds += other.user_latencies_[bucket].microseconds;
    uncompared_[bucket] += other.uncompared_[bucket];
  }
  previews_.started += other.previews_.started;
  previews_.ended += other.previews_.ended;
  previews_.errors += other.previews_.errors;
  previews_.neutral += other.previews_.neutral;
  previews_.newest = std::max(previews_.newest, other.previews_.newest);
  started_ += other.started_;
  ended_ += other.ended_;
  errors_ += other.errors_;
  neutral_ += other.neutral_;
  lost_ += other.lost_;
}

bool VariantCounts::empty() const {
  return started_ == 0 && ended_ == 0 && uncompared_ == decltype(uncompared_){} && previews_ == PreviewCounts{};
}

void VariantCounts::CloseInFlight() {
  for (auto& [tick, cohort] : cohorts_) {
    const int64_t lost = InFlight(cohort);
    cohort.lost += lost;
    cohort.neutral += lost;
    cohort.ended += lost;
  }
  const int64_t in_flight = std::max<int64_t>(0, started_ - ended_);
  neutral_ += in_flight;
  ended_ += in_flight;
  lost_ += in_flight;
  const int64_t previewed = std::max<int64_t>(0, previews_.in_flight());
  previews_.neutral += previewed;
  previews_.ended += previewed;
}

int64_t VariantCounts::InFlightOfClosedCohorts() const {
  int64_t in_ring = 0;
  for (const auto& [tick, cohort] : cohorts_) in_ring += InFlight(cohort);
  return std::max<int64_t>(0, started_ - ended_ - in_ring);
}

int64_t VariantCounts::InFlightSlowerThan(absl::Duration latency, absl::Time now) const {
  if (cohorts_.empty()) return 0;
  int64_t n = 0;
  for (const auto& [tick, cohort] : cohorts_) {
    if (AgeOf(tick, now) >= latency) n += InFlight(cohort);
  }
  const Tick newest_closed = cohorts_.back().first - kRingTicks;
  return AgeOf(newest_closed, now) >= latency ? n + InFlightOfClosedCohorts() : n;
}

int64_t VariantCounts::UnresolvedAt(absl::Duration latency, absl::Time now) const {
  const int bucket = LatencyHistogram::BucketOf(latency);
  const int64_t cancelled_before = cancelled_.count() - cancelled_.CountFrom(bucket);
  const int64_t without_latency = ended_ - latencies_.count() - cancelled_.count();
  return started_ - ended_ - InFlightSlowerThan(latency, now) + cancelled_before + without_latency;
}

std::string_view ReasonName(Reason reason) {
  switch (reason) {
    case Reason::kAssigned:
      return "assigned";
    case Reason::kForced:
      return "forced";
    case Reason::kTargeted:
      return "targeted";
    case Reason::kDiverted:
      return "diverted";
    case Reason::kFailedOver:
      return "failed-over";
    case Reason::kNoExperiment:
      return "no-experiment";
  }
  return "unknown";
}

void ServedCounts::Count(int grpc_code, Reason reason, absl::Duration response_time, bool is_error) {
  constexpr int kUnknown = 2;
  ++by_code[grpc_code >= 0 && grpc_code < kGrpcCodes ? grpc_code : kUnknown];
  ++by_reason[static_cast<size_t>(reason)];
  errors += is_error;
  if (response_time < absl::ZeroDuration()) return;  // No model was asked: there is no such time.
  const int64_t ns = absl::ToInt64Nanoseconds(response_time);
  // Prometheus counts a value that equals an edge below it.
  const auto edge = std::lower_bound(kResponseTimeEdgesNs.begin(), kResponseTimeEdgesNs.end(), ns);
  ++by_response_time[static_cast<size_t>(edge - kResponseTimeEdgesNs.begin())];
  response_seconds += static_cast<double>(ns) * 1e-9;
}

void ServedCounts::CountStream(absl::Duration length) {
  const double seconds = absl::ToDoubleSeconds(length);
  const auto edge = std::lower_bound(kStreamLengthEdges.begin(), kStreamLengthEdges.end(), seconds);
  ++by_stream_length[static_cast<size_t>(edge - kStreamLengthEdges.begin())];
  stream_seconds += seconds;
}

void ServedCounts::Merge(const ServedCounts& other) {
  for (size_t i = 0; i < by_code.size(); ++i) by_code[i] += other.by_code[i];
  for (size_t i = 0; i < by_reason.size(); ++i) by_reason[i] += other.by_reason[i];
  for (size_t i = 0; i < by_response_time.size(); ++i) by_response_time[i] += other.by_response_time[i];
  response_seconds += other.response_seconds;
  for (size_t i = 0; i < by_stream_length.size(); ++i) by_stream_length[i] += other.by_stream_length[i];
  stream_seconds += other.stream_seconds;
  errors += other.errors;
  cancelled += other.cancelled;
  assigned += other.assigned;
  keyless += other.keyless;
  diverted += other.diverted;
  drained += other.drained;
  dropped += other.dropped;
}

int64_t ServedCounts::requests() const {
  int64_t n = 0;
  for (const int64_t code : by_code) n += code;
  return n;
}

void ProxyCounts::Merge(const ProxyCounts& other) {
  connections_accepted += other.connections_accepted;
  connections_refused += other.connections_refused;
  connections_closed_for_abuse += other.connections_closed_for_abuse;
  protocol_errors += other.protocol_errors;
  calls += other.calls;
  calls_unrouted += other.calls_unrouted;
  calls_refused += other.calls_refused;
  calls_shed += other.calls_shed;
  calls_retried += other.calls_retried;
  deadlines_expired += other.deadlines_expired;
  bodies_unread += other.bodies_unread;
  bytes_from_clients += other.bytes_from_clients;
  bytes_to_clients += other.bytes_to_clients;
  upstream_connections += other.upstream_connections;
  upstream_connect_failures += other.upstream_connect_failures;
  upstream_resets += other.upstream_resets;
  feedback_received += other.feedback_received;
  feedback_refused += other.feedback_refused;
}

void CountsDelta::Merge(const CountsDelta& other) {
  MergeByKey(inference, other.inference);
  MergeByKey(served, other.served);
  MergeByKey(mirrors, other.mirrors);
  proxy.Merge(other.proxy);
}

bool CountsDelta::empty() const {
  return inference.empty() && served.empty() && mirrors.empty() && proxy == ProxyCounts{};
}

}  // namespace weir::stats
