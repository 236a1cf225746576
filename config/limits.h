// Every bound of the system, each with its reason. At a limit Weir sheds visibly (a gRPC status and a counter) and
// never queues without bound. HTTP/2's own limits against abuse are in router/http2/limits.h, which is compiled without
// this folder.
//
// The worst case of memory is the product of these, so a raise is a decision: say why.

#ifndef WEIR_CONFIG_LIMITS_H_
#define WEIR_CONFIG_LIMITS_H_

#include <cstddef>
#include <cstdint>

#include "absl/time/time.h"

namespace weir::config::limits {

// --- Files of the operator.

// A ConfigMap holds at most 1 MiB in all; a file of the largest legal specification is some tens of KiB.
inline constexpr size_t kFileBytes = 256 * 1024;
// Specifications are five levels deep; deeper nesting is a mistake, or an attack on a recursive reader.
inline constexpr int kDocumentDepth = 32;
// Nodes of one file: more than kFileBytes of any sensible specification has, less than hurts.
inline constexpr size_t kDocumentNodes = 50'000;
// One folder; each costs a watch entry and a read at every change.
inline constexpr size_t kExperimentFiles = 256;
// Errors that are reported for one file: a person fixes a few at a time, and a hostile file must not fill the log.
inline constexpr size_t kErrorsPerFile = 100;

// --- What a configuration may hold.

// Each experiment costs a few hundred KiB of counts in the control thread (statistics are kept per variant and epoch)
// and its guardrails are judged ten times a second.
inline constexpr size_t kExperiments = 64;
inline constexpr size_t kVariants = 16;  // Of one experiment; one draw of the hash each.
inline constexpr size_t kMirrors = 4;    // Of one experiment: each multiplies upstream traffic.
inline constexpr size_t kModels = 256;
inline constexpr size_t kEndpoints = 256;    // Of one model: each worker holds a connection to every one.
inline constexpr size_t kRoutes = 256;       // Tried one after the other for calls outside experiments.
inline constexpr size_t kMetrics = 16;       // Of one experiment.
inline constexpr size_t kGuardrails = 16;    // Of one experiment.
inline constexpr size_t kTrends = 16;        // Of one experiment; each is a chart for every candidate.
inline constexpr double kLargestRate = 1e9;  // Of calls, in any unit: beyond all networks.
inline constexpr size_t kKeySources = 4;     // Of one experiment: one lookup each, for every call.
inline constexpr size_t kMirrorMethods = 64;
inline constexpr size_t kForceNetworks = 64;
inline constexpr int kWorkers = 64;  // One a core; the issuer of a ticket has room for 65,536.

// An expression of `successCondition` is read by a person, too; each level is some frames of a recursive reader.
inline constexpr size_t kConditionBytes = 1024;
inline constexpr int kConditionDepth = 32;

// Names are labels of metrics, parts of paths of the administrative API and columns of a terminal.
inline constexpr size_t kNameBytes = 63;
inline constexpr size_t kConditionNameBytes = 2 * kNameBytes + 1;  // METRIC.VARIANT
inline constexpr size_t kServiceBytes = 255;                       // A full protobuf service or method name.
inline constexpr size_t kHeaderNameBytes = 64;
inline constexpr size_t kParameterNameBytes = 64;
inline constexpr size_t kHostBytes = 253;        // RFC 1035.
inline constexpr size_t kFreeStringBytes = 255;  // `run`, `salt`.
inline constexpr size_t kPathBytes = 4095;       // Linux's PATH_MAX, without its zero.

inline constexpr absl::Duration kShortestDeadline = absl::Milliseconds(1);
inline constexpr absl::Duration kLongestDeadline = absl::Hours(24);
// Latencies are told apart from 50 us to 120 s.
inline constexpr absl::Duration kLeastLatencyBound = absl::Microseconds(100);
inline constexpr absl::Duration kLargestLatencyBound = absl::Seconds(100);
// A ratio beyond this is a mistyped percentage.
inline constexpr double kLargestRatio = 100;
// Health checks go from every worker to every endpoint.
inline constexpr absl::Duration kShortestHealthInterval = absl::Milliseconds(100);
inline constexpr absl::Duration kLongestHealthInterval = absl::Minutes(10);
inline constexpr absl::Duration kLongestDrainGrace = absl::Hours(1);
// Of a candidate that was rolled back: it is known to do harm, so a day is a long time.
inline constexpr absl::Duration kLongestDrainTimeout = absl::Hours(24);
inline constexpr size_t kHeaderValueBytes = 256;  // That a preview compares with.
// A file of the assignment log: large enough for a line of any kind, and not larger than one wants to copy.
inline constexpr int kLeastLogFileBytes = 64 * 1024;
inline constexpr int kLargestLogFileBytes = 1024 * 1024 * 1024;
inline constexpr int kMostLogFiles = 1000;
inline constexpr absl::Duration kShortestJoinWindow = absl::Seconds(1);
// One bit for each ticket issued in the window: at 10,000 tickets a second, 14 days are 1.5 GB, which
// kTicketBitmapBytes cuts short (and counts) long before.
inline constexpr absl::Duration kLongestJoinWindow = absl::Hours(14 * 24);
// --- Rollouts.

inline constexpr size_t kRolloutSteps = 64;  // Each has a share of its guardrails' alpha: more would be blind.
// Time passes for a rollout tick by tick (100 ms).
inline constexpr absl::Duration kShortestRolloutSpan = absl::Milliseconds(100);
inline constexpr absl::Duration kLongestRolloutSpan = absl::Hours(365 * 24);
inline constexpr int kMostSamples = 1'000'000'000;
inline constexpr int kMostApprovals = 16;  // All are journalled with the state.
inline constexpr size_t kApprovalRoles = 16;
inline constexpr size_t kFreezes = 64;
// Rows of one experiment's shutting steps that are on their way to the journal. So many decisions are kept apart while
// a disk is slow; from then on the newest takes the place of the one that waits, since it says where the experiment
// stands.
inline constexpr size_t kShutRows = 8;
// Of these, kept for what people ask for: a storm of reloads does not keep their rows from being on their way.
inline constexpr size_t kShutRowsOfPeople = 2;
// Requests to the journal that are not answered: for each experiment its shutting rows, an opening one, and reports of
// rollbacks, which a person's reset comes between; and a checkpoint, and a load.
inline constexpr size_t kJournalRequests = 2 * kShutRows * kExperiments;
// Of a command, kept with the state and in the audit. Where it shuts a gate, what is longer is cut, else refused.
inline constexpr size_t kActorBytes = 256;  // Of a role, too.
inline constexpr size_t kCommentBytes = 1024;
inline constexpr int kRolesOfActor = 32;
// Between two moves of a rollout that chooses its shares: each is journalled, and an epoch of its own. Reports of
// outcomes are taken for the newest 1,024 epochs (RunEvidence::kNamedEpochs).
inline constexpr absl::Duration kShortestMove = absl::Seconds(1);
// Of a risk schedule, in whatever unit: beyond, it is mistyped.
inline constexpr double kLeastImpact = 1e-9, kLargestImpact = 1e15;
inline constexpr int kMostHoldback = 5000;  // Basis points: beyond a half it is no promotion.

// --- Other systems.

// Each is asked on its own, over a connection of its own.
inline constexpr size_t kQueryBytes = 4 * 1024;  // Of PromQL; Prometheus takes more than any person reads.
inline constexpr size_t kUrlBytes = 2048;
inline constexpr absl::Duration kShortestQueryInterval = absl::Milliseconds(100);
inline constexpr absl::Duration kLongestQueryInterval = absl::Hours(24);
inline constexpr absl::Duration kShortestQueryTimeout = absl::Milliseconds(10);
inline constexpr absl::Duration kLongestQueryTimeout = absl::Minutes(1);
inline constexpr absl::Duration kLongestQueryAge = absl::Hours(30 * 24);
inline constexpr size_t kHttpHeadBytes = 16 * 1024;   // Of an answer: its status line and headers.
inline constexpr size_t kHttpBodyBytes = 256 * 1024;  // One number, or an error's text, is far below.
// Answers on their way to the control thread: one for each question, and it looks ten times a second.
inline constexpr size_t kQueryMailbox = 4 * kExperiments * kMetrics;
inline constexpr size_t kNotifyTargets = 8;  // Of one experiment.
// Messages that wait for one target. Past that the oldest of the least important goes: a receiver that is away costs
// some hundred KiB, and no rollback is lost for a step's notice.
inline constexpr size_t kNotifyQueue = 128;
inline constexpr size_t kNotifyMailbox = 1024;  // To the notifier, from the control thread; it turns at once.
inline constexpr absl::Duration kNotifyTimeout = absl::Seconds(5);  // Of one attempt.
inline constexpr absl::Duration kNotifyBackoffFirst = absl::Milliseconds(500);
inline constexpr absl::Duration kNotifyBackoffMost = absl::Minutes(1);
// A message that could not be delivered for so long is no news any more.
inline constexpr absl::Duration kNotifyLongest = absl::Hours(1);
inline constexpr int kNotifyAttempts = 20;  // About a quarter of an hour: what is behind it waits for so long.
// Alertmanager forgets alerts over its restart, and ends those that nobody repeats.
inline constexpr absl::Duration kAlertRepeat = absl::Minutes(1);
inline constexpr absl::Duration kAlertLife = absl::Minutes(5);  // Without a repetition.
inline constexpr size_t kSecretBytes = 4096;                    // Of a secret file.

// log10(1/alpha) is a threshold that evidence must reach; below this no traffic of this world reaches it.
inline constexpr double kSmallestAlpha = 1e-12;

// --- Connections from clients, per worker.

inline constexpr size_t kClientConnections = 10'000;  // 50 KiB each when idle: 500 MB at the very worst.
inline constexpr uint32_t kStreamsMesh = 1'000;       // Of one connection, from trusted peers.
inline constexpr uint32_t kStreamsEdge = 100;         // RFC 9113 asks for at least 100.
inline constexpr size_t kHeaderListBytes =
    16 * 1024;  // Received, before copying (HPACK bombs): gRPC's default is 8 KiB.
inline constexpr size_t kHeaderFields = 128;
inline constexpr size_t kStreamWindowBytes = 64 * 1024;
inline constexpr size_t kConnectionWindowBytes = 1024 * 1024;
inline constexpr size_t kConnectionOutBytes = 1024 * 1024;  // Unsent, of one connection, above which we stop reading.
inline constexpr absl::Duration kHandshakeTimeout = absl::Seconds(10);
inline constexpr absl::Duration kPrefaceTimeout = absl::Seconds(5);
inline constexpr absl::Duration kHeaderBlockTimeout = absl::Seconds(5);
inline constexpr absl::Duration kWriteStallTimeout = absl::Seconds(30);
// gRPC clients keep a connection for hours; one without streams for this long is most likely forgotten.
inline constexpr absl::Duration kIdleTimeoutMesh = absl::Hours(1);
inline constexpr absl::Duration kIdleTimeoutEdge = absl::Minutes(5);
inline constexpr absl::Duration kDrainPing =
    absl::Seconds(1);  // Between the two GOAWAYs, if the PING stays unanswered.
// Rapid reset: honest clients cancel in bursts, so a connection is closed only when more than this share of at least
// that many streams were reset within one second.
inline constexpr int kResetsLookedAt = 500;
inline constexpr double kResetShare = 0.5;
// A client that cancels still occupies the model until upstream has let go: those calls count too.
inline constexpr size_t kUpstreamCallsPerConnection = 2 * kStreamsMesh;
// Answers of finished calls that a connection's client has yet to read, each of up to a stream's window: 16 MiB. Past
// that its further calls are refused, so that a client which asks and never reads costs that much and no more.
inline constexpr size_t kUnreadAnswersPerConnection = 256;

// --- Connections to models, per worker.

// A model server that allows 100 streams a connection still takes 800 calls of one worker.
inline constexpr size_t kUpstreamConnectionsPerEndpoint = 8;
inline constexpr size_t kQueuedCallsPerModel = 1'024;  // That wait for a stream, until their deadline at the latest.
inline constexpr absl::Duration kConnectTimeout = absl::Seconds(5);
inline constexpr absl::Duration kReconnectBackoffFirst = absl::Milliseconds(100);
inline constexpr absl::Duration kReconnectBackoffMost = absl::Seconds(10);
inline constexpr int kTransparentRetries = 1;  // REFUSED_STREAM and GOAWAY: provably unprocessed, once.

// --- Requests whose experiment asks for a parameter of the body.

// Of a body's beginning that is looked at: parameters are some hundred bytes, and come before the tensors. A call waits
// for no more than this, and its stream's window holds more.
inline constexpr size_t kScannedBodyBytes = 16 * 1024;
inline constexpr size_t kScannedFields = 512;  // Of protobuf, outer and inner: a request for a hundred tensors.
// Names that are looked for: of the keys, and of a sequence, its beginning and its end.
inline constexpr size_t kScannedParameters = kKeySources + 3;

// --- Sequences and failures, per worker.

// Sequences that are remembered, at some 130 bytes each: 8 MB. Beyond, the one that was silent for longest is
// forgotten, and its next call goes where the weights of then say.
inline constexpr size_t kPinnedSequences = 65'536;
// Triton forgets a silent sequence after one second, people think for minutes; whoever comes back later begins anew.
inline constexpr absl::Duration kSequenceIdle = absl::Minutes(10);
// Calls whose failure is kept for the post-mortem: of a variant in a tick, and of all in a report that waits.
inline constexpr size_t kFailedCallsPerTick = 4;
inline constexpr size_t kFailedCallsPerReport = 64;
// Of each: enough to see what it was, and not what somebody hid in it.
inline constexpr size_t kFailedCallMetadata = 16;
inline constexpr size_t kFailedCallTextBytes = 256;

// --- Mirrors, per worker.

// Bytes that only mirrors still hold. A slow mirror is cut off here; the primary shares its chunks and copies nothing.
inline constexpr size_t kMirrorBytes = 16 * 1024 * 1024;
inline constexpr size_t kMirrorCalls = 1'024;                         // In flight.
inline constexpr absl::Duration kMirrorDeadline = absl::Seconds(10);  // Where the mirror's model sets none.

// --- Between threads.

// Reports of outcomes on their way to the control thread, all workers together; beyond, RESOURCE_EXHAUSTED.
inline constexpr size_t kFeedbackMailbox = 16'384;
inline constexpr size_t kFeedbackInFlightPerWorker = 4'096;
inline constexpr size_t kFeedbackMessageBytes = 16 * 1024;
inline constexpr size_t kFeedbackMetricsPerReport = kMetrics;
inline constexpr size_t kCountsMailbox = 256;   // A full one makes a worker keep adding: deltas merge, nothing is lost.
inline constexpr size_t kCommandMailbox = 256;  // Of operators and file watches.
// Records of assignments that a worker hands over at once, and how many such batches wait for the log's disk: 6 MB.
// Beyond, they are dropped and counted: a log never holds a call back.
inline constexpr size_t kLoggedCallsPerBatch = 256;
inline constexpr size_t kLoggedBatches = 256;
// Bits of tickets seen, over all issuers and experiments. Beyond, reports are refused and counted.
inline constexpr size_t kTicketBitmapBytes = 64 * 1024 * 1024;
// The journal's file: statistics of a full configuration take some tens of MiB, tickets 64 MiB more, a row some KiB and
// a rollback some tens of KiB. A full one takes no row more: nothing opens, and what shuts waits, as the newest row of
// each experiment.
inline constexpr int64_t kJournalBytes = int64_t{1} << 30;

}  // namespace weir::config::limits

#endif  // WEIR_CONFIG_LIMITS_H_
