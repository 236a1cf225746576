// The spans of unchanged shares that an experiment goes through by itself, and how long each lasts at some traffic.

#ifndef WEIR_ROUTER_CLI_PLANNING_STAGES_H_
#define WEIR_ROUTER_CLI_PLANNING_STAGES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "config/config.h"
#include "router/cli/planning/assumptions.h"

namespace weir::cli {

struct Stage {
  std::string name;            // "step 2", "watch", "weights"
  std::vector<double> shares;  // Of all calls, by the place of the variant in the experiment; after the holdback.
  absl::Duration starts;       // After the first stage began.
  absl::Duration length;
  std::string because;             // What it is as long as: "pause", "1,000 samples of candidate", ...
  int approvals = 0;               // That come on top, in nobody's time.
  uint32_t restart = 0;            // Which restarted test of the guardrails' ledger begins with it; 0: the run's own.
  bool is_watch = false;           // After the promotion.
  bool waits_for_samples = false;  // Longer than its pause.

  double calls(const Assumptions& assumptions) const;  // Of all variants.
  // Nothing can be seen in it: the rollout goes on as soon as it is entered.
  bool is_passing() const { return length == absl::ZeroDuration(); }
};

// The shares of the default and of the candidate with the least; a candidate of weight 0 is none.
struct SharesCompared {
  double baseline = 0, candidate = 0;
  bool is_compared() const { return baseline > 0 && candidate > 0; }
  double both() const { return baseline + candidate; }
};
SharesCompared SharesComparedIn(const config::Experiment& experiment, const Stage& stage);

// In their order; without a rollout a single one, by the weights, as long as is assumed.
std::vector<Stage> StagesOf(const config::Experiment& experiment, const Assumptions& assumptions);

// Until the promotion, the decision or the end; without the watch.
absl::Duration LengthOf(const std::vector<Stage>& stages);

// Which restarted test of the ledger begins with a step (from 0): a run that waits for its start has spent its first
// span of shares, and with it the run's own test, on that.
uint32_t RestartOfStep(const config::Rollout& rollout, uint32_t step);

// The part of the guardrail's alpha that a candidate's test has which sees a change that begins with the stage: the
// run's own test in the first stage, and later the one that is restarted there (experiment/guardrails.h,
// stats/guardrails.h). Of a run that begins with this specification.
double AlphaOfTest(const config::Experiment& experiment, const config::Guardrail& guardrail, uint32_t restart);

}  // namespace weir::cli

#endif  // WEIR_ROUTER_CLI_PLANNING_STAGES_H_
