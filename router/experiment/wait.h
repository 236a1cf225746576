// What a rollout waits for: the same answer for the machine, which goes on when it is nothing, and for people.

#ifndef WEIR_ROUTER_EXPERIMENT_WAIT_H_
#define WEIR_ROUTER_EXPERIMENT_WAIT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "router/experiment/machine.h"

namespace weir::experiment {

struct Wait {
  struct Missing {
    std::string variant;
    int64_t samples = 0;
    int64_t wanted = 0;
    bool has_share = true;  // Else they are a preview's.
    bool is_stale = false;  // There were others, and the newest of them is too old.
    bool operator==(const Missing&) const = default;
  };
  absl::Duration time;           // Left of a pause, of minDuration, of the watch, or until the start. Never negative.
  std::vector<Missing> samples;  // Candidates that have fewer than the step wants.
  std::string analysis;          // What its analysis lacks; empty: nothing.
  std::vector<std::string> silent;         // Variants with a share of which no call has come for `noDataAfter`.
  std::vector<std::string> unheard;        // These, and those of which no call of the step, or of the watch, is known.
  std::optional<config::Percent> share;    // That a risk schedule is still to reach.
  int approvals = 0;                       // That are missing; asked for when nothing else is.
  std::optional<absl::Time> frozen_until;  // Nothing goes forward before.
  // Nothing goes on by itself: paused, inconclusive, held, started by hand, or a share that was set to 0 or in a watch.
  bool is_for_person = false;
  bool operator==(const Wait&) const = default;
};

// Of a state that has followed its file. In a phase that waits for nothing the answer is Wait{}.
Wait WaitOf(const Plan& plan, const State& state, const TimePassed& known, absl::Time now);

// "12m left, candidate has 40 of 1000 samples, 1 approval missing"; empty where it waits for nothing.
std::string Describe(const Wait& wait);

}  // namespace weir::experiment

#endif  // WEIR_ROUTER_EXPERIMENT_WAIT_H_
