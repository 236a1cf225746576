// How an experiment's candidates come to their share: a value, read from `spec.rollout`.
//
// Every strategy is read into the same steps, so that one machine (router/experiment/machine.h) walks them all:
//   canary     the steps as they are written.
//   blueGreen  one step with no share (the candidate is tested by `preview`), then the switch.
//   abTest     one step with the file's weights, at whose end somebody decides.
//   shadow     one step with no share: only mirrors hear of the calls. It ends without a promotion.
//   bandit     one step whose shares follow the outcomes, at whose end somebody decides.

#ifndef WEIR_CONFIG_ROLLOUT_H_
#define WEIR_CONFIG_ROLLOUT_H_

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "config/allocation.h"
#include "config/analysis.h"
#include "config/units.h"

namespace weir::config {

enum class Strategy { kCanary, kBlueGreen, kAbTest, kShadow, kBandit };

// A step is not left before both are there. Samples are calls of each candidate that started in the step and ended well
// or badly, those of a preview among them.
struct Pause {
  absl::Duration duration{};  // Since the step was entered, without the time that a person paused it.
  int64_t min_samples = 0;
  bool operator==(const Pause&) const = default;
};

// People that must agree before a step is left.
struct Approval {
  int required = 1;                                   // Different people.
  std::set<std::string> roles{};                      // Each of whom has one of these; empty: anybody.
  absl::Duration expires = absl::InfiniteDuration();  // Since it was asked for; then the step is inconclusive.
  bool operator==(const Approval&) const = default;
};

struct RolloutStep {
  // That the candidates get together, less what the holdback keeps. nullopt: the shares by the file's weights.
  std::optional<Percent> weight = Percent();
  Pause pause{};
  std::optional<Analysis> analysis{};  // That must have succeeded when the pause is over.
  std::optional<Approval> approval{};  // Asked for after that.
  bool operator==(const RolloutStep&) const = default;
};

// What is done where nobody can tell: an approval that expires, a rollout that takes longer than `max_duration`, a test
// that ends without a verdict.
enum class OnInconclusive { kPause, kRollback };
// What is done where calls stop coming.
enum class OnNoData {
  kWait,  // The step is not left meanwhile.
  kPause,
  kRollback,
};

// A span in which no share grows and nothing is promoted, but by a new run.
struct Freeze {
  absl::Time from;  // Inclusive.
  absl::Time to;    // Exclusive, and later.
  bool operator==(const Freeze&) const = default;
};

// Calls with this header go to the one candidate before the switch of a blueGreen, and enter no inference. Whoever can
// send the header is believed: what callers may send it is for those to say who stand before the proxy.
struct Preview {
  std::string header{};  // Lower case.
  std::string value{};   // Empty: any.
  // As long as the newest of its calls is not older, they count for minSamples and for conditions.
  absl::Duration max_age = absl::Hours(24);
  bool operator==(const Preview&) const = default;
};

struct Rollout {
  Strategy strategy = Strategy::kCanary;
  std::vector<RolloutStep> steps{};  // At least one.
  Percent holdback{};                // On the default, from the promotion until the watch is over.
  absl::Duration watch{};            // After the promotion. 0: none.
  absl::Duration min_duration{};     // From the first step to the promotion, at least.
  absl::Duration max_duration = absl::InfiniteDuration();  // The same, at most.
  OnInconclusive on_inconclusive = OnInconclusive::kPause;
  OnNoData on_no_data = OnNoData::kWait;
  absl::Duration no_data_after = absl::Minutes(5);  // Without a call that started.
  std::optional<absl::Time> start{};                // Not before.
  bool is_started_by_hand = false;                  // `start: manual`: not before `weirctl start`.
  std::optional<absl::Time> end{};                  // Of a test: when it ends; of others: not promoted after it.
  std::vector<Freeze> freezes{};
  std::optional<Preview> preview{};        // Of a blueGreen.
  std::optional<Bandit> bandit{};          // Of a bandit, and only there.
  std::optional<RiskSchedule> schedule{};  // Of a canary: in place of steps.
  bool is_dry_run = false;                 // Goes through its steps, and gives candidates nothing.
  bool operator==(const Rollout&) const = default;
};

// What follows the last step.
enum class RolloutEnd {
  kPromotion,
  kDecision,    // Inconclusive until somebody decides.
  kCompletion,  // The default keeps all.
};
RolloutEnd EndOf(Strategy strategy);

// "canary", as it is written.
std::string ToString(Strategy strategy);

// The share of a step's weight that candidates get: the holdback stays with the default.
Percent LessHoldback(Percent weight, Percent holdback);

}  // namespace weir::config

#endif  // WEIR_CONFIG_ROLLOUT_H_
