#include "test/simulator/spec_draft.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace weir::simulator {
namespace {

std::string At(absl::Time time) { return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone()); }

std::string Span(Dice& dice, int least_ms, int most_ms) { return absl::StrCat(dice.Between(least_ms, most_ms), "ms"); }

std::string Approval(Dice& dice) {
  return absl::StrCat("{required: ", dice.Between(1, 2), dice.Chance(0.5) ? ", roles: [operator]" : "",
                      dice.Chance(0.3) ? ", expires: 3s" : "", "}");
}

std::string PauseOf(Dice& dice) {
  return absl::StrCat("{duration: ", Span(dice, 200, 3000),
                      dice.Chance(0.3) ? absl::StrCat(", minSamples: ", dice.Between(1, 60)) : "", "}");
}

// One that what a world sees may pass, fail or leave open.
std::string AnalysisOf(Dice& dice) {
  const std::vector<std::string> tests = {
      "nonInferiority: true", "nonInferiority: false, successCondition: error_rate.candidate < 0.2",
      "nonInferiority: false, failureCondition: error_rate.candidate > 0.2", "nonInferiority: false, primaries: true"};
  return absl::StrCat("{", dice.Pick(tests), ", timeout: ", Span(dice, 3000, 8000), "}");
}

std::string Unpreviewed(Dice& dice) { return absl::StrCat("pause: {duration: ", Span(dice, 200, 3000), "}"); }

// Refused where there are several candidates.
std::string Previewed(Dice& dice) {
  const std::vector<std::string> tests = {"successCondition: preview_error_rate.candidate < 0.2",
                                          "failureCondition: preview_error_rate.candidate > 0.2"};
  const std::string max_age = dice.Chance(0.2) ? absl::StrCat(", maxAge: ", Span(dice, 500, 3000)) : "";
  std::string text = absl::StrCat("preview: {header: x-preview", max_age, "}, pause: ", PauseOf(dice));
  if (dice.Chance(0.6)) absl::StrAppend(&text, ", analysis: {", dice.Pick(tests), ", timeout: 8s}");
  return text;
}

std::string CanarySteps(Dice& dice) {
  std::vector<std::string> steps;
  const int64_t count = dice.Between(1, 5);
  int64_t weight = 0;
  for (int64_t i = 0; i < count; ++i) {
    weight = std::min<int64_t>(100, weight + dice.Between(1, 30));
    const bool falls = dice.Chance(0.05);
    std::string step =
        absl::StrCat("{setWeight: ", falls ? dice.Between(1, weight) : weight, ", pause: ", PauseOf(dice));
    if (dice.Chance(0.2)) absl::StrAppend(&step, ", approval: ", Approval(dice));
    if (weight < 100 && dice.Chance(0.25)) absl::StrAppend(&step, ", analysis: ", AnalysisOf(dice));
    steps.push_back(absl::StrCat(step, "}"));
  }
  if (dice.Chance(0.3)) steps.push_back("{setWeight: 100}");
  return absl::StrCat("steps: [", absl::StrJoin(steps, ", "), "]");
}

// What every strategy may say.
std::string Limits(absl::Time now, bool may_be_dry, Dice& dice) {
  std::string text;
  if (dice.Chance(0.2)) absl::StrAppend(&text, ", maxDuration: ", dice.Between(16, 25), "s");
  if (dice.Chance(0.3)) absl::StrAppend(&text, ", onInconclusive: ", dice.Chance(0.5) ? "rollback" : "pause");
  if (dice.Chance(0.3)) {
    absl::StrAppend(&text, ", onNoData: ", dice.Chance(0.5) ? "rollback" : "pause",
                    ", noDataAfter: ", Span(dice, 1500, 6000));
  }
  if (dice.Chance(0.1)) absl::StrAppend(&text, ", start: manual");
  if (dice.Chance(0.1))
    absl::StrAppend(&text, ", start: \"", At(now + dice.Between(absl::Seconds(-5), absl::Seconds(10))), "\"");
  if (dice.Chance(0.1)) {
    const absl::Time from = now + dice.Between(absl::Seconds(-5), absl::Seconds(10));
    absl::StrAppend(&text, ", freeze: [{from: \"", At(from), "\", to: \"", At(from + absl::Seconds(5)), "\"}]");
  }
  if (may_be_dry && dice.Chance(0.04)) absl::StrAppend(&text, ", dryRun: true");
  return text;
}

std::string OnlyOneStart(std::string text) {
  const size_t first = text.find(", start: ");
  const size_t second = first == std::string::npos ? first : text.find(", start: ", first + 1);
  if (second == std::string::npos) return text;
  return text.substr(0, first) + text.substr(second);
}

std::string RandomBandit(Dice& dice) {
  const std::vector<std::string> policies = {"thompson", "ucb1", "epsilonGreedy, epsilon: 0.1"};
  return absl::StrCat("strategy: bandit, bandit: {metric: accuracy, policy: ", dice.Pick(policies),
                      ", floor: 0.1, leastShare: 0.1, maxMove: ", dice.Between(1, 40),
                      ", every: ", Span(dice, 1000, 3000), ", minOutcomes: ", dice.Between(1, 20),
                      "}, pause: ", PauseOf(dice));
}

std::string RandomSchedule(Dice& dice) {
  return absl::StrCat("strategy: canary, schedule: risk, riskBudget: ", dice.Between(10, 100),
                      ", risk: {impact: 1000, first: 1, maxMove: ", dice.Between(1, 40),
                      ", every: ", Span(dice, 1000, 3000), dice.Chance(0.5) ? ", metric: accuracy" : "", "}");
}

std::string RandomRollout(absl::Time now, Dice& dice) {
  constexpr double kOwnShares = 0.2;  // Of rollouts that choose their shares themselves.
  const double which = dice.Uniform();
  std::string text;
  if (which < kOwnShares) {
    text = absl::StrCat(which < kOwnShares / 2 ? RandomBandit(dice) : RandomSchedule(dice),
                        ", watch: ", Span(dice, 300, 4000));
  } else if (which < 0.72) {
    text = absl::StrCat("strategy: canary, ", CanarySteps(dice));
    if (dice.Chance(0.5)) absl::StrAppend(&text, ", holdback: ", dice.Between(0, 20));
    absl::StrAppend(&text, ", watch: ", Span(dice, 300, 4000));
  } else if (which < 0.84) {
    text = absl::StrCat("strategy: blueGreen, ", dice.Chance(0.6) ? Previewed(dice) : Unpreviewed(dice),
                        dice.Chance(0.5) ? absl::StrCat(", approval: ", Approval(dice)) : "");
    absl::StrAppend(&text, ", watch: ", Span(dice, 300, 4000));
  } else if (which < 0.95) {
    text = absl::StrCat("strategy: abTest, pause: ", PauseOf(dice));
    if (dice.Chance(0.3)) absl::StrAppend(&text, ", analysis: ", AnalysisOf(dice));
    absl::StrAppend(&text, ", watch: ", Span(dice, 300, 4000));
  } else {
    text = absl::StrCat("strategy: shadow, pause: {duration: ", Span(dice, 200, 3000), "}");
  }
  return absl::StrCat("{", OnlyOneStart(absl::StrCat(text, Limits(now, /*may_be_dry=*/which >= kOwnShares, dice))),
                      "}");
}

std::vector<std::string> RandomGuardrails(Dice& dice) {
  const std::vector<std::string> ratios = {"1.2", "1.5", "1.8"};
  std::vector<std::string> guardrails = {
      absl::StrCat("{name: errors, metric: error_rate, compareTo: default, maxRatio: ", dice.Pick(ratios),
                   ", alpha: 0.01, action: rollback", dice.Chance(0.5) ? ", detector: act, arl: 1000" : "", "}")};
  if (dice.Chance(0.4)) {
    guardrails.push_back(absl::StrCat(
        "{name: tail, metric: latency_p95, compareTo: default, maxRatio: 1.5, alpha: 0.01, ",
        "action: ", dice.Chance(0.8) ? "rollback" : "warn",
        dice.Chance(0.3) ? absl::StrCat(", when: {minRate: ", dice.Between(1, 40), "/s, for: 2s}") : "", "}"));
  }
  if (dice.Chance(0.3))
    guardrails.push_back("{name: ceiling, metric: error_rate, max: 0.3, alpha: 0.01, action: rollback}");
  if (dice.Chance(0.3))
    guardrails.push_back("{name: accuracy, metric: accuracy, min: 0.4, alpha: 0.01, action: rollback}");
  return guardrails;
}

void EditWeights(SpecDraft& draft, Dice& dice) {
  for (auto& [name, weight] : draft.candidates) weight = static_cast<int>(dice.Between(0, 100));
  // Nothing else is watched, or can be rolled out.
  for (auto& [name, weight] : draft.candidates) weight = std::max(weight, 1);
}

void AddOrRemoveCandidate(SpecDraft& draft, const Liberties& liberties, Dice& dice) {
  const auto second = std::find_if(draft.candidates.begin(), draft.candidates.end(),
                                   [](const auto& candidate) { return candidate.first == "second"; });
  if (second == draft.candidates.end()) {
    const int64_t place = dice.Between(0, static_cast<int64_t>(draft.candidates.size()));
    draft.candidates.insert(draft.candidates.begin() + place, {"second", static_cast<int>(dice.Between(1, 40))});
  } else if (second->first != draft.default_variant) {
    draft.candidates.erase(second);
  } else if (liberties.may_change_default) {
    draft.default_variant = "baseline";
  }
}

}  // namespace

std::string SpecDraft::ToYaml() const {
  std::string text = absl::StrCat("apiVersion: weir/v1\nkind: Experiment\nmetadata: {name: ", name, "}\nspec:\n");
  if (!run.empty()) absl::StrAppend(&text, "  run: ", run, "\n");
  absl::StrAppend(&text, "  default: ", default_variant, "\n  candidates:\n");
  for (const auto& [candidate, weight] : candidates) {
    absl::StrAppend(&text, "    - {name: ", candidate, ", weight: ", weight, "}\n");
  }
  absl::StrAppend(&text, "  match: {service: simulated.", name, "}\n  assignment: {key: [{header: x-user-id}]}\n");
  absl::StrAppend(&text, "  joinWindow: ", join_window, "\n");
  if (rollout.find("shadow") != std::string::npos) absl::StrAppend(&text, "  mirror: {name: spare}\n");
  if (has_metrics) {
    absl::StrAppend(&text, "  metrics:\n    - {name: accuracy, source: feedback, field: correct, type: proportion, ",
                    "goal: increase, role: primary}\n");
  }
  if (!guardrails.empty()) absl::StrAppend(&text, "  guardrails:\n");
  for (const std::string& guardrail : guardrails) absl::StrAppend(&text, "    - ", guardrail, "\n");
  if (!rollout.empty()) absl::StrAppend(&text, "  rollout: ", rollout, "\n");
  return text;
}

std::string ProxyYaml(const std::vector<std::string>& models) {
  std::string text =
      "apiVersion: weir/v1\nkind: Proxy\nmetadata: {name: simulated}\nspec:\n"
      "  listener: {address: \"127.0.0.1:0\"}\n  stateDirectory: state\n  experiments: experiments/\n  models:\n";
  for (const std::string& model : models) {
    absl::StrAppend(&text, "    - {name: ", model, ", endpoints: [\"", model, ":8001\"]}\n");
  }
  return text;
}

SpecDraft RandomDraft(const std::string& name, absl::Time now, Dice& dice) {
  SpecDraft draft{.name = name, .run = {}, .guardrails = RandomGuardrails(dice), .rollout = {}};
  EditWeights(draft, dice);
  if (dice.Chance(0.25)) AddOrRemoveCandidate(draft, {}, dice);
  if (dice.Chance(0.7)) draft.rollout = RandomRollout(now, dice);
  if (dice.Chance(0.4)) draft.join_window = absl::StrCat(dice.Between(1, 8), "s");
  return draft;
}

void EditAtRandom(SpecDraft& draft, const Liberties& liberties, absl::Time now, Dice& dice) {
  const double which = dice.Uniform();
  if (which < 0.35) return EditWeights(draft, dice);
  if (which < 0.5) {
    draft.run = absl::StrCat("r", dice.Between(1, 3));
  } else if (which < 0.65) {
    draft.rollout = RandomRollout(now, dice);
  } else if (which < 0.72) {
    draft.rollout = "";
  } else if (which < 0.85) {
    AddOrRemoveCandidate(draft, liberties, dice);
  } else if (which < 0.9 && liberties.may_change_default) {
    draft.default_variant = dice.Pick(draft.candidates).first;
  } else if (liberties.may_change_guardrails) {
    draft.guardrails = RandomGuardrails(dice);
  }
}

std::string Broken(const std::string& yaml, const Liberties& liberties, Dice& dice) {
  const size_t cut = static_cast<size_t>(dice.Between(0, static_cast<int64_t>(yaml.size())));
  switch (dice.Between(0, 4)) {
    case 0:
      if (liberties.may_change_guardrails) return yaml.substr(0, cut);
      [[fallthrough]];
    case 1:
      return absl::StrCat(yaml, "  unheardOf: 1\n");
    case 2:
      return absl::StrCat(yaml, "  - }{\n");
    case 3:
      return absl::StrCat(yaml, "  default: nobody\n");
    default:
      return "";
  }
}

}  // namespace weir::simulator
