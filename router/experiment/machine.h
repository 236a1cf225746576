// What an experiment does next: its states, what may happen to it, and the one function that decides.
//
// A state is a value that the journal keeps. `Advance` says which state follows and whether the step shuts the gate or
// opens it, for the two are carried out differently (README, "Who owns the weights"): a shutting step is in force
// before it is journalled and is never refused; an opening one is journalled first, and does not happen when that
// fails. machine.md lists what follows on what, and a test holds it to that.

#ifndef WEIR_ROUTER_EXPERIMENT_MACHINE_H_
#define WEIR_ROUTER_EXPERIMENT_MACHINE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "config/config.h"
#include "router/experiment/plan.h"
#include "router/experiment/split.h"
#include "stats/propensity.h"

namespace weir::experiment {

// The evidence at the moment that the gate shut.
struct Breach {
  std::string guardrail{};
  std::string variant{};
  absl::Time judged_at{};       // The tick that proved it.
  absl::Time published_at{};    // The new table was handed to the workers.
  int64_t candidate_calls = 0;  // Started in the run, until then.
  int64_t candidate_errors = 0;
  int64_t default_calls = 0;
  int64_t default_errors = 0;
  double log10_evidence = 0;
  double log10_threshold = 0;
  std::string summary{};  // For people.
  bool operator==(const Breach&) const = default;
};

// --- Phases without a rollout, or with one.

// The weights of the file are in force: there is no rollout.
struct Running {
  bool operator==(const Running&) const = default;
};
// The default has all traffic until a person resets, or files a new `spec.run`.
struct RolledBack {
  std::optional<Breach> breach{};  // nullopt: somebody asked for it, or the rollout's own rules did.
  std::string by = "weir";
  std::string why{};  // Where there is no breach.
  bool operator==(const RolledBack&) const = default;
};
// Where the experiment stood could not be read at start: the default has all traffic until a person resets. Never
// journalled.
struct Frozen {
  std::string why;
  bool operator==(const Frozen&) const = default;
};

// --- Phases of a rollout. Shares are those of the epoch.

// Before the first step: the default has all traffic.
struct Waiting {
  std::optional<std::string> held_by{};  // Who paused it: it waits for `resume` or `start`, whatever the time.
  bool operator==(const Waiting&) const = default;
};
struct Approved {
  std::string by;
  absl::Time at;
  std::string comment;
  bool operator==(const Approved&) const = default;
};
// In a step: its pause is not over, or (asked_at) it waits for approval.
struct Stepping {
  uint32_t step = 0;                     // From 0.
  uint32_t first_epoch = 1;              // The epoch that began with it: samples are counted from there.
  absl::Time begun{};                    // When the first step was entered, later by the time that it was paused since.
  absl::Time entered{};                  // The same, of this step.
  std::optional<absl::Time> asked_at{};  // For approval: everything else is there.
  std::string asked_for{};               // What follows when it is given, in words. For that alone approvals are.
  std::vector<Approved> approvals{};
  std::optional<config::Percent> by_hand{};  // The candidates' share that a person set, until the next step or resume.
  std::vector<config::Variant> chosen{};     // The shares that a bandit chose last; empty: those of the file's weights.
  std::optional<config::Percent> by_risk{};  // The candidates' share that a risk schedule has reached; none: its first.
  bool operator==(const Stepping&) const = default;
};
// A person stopped the clock of a step. Its share stays.
struct Paused {
  Stepping where;
  std::string by;
  std::string why;
  bool operator==(const Paused&) const = default;
};
// Nobody can tell how to go on, until a person does. The step's share stays.
struct Inconclusive {
  Stepping where;
  std::string why;
  bool operator==(const Inconclusive&) const = default;
};
// Promoted, with the holdback on the default.
struct Watching {
  absl::Time since;
  std::optional<config::Percent> by_hand{};  // As in a step. While it is so, the watch does not end by itself.
  std::vector<config::Variant> chosen{};     // By the bandit that was promoted: how candidates divide what they get.
  bool operator==(const Watching&) const = default;
};
// Nothing is left to do. Guardrails still watch.
struct Completed {
  bool is_promoted = true;                // False: a shadow, the default keeps all.
  std::vector<config::Variant> chosen{};  // As while it was watched.
  bool operator==(const Completed&) const = default;
};

using Phase = std::variant<Running, RolledBack, Frozen, Waiting, Stepping, Paused, Inconclusive, Watching, Completed>;

struct Run {
  uint32_t ordinal = 0;  // From 1; 0 while nothing is known of any run.
  std::string label;     // spec.run when it began.
  absl::Time started;
  bool operator==(const Run&) const = default;
};

// A span of a run with unchanged shares.
struct Epoch {
  uint32_t ordinal = 0;  // Within the run, from 1.
  absl::Time started;
  Split split;
  bool operator==(const Epoch&) const = default;
};

struct State {
  Run run;
  Epoch epoch;
  Phase phase;
  absl::Time phase_since;
  bool operator==(const State&) const = default;
};

// Not rolled back and not frozen: the epoch's shares are in force, and guardrails are judged.
bool IsOpen(const State& state);

// Whether the file asks for nothing that is not so, shut gates aside: of those, whether it is as it was when they shut.
bool HasFollowed(const Plan& plan, const State& state);

// The step that a rollout is in, goes on with after its pause, or is inconclusive in; null in all other phases.
const Stepping* StepOf(const State& state);

// The split that traffic follows: the epoch's own while open, all to its default otherwise.
Split SplitInForce(const State& state);

// The state of an experiment of which nothing could be read.
State FrozenState(const Plan& plan, std::string why, absl::Time now);

// --- Events.

// Look at what the file says now. Told as often as one likes: it changes something only where the file and the state
// differ.
struct Filed {};

// A guardrail was breached that rolls back, or that pauses: then a step is inconclusive, whatever `onInconclusive`
// says, and its share stays.
struct Breached {
  Breach breach;
  bool pauses = false;
};

// The verdict on the experiment as a whole, by the data of the present step (decision.h).
enum class Verdict {
  kSuccess,
  kFailed,
  kInconclusive,
  kUndecided,  // Too early to tell.
};
// A failure, and what nobody can tell, act at once, told as events of their own. A success is told with the time, for
// it counts only beside everything else that a step waits for.
struct Analysed {
  Verdict verdict = Verdict::kUndecided;
  std::string why{};
};

// What is known of a variant in the present step.
struct StepSamples {
  std::string variant;
  int64_t samples = 0;  // Calls that started in the step and ended, well or badly, those of a preview among them.
  // When the newest call of the run started, or this process, which does not know what it missed.
  absl::Time newest = absl::InfinitePast();
  // When the newest call of the step started that was counted, by whatever process; InfinitePast: none was, or none has
  // ended yet. It is InfiniteFuture in events from before it was kept, which were not judged by it.
  absl::Time last_call = absl::InfinitePast();
  absl::Time previewed_at = absl::InfinitePast();  // When the newest previewed call of the step started.
};
// Time has passed, and calls have come. Told at every tick.
struct TimePassed {
  std::vector<StepSamples> samples;  // A variant that is not there has none.
  Analysed analysed{};               // The newest analysis of the present step; what is old is undecided.
};

// What is known of a variant for the choice of shares: means that are weighted by one over recorded propensities, over
// the step's epochs in which every arm had a share.
struct ArmEvidence {
  std::string variant;
  stats::ArmEstimate outcomes{};  // Of the metric that the rollout chooses by, if any.
  stats::ArmEstimate errors{};    // Calls that failed, of those that ended well or badly.
  // The same of late: of the last one or two periods of `every`.
  stats::ArmEstimate recent_outcomes{}, recent_errors{};
  absl::Time newest = absl::InfinitePast();  // When the newest of what it is judged by was counted, in this process.
  bool operator==(const ArmEvidence&) const = default;
};
// For a rollout that chooses its shares: all that the choice depends on, beside the plan, the state and the time.
struct Weighed {
  std::vector<ArmEvidence> arms;  // Every variant with a weight in the file.
  bool operator==(const Weighed&) const = default;
};

enum class CommandKind {
  kStart,
  kPause,
  kResume,
  kPromote,
  kAbort,
  kRollback,
  kRetry,
  kReset,
  kSetWeight,
  kApprove,
  kReject,
};
inline constexpr int kCommandKinds = static_cast<int>(CommandKind::kReject) + 1;
// "set-weight", as people write it.
std::string NameOf(CommandKind kind);

// A person asks.
struct Command {
  CommandKind kind = CommandKind::kReset;
  std::string actor{};
  std::vector<std::string> roles{};  // That the actor has.
  std::string comment{};
  std::optional<config::Percent> weight{};  // Of set-weight: the candidates' share.
  bool is_full = false;                     // Of promote: past all steps, and not only this one.
  bool overtakes = false;  // Of what shuts: something that opens is on its way, and a gate that is shut is shut anew.
};

using Event = std::variant<Filed, Breached, TimePassed, Analysed, Command, Weighed>;

// --- Steps.

enum class Gate {
  kShuts,  // No candidate's share grows: in force first, then journalled.
  kOpens,  // Journalled first.
};

struct Step {
  State next;
  Gate gate;
  // For the audit.
  std::string actor;   // "weir", "file", or the person.
  std::string action;  // "run-opened", "epoch-opened", "rolled-back", "step-entered", ... (machine.md)
  std::string detail;
};

// The rules that `Advance` goes by, in every row. A change of what follows, or of its words, is another number, so that
// replay tells rows that were decided otherwise from such as were altered.
inline constexpr uint32_t kRules = 1;

// The step that `event` asks for at `now`; nothing where it changes nothing. `plan` is the file's of now. `state` is
// nullopt for an experiment never seen before. Only commands are ever refused: FAILED_PRECONDITION with what is
// possible instead, PERMISSION_DENIED for a role that is missing, INVALID_ARGUMENT for an argument. A file that both
// takes from one candidate and gives to another makes two steps, the shutting one first: tell it again after each step.
// Time acts only on a state that has followed its file.
absl::StatusOr<std::optional<Step>> Advance(const Plan& plan, const std::optional<State>& state, const Event& event,
                                            absl::Time now);

}  // namespace weir::experiment

#endif  // WEIR_ROUTER_EXPERIMENT_MACHINE_H_
