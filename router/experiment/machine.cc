#include "router/experiment/machine.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace weir::experiment {
namespace {

// What any split's weights are when the default has all.
constexpr uint32_t kWhole = 10000;

const config::Variant* Find(const Split& split, std::string_view name) {
  for (const config::Variant& variant : split.variants) {
    if (variant.name == name) return &variant;
  }
  return nullptr;
}

uint64_t Sum(const Split& split) {
  uint64_t sum = 0;
  for (const config::Variant& variant : split.variants) sum += variant.weight.hundredths();
  return sum;
}

uint64_t WeightOf(const Split& split, std::string_view name) {
  const config::Variant* variant = Find(split, name);
  return variant == nullptr ? 0 : variant->weight.hundredths();
}

// a / sum_a > b / sum_b, exactly: weights are at most 1e8 hundredths each and there are few, so products fit.
bool IsLarger(uint64_t a, uint64_t sum_a, uint64_t b, uint64_t sum_b) { return a * sum_b > b * sum_a; }

// Whether any candidate gets more under `to` than under `from`. Another default opens too: it gets what it never had.
bool Opens(const Split& from, const Split& to) {
  if (from.default_name() != to.default_name()) return true;
  return std::any_of(to.variants.begin(), to.variants.end(), [&](const config::Variant& variant) {
    return variant.name != to.default_name() &&
           IsLarger(variant.weight.hundredths(), Sum(to), WeightOf(from, variant.name), Sum(from));
  });
}

// What `to` takes away from candidates of `from`, given to the default, and nothing else changed; nullopt if it takes
// nothing. The sum stays, so that no other share moves; shares are rounded down to the weights' steps.
std::optional<Split> ShutPart(const Split& from, const Split& to) {
  Split result = from;
  uint64_t taken = 0;
  for (size_t i = 0; i < result.variants.size(); ++i) {
    if (i == result.default_variant) continue;
    const uint64_t present = result.variants[i].weight.hundredths();
    const uint64_t wanted = WeightOf(to, result.variants[i].name) * Sum(from) / Sum(to);
    // The default of `to` may be a candidate of `from`: its share is not taken away, it is about to grow.
    if (wanted >= present || result.variants[i].name == to.default_name()) continue;
    result.variants[i].weight = config::Weight::FromHundredths(static_cast<uint32_t>(wanted));
    taken += present - wanted;
  }
  if (taken == 0) return std::nullopt;
  config::Variant& fallback = result.variants[result.default_variant];
  fallback.weight = config::Weight::FromHundredths(static_cast<uint32_t>(fallback.weight.hundredths() + taken));
  return result;
}

std::string Describe(const Split& split) {
  return absl::StrJoin(split.variants, ", ", [](std::string* out, const config::Variant& variant) {
    absl::StrAppend(out, variant.name, " ", variant.weight.ToString());
  });
}

State NewRun(const std::optional<State>& state, const Filed& filed, absl::Time now) {
  const uint32_t ordinal = state ? state->run.ordinal + 1 : 1;
  return State{.run = {.ordinal = ordinal, .label = filed.run_label, .started = now},
               .epoch = {.ordinal = 1, .started = now, .split = filed.split},
               .phase = Running{},
               .phase_since = now};
}

Step NewEpoch(const State& state, Split split, Gate gate, absl::Time now) {
  State next = state;
  std::string detail = absl::StrCat("weights ", Describe(split), "; before ", Describe(state.epoch.split));
  next.epoch = {.ordinal = state.epoch.ordinal + 1, .started = now, .split = std::move(split)};
  return Step{std::move(next), gate, "file", "epoch-opened", std::move(detail)};
}

std::optional<Step> OnFile(const std::optional<State>& state, const Filed& filed, absl::Time now) {
  if (!state) {
    return Step{NewRun(state, filed, now), Gate::kOpens, "file", "run-opened",
                absl::StrCat("first seen; weights ", Describe(filed.split))};
  }
  const bool is_new_run = state->run.label != filed.run_label;
  if (const bool is_running = std::holds_alternative<Running>(state->phase);
      is_running && state->epoch.split != filed.split) {
    if (!Opens(state->epoch.split, filed.split)) return NewEpoch(*state, filed.split, Gate::kShuts, now);
    if (auto shut = ShutPart(state->epoch.split, filed.split)) {
      return NewEpoch(*state, *std::move(shut), Gate::kShuts, now);
    }
    if (!is_new_run) return NewEpoch(*state, filed.split, Gate::kOpens, now);
  }
  if (!is_new_run) return std::nullopt;
  return Step{NewRun(state, filed, now), Gate::kOpens, "file", "run-opened",
              absl::StrCat("spec.run is '", filed.run_label, "', was '", state->run.label, "'; weights ",
                           Describe(filed.split))};
}

std::optional<Step> OnBreach(const std::optional<State>& state, const Breach& breach, absl::Time now) {
  if (!state || !std::holds_alternative<Running>(state->phase)) return std::nullopt;
  State next = *state;
  next.phase = RolledBack{breach};
  // Shares change, so an epoch begins: what the default does alone is not mixed into what it did beside the candidate.
  next.epoch.ordinal += 1;
  next.epoch.started = now;
  next.phase_since = now;
  return Step{std::move(next), Gate::kShuts, "weir", "rolled-back", breach.summary};
}

absl::StatusOr<std::optional<Step>> OnReset(const std::optional<State>& state, const ResetRequested& reset,
                                            absl::Time now) {
  if (!state) return absl::FailedPreconditionError("its first run is not opened yet: there is nothing to reset");
  if (std::holds_alternative<Running>(state->phase)) {
    return absl::FailedPreconditionError(absl::StrCat("it is running (run ", state->run.ordinal,
                                                      "): only a rolled-back or frozen experiment is reset; another "
                                                      "`spec.run` in its file opens a new run of this one"));
  }
  return Step{NewRun(state, reset.file, now), Gate::kOpens, reset.actor, "reset",
              absl::StrCat("weights ", Describe(reset.file.split))};
}

}  // namespace

Split SplitOf(const config::Experiment& experiment) { return {experiment.variants, experiment.default_variant}; }

Filed FiledOf(const config::Experiment& experiment) { return {experiment.run, SplitOf(experiment)}; }

double ShareOf(const Split& split, std::string_view variant) {
  const uint64_t sum = Sum(split);
  return sum == 0 ? 0 : static_cast<double>(WeightOf(split, variant)) / static_cast<double>(sum);
}

Split SplitInForce(const State& state) {
  if (std::holds_alternative<Running>(state.phase)) return state.epoch.split;
  Split split = state.epoch.split;
  for (config::Variant& variant : split.variants) variant.weight = config::Weight();
  split.variants[split.default_variant].weight = config::Weight::FromHundredths(kWhole);
  return split;
}

State FrozenState(const config::Experiment& filed, std::string why, absl::Time now) {
  return State{.run = {.ordinal = 0, .label = filed.run, .started = now},
               .epoch = {.ordinal = 0, .started = now, .split = SplitOf(filed)},
               .phase = Frozen{std::move(why)},
               .phase_since = now};
}

absl::StatusOr<std::optional<Step>> Advance(const std::optional<State>& state, const Event& event, absl::Time now) {
  if (const auto* filed = std::get_if<Filed>(&event)) return OnFile(state, *filed, now);
  if (const auto* breached = std::get_if<Breached>(&event)) return OnBreach(state, breached->breach, now);
  return OnReset(state, std::get<ResetRequested>(event), now);
}

}  // namespace weir::experiment
