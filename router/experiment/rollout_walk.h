// A rollout that is walked through with virtual time, for the tests of its life.

#ifndef WEIR_ROUTER_EXPERIMENT_ROLLOUT_WALK_H_
#define WEIR_ROUTER_EXPERIMENT_ROLLOUT_WALK_H_

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "router/experiment/machine.h"

namespace weir::experiment {

inline config::Percent Share(double percent) { return *config::Percent::FromDouble(percent); }

inline Plan ACanary() {
  const config::Rollout rollout{
      .steps = {{.weight = Share(5), .pause = {absl::Hours(1), 100}},
                {.weight = Share(25), .approval = config::Approval{2, {"owner"}, absl::Hours(24)}},
                {.weight = Share(100), .pause = {absl::Hours(2), 0}}},
      .holdback = Share(1),
      .watch = absl::Hours(3)};
  const Split split{
      .variants = {{"a", config::Weight::FromHundredths(7000)}, {"b", config::Weight::FromHundredths(3000)}}};
  return {.run_label = "", .split = split, .rollout = rollout};
}

// Goes through a rollout: every step that is asked for is taken.
class Walk {
 public:
  explicit Walk(Plan plan = ACanary()) : plan_(std::move(plan)) { Tell(Filed{}); }

  Plan& plan() { return plan_; }
  const State& state() const { return *state_; }
  absl::Time now() const { return now_; }
  double share() const { return ShareOf(SplitInForce(*state_), "b"); }
  Gate last_gate() const { return last_gate_; }

  // Calls come all the time, `samples` of each variant in every step.
  void Pass(absl::Duration time, int64_t samples = 1000) {
    now_ += time;
    for (int i = 0; i < 8 && Tell(TimePassed{{{"a", samples, now_, now_}, {"b", samples, now_, now_}}}); ++i) continue;
  }
  // One tick, with what was analysed.
  void PassAnalysed(absl::Duration time, Verdict verdict) {
    now_ += time;
    Tell(TimePassed{{{"a", 1000, now_, now_}, {"b", 1000, now_, now_}}, {verdict, ""}});
  }
  // Without a call since `newest`.
  void PassSilently(absl::Duration time, absl::Time newest) {
    now_ += time;
    Tell(TimePassed{{{"a", 1000, newest, newest}, {"b", 1000, newest, newest}}});
  }
  absl::Status Ask(Command command) {
    const auto step = Advance(plan_, state_, command, now_);
    if (step.ok() && *step) Take(**step);
    return step.status();
  }
  absl::Status Ask(CommandKind kind, const std::string& actor = "ann") {
    return Ask(Command{.kind = kind, .actor = actor, .roles = {"owner"}});
  }
  bool Tell(const Event& event) {
    const auto step = Advance(plan_, state_, event, now_);
    EXPECT_TRUE(step.ok()) << step.status();
    if (step.ok() && *step) Take(**step);
    return step.ok() && step->has_value();
  }
  void File(Plan plan) {
    plan_ = std::move(plan);
    while (Tell(Filed{})) continue;
  }
  template <typename T>
  const T* In() const {
    return std::get_if<T>(&state_->phase);
  }
  uint32_t step() const { return StepOf(*state_)->step; }
  // Past the first step, waiting for approval in the second.
  void ToApproval() { Pass(absl::Hours(1)); }
  void ToTheWatch() {
    ToApproval();
    EXPECT_TRUE(Ask(CommandKind::kApprove, "ann").ok());
    EXPECT_TRUE(Ask(CommandKind::kApprove, "bob").ok());
    Pass(absl::Hours(2));
    EXPECT_NE(In<Watching>(), nullptr);
  }

 private:
  void Take(const Step& step) {
    state_ = step.next;
    last_gate_ = step.gate;
  }

  Plan plan_;
  std::optional<State> state_;
  absl::Time now_ = absl::FromUnixSeconds(1'000'000);
  Gate last_gate_ = Gate::kShuts;
};

}  // namespace weir::experiment

#endif  // WEIR_ROUTER_EXPERIMENT_ROLLOUT_WALK_H_
