// What an experiment does next: its states, what may happen to it, and the one function that decides.
//
// A state is a value that the journal keeps. `Advance` says which state follows and whether the step shuts the gate or
// opens it, for the two are carried out differently (README, "Who owns the weights"): a shutting step is in force
// before it is journalled and is never refused; an opening one is journalled first, and does not happen when that
// fails.

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

namespace weir::experiment {

// Who shares the traffic, and how.
struct Split {
  std::vector<config::Variant> variants;  // In the order of the specification.
  size_t default_variant = 0;             // Its place.
  bool operator==(const Split&) const = default;

  const std::string& default_name() const { return variants[default_variant].name; }
};
Split SplitOf(const config::Experiment& experiment);

// The share, 0 to 1, that a split gives to the variant of that name; 0 where it has none.
double ShareOf(const Split& split, std::string_view variant);

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

// --- Phases.

// The weights of the epoch are in force.
struct Running {
  bool operator==(const Running&) const = default;
};
// The default has all traffic until a person resets, or files a new `spec.run`.
struct RolledBack {
  Breach breach;
  bool operator==(const RolledBack&) const = default;
};
// Where the experiment stood could not be read at start: the default has all traffic until a person resets. Never
// journalled.
struct Frozen {
  std::string why;
  bool operator==(const Frozen&) const = default;
};
using Phase = std::variant<Running, RolledBack, Frozen>;

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

// The split that traffic follows: the epoch's own while running, all to its default otherwise.
Split SplitInForce(const State& state);

// The state of an experiment of which nothing could be read.
State FrozenState(const config::Experiment& filed, std::string why, absl::Time now);

// --- Events.

// What the file says now. Told as often as one likes: it changes something only where it differs from the state.
struct Filed {
  std::string run_label;
  Split split;
};
Filed FiledOf(const config::Experiment& experiment);

// A guardrail with `action: rollback` was breached.
struct Breached {
  Breach breach;
};

// A person asks for a new run, by the file of this moment.
struct ResetRequested {
  std::string actor;
  Filed file;
};

using Event = std::variant<Filed, Breached, ResetRequested>;

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
  std::string action;  // "run-opened", "epoch-opened", "rolled-back", "reset"
  std::string detail;
};

// The step that `event` asks for at `now`; nothing where it changes nothing. `state` is nullopt for an experiment never
// seen before. Only a reset is ever refused: FAILED_PRECONDITION, with what is possible instead. A file that both takes
// from one candidate and gives to another makes two steps, the shutting one first: tell it again after each step.
absl::StatusOr<std::optional<Step>> Advance(const std::optional<State>& state, const Event& event, absl::Time now);

}  // namespace weir::experiment

#endif  // WEIR_ROUTER_EXPERIMENT_MACHINE_H_
