// What happened to calls, as counts that add: the only thing that workers, replicas and checkpoints exchange.
//
// A worker counts into its own `CountsDelta` and hands it over every tick; the control thread merges. Everything here
// is additive and exact, so that any partition over workers or machines, in any order, gives equal totals. What a call,
// an error, a latency and a cohort are: the evidence contract in README, "What is counted".

#ifndef WEIR_STATS_COUNTS_H_
#define WEIR_STATS_COUNTS_H_

#include <array>
#include <cstdint>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "stats/histogram.h"

namespace weir::stats {

inline constexpr int kUserBuckets = 256;
inline constexpr absl::Duration kTick = absl::Milliseconds(100);
inline constexpr int kGrpcCodes = 17;  // 0 (OK) to 16 (UNAUTHENTICATED).

// The number of a 100 ms tick since the Unix epoch: the name of a cohort.
using Tick = int64_t;
Tick TickOf(absl::Time time);
absl::Time StartOf(Tick tick);

// Whose calls: a run of an experiment (numbered by the control thread, never reused in a process; 0 stands for the
// traffic outside any experiment), an epoch of it, and a variant's place in the specification (a model's number where
// run is 0).
struct CountsKey {
  uint32_t run = 0;
  uint32_t epoch = 0;
  uint16_t variant = 0;
  friend auto operator<=>(const CountsKey&, const CountsKey&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const CountsKey& k) {
    return H::combine(std::move(h), k.run, k.epoch, k.variant);
  }
};

// How a call ended, for inference (the evidence contract, "Error").
enum class CallOutcome : uint8_t { kSuccess, kError, kCallerFault, kCancelled };

// The end of one call that entered inference.
struct CallEnd {
  Tick started;         // The tick in which it started: its cohort.
  uint8_t user_bucket;  // Under a salt other than the assignment's.
  CallOutcome outcome;
  absl::Duration latency;  // To the end; for kCancelled: how long it had run. Negative: it had no upstream attempt.
};

// One cohort: the calls of one variant and epoch that started in one tick.
struct CohortCounts {
  int64_t started = 0;
  int64_t ended = 0;  // However they ended, cancelled ones included.
  int64_t errors = 0;
  int64_t neutral = 0;  // Of `ended`: cancelled or the caller's fault, neither success nor error.
  int64_t lost = 0;     // Of `neutral`: in flight when their process died. They stay unresolved for ever.
  bool operator==(const CohortCounts&) const = default;
};

// Calls and errors of the users that hash into one bucket.
struct UserBucketCounts {
  int64_t calls = 0;
  int64_t errors = 0;
  bool operator==(const UserBucketCounts&) const = default;
};

// The latencies of those users' calls: of the calls that `VariantCounts::latencies` holds, to the microsecond, so that
// sums are exact and the same in any order.
struct UserLatencies {
  int64_t calls = 0;
  int64_t microseconds = 0;
  bool operator==(const UserLatencies&) const = default;
};

// Calls of a rollout's preview: test traffic, which is compared with nothing.
struct PreviewCounts {
  int64_t started = 0;
  int64_t ended = 0;  // However they ended, cancelled ones included.
  int64_t errors = 0;
  int64_t neutral = 0;                                   // As in CohortCounts.
  Tick newest = 0;                                       // In which the newest of them started; 0: there is none.
  int64_t judged() const { return ended - neutral; }     // That ended well or badly.
  int64_t in_flight() const { return started - ended; }  // Of a delta it may be below 0.
  bool operator==(const PreviewCounts&) const = default;
};

// One variant in one epoch: what inference reads. Memory is bounded: a ring of 60 s of cohorts, two histograms, three
// arrays of 256 buckets. Used as a worker's delta, as the control thread's total, and as a checkpoint's content.
//
// The ring holds the cohorts of the newest kRingTicks ticks; an older one is closed and dropped, and from then on an
// end of one of its calls changes the totals and histograms only. So any partition into deltas, merged in any order, is
// equal.
class VariantCounts {
 public:
  static constexpr Tick kRingTicks = 600;
  using Cohort = std::pair<Tick, CohortCounts>;

  // What a checkpoint keeps, and what `FromParts` rebuilds from it.
  struct Parts {
    std::vector<Cohort> cohorts;
    LatencyHistogram latencies;
    LatencyHistogram cancelled;
    std::array<UserBucketCounts, kUserBuckets> users{};
    std::array<UserLatencies, kUserBuckets> user_latencies{};
    std::array<int64_t, kUserBuckets> uncompared{};
    PreviewCounts previews;
    int64_t started = 0, ended = 0, errors = 0, neutral = 0, lost = 0;
  };
  // InvalidArgument where no sequence of calls gives these parts: cohorts out of order or beyond the ring, a negative
  // count, or more ends than starts.
  static absl::StatusOr<VariantCounts> FromParts(Parts parts);

  void CountStart(Tick tick, uint8_t user_bucket);
  // A negative latency says that there was no upstream attempt: it enters no histogram.
  void CountEnd(const CallEnd& end);
  // A call that the rule gave to this variant and that began elsewhere, since its user was diverted or is bound by a
  // sequence. It is of those that were assigned, and nothing else here counts it.
  void CountUncompared(uint8_t user_bucket) { ++uncompared_[user_bucket]; }
  // A call that a preview gave to this variant. Nothing else here counts it.
  void CountPreviewStart(Tick tick);
  void CountPreviewEnd(CallOutcome outcome);
  void Merge(const VariantCounts& other);
  // Calls in flight when a process died never end: each counts as ended, neutral and lost from now on, without a
  // latency. To be called once, on totals that were read back from a checkpoint.
  void CloseInFlight();

  // Closes all cohorts, whose calls have all ended: from now on the ring begins anew, with whatever tick comes first.
  void CloseRing() { cohorts_.clear(); }

  // Cohorts in the order of time, not older than 60 s before the newest; what is older was closed and dropped.
  const std::vector<Cohort>& cohorts() const { return cohorts_; }
  const LatencyHistogram& latencies() const { return latencies_; }  // Success, error and caller's fault.
  const LatencyHistogram& cancelled() const { return cancelled_; }  // How long the cancelled ones had run.
  const std::array<UserBucketCounts, kUserBuckets>& users() const { return users_; }
  const std::array<UserLatencies, kUserBuckets>& user_latencies() const { return user_latencies_; }
  const std::array<int64_t, kUserBuckets>& uncompared() const { return uncompared_; }  // Calls, by CountUncompared.
  const PreviewCounts& previews() const { return previews_; }
  int64_t started() const { return started_; }
  int64_t ended() const { return ended_; }
  int64_t errors() const { return errors_; }
  int64_t neutral() const { return neutral_; }
  int64_t lost() const { return lost_; }  // Of `neutral`: by CloseInFlight.
  bool empty() const;
  bool HasCallsInFlight() const { return ended_ < started_ || previews_.in_flight() > 0; }

  // The calls in flight at `now` that are certainly slower than `latency` already. Those of closed cohorts are older
  // than the ring, and no more is known of them.
  int64_t InFlightSlowerThan(absl::Duration latency, absl::Time now) const;
  // The calls of which it is not known at `now` whether they are slower than `latency`: in flight and not certainly
  // slower, cancelled before it, or ended without a latency.
  int64_t UnresolvedAt(absl::Duration latency, absl::Time now) const;
  // The calls that started before the oldest cohort of the ring and have not ended.
  int64_t InFlightOfClosedCohorts() const;

  bool operator==(const VariantCounts&) const = default;

 private:
  CohortCounts* FindOrOpen(Tick tick);  // Null where the cohort is closed.
  void DropClosed();

  std::vector<Cohort> cohorts_;  // Ascending. Calls that end were mostly started of late: found from the back.
  LatencyHistogram latencies_;
  LatencyHistogram cancelled_;
  std::array<UserBucketCounts, kUserBuckets> users_{};
  std::array<UserLatencies, kUserBuckets> user_latencies_{};
  std::array<int64_t, kUserBuckets> uncompared_{};
  PreviewCounts previews_;
  int64_t started_ = 0, ended_ = 0, errors_ = 0, neutral_ = 0, lost_ = 0;
};

// Why a variant answered: the value of `x-weir-reason` and of the metrics' label.
enum class Reason : uint8_t { kAssigned, kForced, kTargeted, kDiverted, kFailedOver, kNoExperiment };
inline constexpr int kReasons = 6;
std::string_view ReasonName(Reason reason);  // "assigned", "forced", ...

// Upper edges in seconds of `ab_test_response_time_seconds`; +Inf follows.
inline constexpr std::array<double, 18> kResponseTimeEdges = {.001, .0025, .005, .01, .025, .05, .075, .1, .15,
                                                              .2,   .3,    .5,   .75, 1,    2.5, 5,    10, 30};
// Upper edges in seconds of `weir_stream_seconds`; +Inf follows.
inline constexpr std::array<double, 9> kStreamLengthEdges = {.1, .5, 1, 5, 15, 60, 300, 900, 3600};

// One variant (or model, or mirror) as the metrics show it: every primary call that it answered, whatever the reason.
struct ServedCounts {
  std::array<int64_t, kGrpcCodes> by_code{};
  std::array<int64_t, kReasons> by_reason{};
  std::array<int64_t, kResponseTimeEdges.size() + 1> by_response_time{};  // Not cumulative.
  double response_seconds = 0;
  // Of calls with more than one message in a direction: from their headers to their end. No guardrail looks at them.
  std::array<int64_t, kStreamLengthEdges.size() + 1> by_stream_length{};  // Not cumulative.
  double stream_seconds = 0;
  int64_t errors = 0;     // By the experiment's error codes.
  int64_t cancelled = 0;  // By the client.
  int64_t assigned = 0;   // Calls that the rule gave to this variant, whoever served them.
  int64_t keyless = 0;    // Of `assigned`: without a user key, assigned at random.
  int64_t diverted = 0;   // Of `assigned`: this variant had no healthy endpoint.
  int64_t drained = 0;    // Ended by the proxy, since the variant was rolled back and the drain was over.
  int64_t dropped = 0;    // A mirror's copies that were not sent, or given up, under pressure.
  // `grpc_code` outside 0 to 16 counts as UNKNOWN (2). A negative time says that no model was asked: it enters neither
  // the histogram nor its sum.
  void Count(int grpc_code, Reason reason, absl::Duration response_time, bool is_error);
  void CountStream(absl::Duration length);
  void Merge(const ServedCounts& other);
  int64_t requests() const;
  bool operator==(const ServedCounts&) const = default;
};

// Where a mirror's counts go: a mirror of a run, by its place in the specification.
struct MirrorKey {
  uint32_t run = 0;
  uint16_t mirror = 0;
  friend auto operator<=>(const MirrorKey&, const MirrorKey&) = default;
};

// What the proxy itself did, over all models. Each field is one `weir_*` counter; the export lists them by name.
struct ProxyCounts {
  int64_t connections_accepted = 0;
  int64_t connections_refused = 0;  // At the bound of connections.
  int64_t connections_closed_for_abuse = 0;
  int64_t protocol_errors = 0;
  int64_t calls = 0;
  int64_t calls_unrouted = 0;  // UNIMPLEMENTED: no experiment and no route matches.
  int64_t calls_refused = 0;   // Malformed, illegal or oversized.
  int64_t calls_shed = 0;      // RESOURCE_EXHAUSTED or UNAVAILABLE of our own, at a limit.
  int64_t calls_retried = 0;   // Provably unprocessed, sent again.
  int64_t deadlines_expired = 0;
  // Whose experiment asks for a parameter, and whose first message could not be read for it: compressed, no protobuf,
  // cut short, or with its parameters behind what is looked at. Routed as if there were none.
  int64_t bodies_unread = 0;
  int64_t bytes_from_clients = 0;
  int64_t bytes_to_clients = 0;
  int64_t upstream_connections = 0;
  int64_t upstream_connect_failures = 0;
  int64_t upstream_resets = 0;
  int64_t feedback_received = 0;
  int64_t feedback_refused = 0;  // A ticket forged, altered, foreign or malformed (worker); see OutcomeCounts too.
  void Merge(const ProxyCounts& other);
  bool operator==(const ProxyCounts&) const = default;
};

// What a worker hands over every tick. Sorted vectors would do as well; maps keep merging simple, and there are few
// keys.
struct CountsDelta {
  std::map<CountsKey, VariantCounts> inference;
  std::map<CountsKey, ServedCounts> served;  // epoch is 0 here: the metrics do not know epochs.
  std::map<MirrorKey, ServedCounts> mirrors;
  ProxyCounts proxy;
  void Merge(const CountsDelta& other);
  bool empty() const;
};

}  // namespace weir::stats

#endif  // WEIR_STATS_COUNTS_H_
