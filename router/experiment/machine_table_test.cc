// Holds `Advance` to machine.md: every phase is put through every event with many plans, times and counts.

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "router/experiment/machine.h"

namespace weir::experiment {
namespace {

using Outcomes = std::set<std::string>;
using Table = std::map<std::pair<std::string, std::string>, Outcomes>;  // By phase and event.

const absl::Time kThen = absl::FromUnixSeconds(1'000'000);

std::vector<std::string> Cells(const std::string& line) {
  std::vector<std::string> cells;
  for (absl::string_view cell : absl::StrSplit(line, '|')) {
    cells.emplace_back(absl::StripAsciiWhitespace(cell));
  }
  return cells;
}

Table Documented() {
  std::ifstream file("router/experiment/machine.md");
  EXPECT_TRUE(file.good());
  Table table;
  for (std::string line; std::getline(file, line);) {
    const std::vector<std::string> cells = Cells(line);
    if (cells.size() != 5 || cells[1] == "phase" || cells[1] == "---") continue;
    for (const std::string& phase : std::vector<std::string>(absl::StrSplit(cells[1], ", "))) {
      for (const std::string& event : std::vector<std::string>(absl::StrSplit(cells[2], ", "))) {
        const std::vector<std::string> outcomes = absl::StrSplit(cells[3], ", ");
        EXPECT_TRUE(table.emplace(std::pair(phase, event), Outcomes(outcomes.begin(), outcomes.end())).second)
            << phase << " and " << event << " are listed twice";
      }
    }
  }
  return table;
}

std::string NameOf(const Phase& phase) {
  constexpr const char* kNames[] = {"Running", "RolledBack",   "Frozen",   "Waiting",  "Stepping",
                                    "Paused",  "Inconclusive", "Watching", "Completed"};
  return kNames[phase.index()];
}

// --- Plans.

config::Percent Share(double percent) { return *config::Percent::FromDouble(percent); }

Split Weights(uint32_t a, uint32_t b) {
  return {.variants = {{"a", config::Weight::FromHundredths(a * 100)}, {"b", config::Weight::FromHundredths(b * 100)}}};
}

config::Rollout ACanary() {
  return {.steps = {{.weight = Share(5), .pause = {absl::Hours(1), 10}},
                    {.weight = Share(25), .pause = {}, .approval = config::Approval{2, {"owner"}, absl::Hours(1)}},
                    {.weight = Share(100)}},
          .holdback = Share(1),
          .watch = absl::Hours(1),
          .max_duration = absl::Hours(10)};
}

std::vector<Plan> Plans() {
  std::vector<config::Rollout> rollouts(20, ACanary());
  rollouts[1].on_inconclusive = config::OnInconclusive::kRollback;
  rollouts[2].on_no_data = config::OnNoData::kPause;
  rollouts[3].on_no_data = config::OnNoData::kRollback;
  rollouts[4].steps = {{.weight = Share(50), .pause = {}, .approval = config::Approval{}}};
  rollouts[5].is_started_by_hand = true;
  rollouts[6].start = kThen + absl::Hours(1);
  rollouts[7].watch = absl::ZeroDuration();
  rollouts[8].steps.pop_back();
  rollouts[8].steps[1].approval->required = 1;
  rollouts[8].min_duration = absl::Hours(2);
  rollouts[9] = {.strategy = config::Strategy::kAbTest,
                 .steps = {{.weight = std::nullopt, .pause = {absl::Hours(1), 10}}},
                 .holdback = Share(1),
                 .watch = absl::Hours(1)};
  rollouts[10] = {.strategy = config::Strategy::kShadow, .steps = {{.weight = Share(0), .pause = {absl::Hours(1), 0}}}};
  rollouts[11] = rollouts[9];
  rollouts[11].steps[0].approval = config::Approval{};
  rollouts[12].steps = {{.weight = Share(25), .pause = {absl::Hours(1), 0}}, {.weight = Share(5)}};
  rollouts[13].freezes = {{kThen, kThen + absl::Hours(2)}};
  rollouts[14].is_dry_run = true;
  rollouts[15].steps[0].analysis = config::Analysis{.timeout = absl::Hours(2)};
  rollouts[15].steps[1].analysis = config::Analysis{};
  rollouts[16] = rollouts[9];
  rollouts[16].steps[0].analysis = config::Analysis{};
  rollouts[17] = {
      .strategy = config::Strategy::kBandit,
      .steps = {{.weight = std::nullopt, .pause = {absl::Hours(2), 10}, .approval = config::Approval{}}},
      .holdback = Share(1),
      .watch = absl::Hours(1),
      .bandit = config::Bandit{.metric = "m", .floor = Share(10), .max_move = Share(20), .min_outcomes = 1}};
  rollouts[18].steps = {{.weight = Share(5), .pause = {}, .approval = config::Approval{}}};
  rollouts[18].schedule = config::RiskSchedule{.budget = 5, .impact = 100, .first = Share(5), .max_move = Share(50)};
  rollouts[19] = rollouts[18];
  rollouts[19].steps[0].approval.reset();
  std::vector<Plan> plans = {{"", Weights(70, 30)}, {"", Weights(95, 5)}, {"again", Weights(70, 30)}};
  for (const config::Rollout& rollout : rollouts) {
    plans.push_back({"", Weights(70, 30), rollout, config::OutcomeMetric{.name = "m", .field = "m"}});
  }
  plans.push_back({"again", Weights(70, 30), rollouts[0]});
  plans.push_back({"again", Weights(70, 30), rollouts[5]});
  return plans;
}

// --- States.

std::vector<Stepping> Steps() {
  std::vector<Stepping> steps;
  for (uint32_t step = 0; step < 3; ++step) {
    const Stepping at{.step = step, .first_epoch = 2, .begun = kThen, .entered = kThen};
    Stepping asked = at, half = at, by_hand = at, chosen = at, by_risk = at;
    chosen.chosen = Weights(55, 45).variants;
    by_risk.by_risk = Share(40);
    asked.asked_at = kThen;
    half.asked_at = kThen;
    half.approvals = {{"bob", kThen, ""}};
    by_hand.by_hand = Share(2);
    steps.insert(steps.end(), {at, asked, half, by_hand, chosen, by_risk});
  }
  return steps;
}

std::vector<Phase> Phases() {
  std::vector<Phase> phases = {Running{},
                               RolledBack{.by = "ann", .why = "no"},
                               Frozen{"unread"},
                               Waiting{},
                               Waiting{.held_by = "ann"},
                               Watching{.since = kThen},
                               Watching{.since = kThen, .by_hand = Share(50)},
                               Completed{},
                               Completed{.is_promoted = false},
                               Watching{.since = kThen, .chosen = Weights(55, 45).variants},
                               Completed{.chosen = Weights(55, 45).variants}};
  for (const Stepping& stepping : Steps()) {
    phases.push_back(stepping);
    phases.push_back(Paused{stepping, "ann", ""});
    phases.push_back(Inconclusive{stepping, "who knows"});
  }
  return phases;
}

State At(const Phase& phase, const Split& split) {
  return {.run = {.ordinal = 1, .label = "", .started = kThen},
          .epoch = {.ordinal = 2, .started = kThen, .split = split},
          .phase = phase,
          .phase_since = kThen};
}

// The state as it has followed the plan, and as it stood with other shares.
std::vector<State> StatesOf(const Phase& phase, const Plan& plan) {
  std::vector<State> states;
  for (const Split& split : {Weights(100, 0), Weights(95, 5), Weights(75, 25), Weights(1, 99)}) {
    states.push_back(At(phase, split));
  }
  State followed = states[0];
  for (int i = 0; i < 3; ++i) {
    auto step = Advance(plan, followed, Filed{}, kThen);
    if (!step.ok() || !*step || (*step)->next.phase.index() != phase.index()) break;
    followed = (*step)->next;
  }
  followed.run.label = "";
  states.push_back(followed);
  return states;
}

// --- Events.

// `a` is the default, and has so many outcomes, of which these parts are good, and so many calls that failed.
Weighed Knowing(double good_a, double good_b, double failed_b, absl::Time newest) {
  const auto proportion = [](double mean) {
    return stats::ArmEstimate{.n = 10000, .mean = mean, .standard_error = 0.005, .effective_n = 10000};
  };
  return {{{.variant = "a", .outcomes = proportion(good_a), .errors = proportion(0.01), .newest = newest},
           {.variant = "b", .outcomes = proportion(good_b), .errors = proportion(failed_b), .newest = newest}}};
}

std::vector<std::pair<std::string, Event>> Events(absl::Time now) {
  std::vector<std::pair<std::string, Event>> events = {
      {"Filed", Filed{}},
      {"Breached", Breached{Breach{.guardrail = "errors"}}},
      {"Breached to pause", Breached{Breach{}, /*pauses=*/true}},
      {"TimePassed", TimePassed{}},
      {"TimePassed", TimePassed{{{"a", 100, now, now}, {"b", 100, now, now}}}},
      {"TimePassed", TimePassed{{{"a", 100, now, now}, {"b", 100, now, now}}, Analysed{Verdict::kSuccess, "better"}}},
      {"Weighed", Weighed{}},
      {"Weighed", Knowing(0.5, 0.7, 0.01, now)},
      {"Weighed", Knowing(0.7, 0.5, 0.5, now)},
      {"Analysed", Analysed{Verdict::kSuccess, "better"}},
      {"Analysed", Analysed{Verdict::kUndecided, "early"}},
      {"Analysed", Analysed{Verdict::kFailed, "worse"}},
      {"Analysed", Analysed{Verdict::kInconclusive, "unclear"}}};
  for (int kind = 0; kind <= static_cast<int>(CommandKind::kReject); ++kind) {
    const Command command{.kind = static_cast<CommandKind>(kind), .actor = "ann", .roles = {"owner"}};
    for (const bool is_full : {false, true}) {
      for (const double share : {0.0, 2.0, 50.0, 100.0}) {
        Command varied = command;
        varied.is_full = is_full;
        varied.weight = Share(share);
        events.emplace_back(NameOf(command.kind), varied);
      }
    }
  }
  return events;
}

std::string OutcomeOf(const absl::StatusOr<std::optional<Step>>& step) {
  if (!step.ok()) return "refused";
  if (!*step) return "nothing";
  return absl::StrCat((*step)->gate == Gate::kOpens ? "opens " : "shuts ", NameOf((*step)->next.phase));
}

// Whether the rollout goes forward by itself where nothing is known.
bool PromotesWithoutCalls(const std::optional<State>& state, const Event& event, const Step& step) {
  const auto* passed = std::get_if<TimePassed>(&event);
  if (passed == nullptr || !passed->samples.empty() || !state) return false;
  if (std::holds_alternative<Waiting>(state->phase)) return false;  // It begins.
  return step.gate == Gate::kOpens || std::holds_alternative<Watching>(step.next.phase) ||
         std::holds_alternative<Completed>(step.next.phase);
}

// What must hold of every step, whatever the table says.
void CheckStep(const Plan& plan, const std::optional<State>& state, const Step& step, absl::Time now,
               const std::string& what) {
  ASSERT_FALSE(step.actor.empty() || step.action.empty()) << what;
  ASSERT_GT(step.next.epoch.ordinal, 0u) << what;
  if (step.gate == Gate::kShuts) {
    ASSERT_TRUE(state.has_value()) << what;
    ASSERT_FALSE(Opens(SplitInForce(*state), SplitInForce(step.next))) << what << " gave a candidate more";
  }
  if (state && step.next.run == state->run && step.next.epoch.split != state->epoch.split) {
    ASSERT_GT(step.next.epoch.ordinal, state->epoch.ordinal) << what << " changed shares within an epoch";
  }
  // Told again, a file settles.
  std::optional<State> settled = step.next;
  for (int i = 0; i < 4; ++i) {
    const auto more = Advance(plan, settled, Filed{}, now);
    ASSERT_TRUE(more.ok()) << what;
    if (!*more) return;
    settled = (*more)->next;
  }
  FAIL() << what << ": the file never settles";
}

Table Observed() {
  Table table;
  for (const Plan& plan : Plans()) {
    for (const absl::Duration later : {absl::Seconds(1), absl::Minutes(90), absl::Hours(3), absl::Hours(20)}) {
      const absl::Time now = kThen + later;
      for (const auto& [name, event] : Events(now)) {
        table[{"Unseen", name}].insert(OutcomeOf(Advance(plan, std::nullopt, event, now)));
        for (const Phase& phase : Phases()) {
          for (const State& state : StatesOf(phase, plan)) {
            const auto step = Advance(plan, state, event, now);
            const std::string outcome = OutcomeOf(step);
            table[{NameOf(phase), name}].insert(outcome);
            if (step.ok() && *step) {
              CheckStep(plan, state, **step, now, absl::StrCat(NameOf(phase), " on ", name, ": ", outcome));
              EXPECT_FALSE(PromotesWithoutCalls(state, event, **step)) << NameOf(phase) << ": " << outcome;
            }
          }
        }
      }
    }
  }
  return table;
}

TEST(MachineTableTest, WhatFollowsIsWhatTheTableSaysAndNothingElse) {
  const Table documented = Documented();
  const Table observed = Observed();
  for (const auto& [key, outcomes] : observed) {
    const auto listed = documented.find(key);
    ASSERT_NE(listed, documented.end()) << key.first << " on " << key.second << " is not in the table";
    EXPECT_EQ(absl::StrJoin(listed->second, ", "), absl::StrJoin(outcomes, ", ")) << key.first << " on " << key.second;
  }
  for (const auto& [key, outcomes] : documented) {
    EXPECT_TRUE(observed.contains(key)) << key.first << " on " << key.second << " is no phase or event";
  }
}

}  // namespace
}  // namespace weir::experiment
