#include "router/routing/build_table.h"

#include <algorithm>
#include <limits>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"

namespace weir::routing {
namespace {

using ModelNumbers = absl::flat_hash_map<std::string, ModelIndex>;

constexpr size_t kMostModelNumbers = std::numeric_limits<ModelIndex>::max();

// The entries of `previous` without endpoints, then the configuration's models in their old places or at the end.
absl::StatusOr<std::vector<ModelRoute>> NumberModels(const std::vector<config::Model>& models,
                                                     const RouteTable* previous, ModelNumbers& numbers) {
  std::vector<ModelRoute> numbered;
  if (previous != nullptr) {
    for (const ModelRoute& old : previous->models) {
      numbers[old.name] = static_cast<ModelIndex>(numbered.size());
      numbered.push_back({.name = old.name, .endpoints = {}, .health = std::nullopt, .deadline = std::nullopt});
    }
  }
  for (const config::Model& model : models) {
    const auto [place, is_new] = numbers.try_emplace(model.name, static_cast<ModelIndex>(numbered.size()));
    if (is_new) {
      if (numbered.size() >= kMostModelNumbers) {
        return absl::ResourceExhaustedError("this process has no number left for another model: restart it");
      }
      numbered.emplace_back();
    }
    numbered[place->second] = {model.name, model.endpoints, model.health, model.deadline};
  }
  return numbered;
}

uint32_t CodeBits(const std::set<int>& codes) {
  uint32_t bits = 0;
  for (int code : codes) bits |= 1u << code;
  return bits;
}

std::optional<PreviewRoute> RoutePreview(const config::Experiment& experiment, const std::string& candidate) {
  if (candidate.empty() || !experiment.rollout || !experiment.rollout->preview) return std::nullopt;
  const config::Preview& preview = *experiment.rollout->preview;
  const auto named = std::find_if(experiment.variants.begin(), experiment.variants.end(),
                                  [&](const config::Variant& v) { return v.name == candidate; });
  if (named == experiment.variants.end()) return std::nullopt;
  return PreviewRoute{preview.header, preview.value, static_cast<uint16_t>(named - experiment.variants.begin())};
}

std::vector<std::string> ParametersAskedFor(const config::Experiment& experiment) {
  std::set<std::string> names;
  if (experiment.sequence && !experiment.sequence->parameter.empty()) {
    const config::SequenceKey& sequence = *experiment.sequence;
    names = {sequence.parameter, sequence.start, sequence.end};
  }
  for (const config::KeySource& source : experiment.key_sources) {
    if (source.is_parameter) names.insert(source.name);
  }
  return {names.begin(), names.end()};
}

ExperimentRoute Route(const config::Experiment& experiment, const ExperimentState& state, const ModelNumbers& numbers) {
  ExperimentRoute route;
  route.name = experiment.name;
  route.match = experiment.match;
  route.salt_seed = SaltSeed(experiment.salt);
  route.name_hash = NameHash(experiment.name);
  route.run = state.run;
  route.run_ordinal = state.run_ordinal;
  route.epoch = state.epoch;
  route.key_sources = experiment.key_sources;
  route.sequence = experiment.sequence;
  route.parameters = ParametersAskedFor(experiment);
  route.preview = RoutePreview(experiment, state.previewed);
  route.drained_by = state.rolled_back_at + experiment.drain_timeout;
  route.default_variant = static_cast<uint16_t>(experiment.default_variant);
  for (size_t i = 0; i < experiment.variants.size(); ++i) {
    const config::Variant& variant = experiment.variants[i];
    const uint32_t shut_weight = i == experiment.default_variant ? 1 : 0;
    route.variants.push_back({variant.name, state.is_gate_shut ? shut_weight : variant.weight.hundredths()});
    route.variant_models.push_back(numbers.at(variant.name));
  }
  for (const config::Mirror& mirror : experiment.mirrors) {
    route.mirrors.push_back({numbers.at(mirror.name), mirror.percent});
  }
  route.mirror_methods.assign(experiment.mirror_methods.begin(), experiment.mirror_methods.end());
  route.error_codes = CodeBits(experiment.error_codes);
  route.issues_tickets = !experiment.metrics.empty();
  route.ticket_sample = experiment.ticket_sample;
  return route;
}

// A named service beats "*", then a named method beats all, then the name decides: no dependence on the order of files.
bool IsTriedBefore(const ExperimentRoute& a, const ExperimentRoute& b) {
  const auto rank = [](const ExperimentRoute& e) {
    return std::tuple<bool, bool, const std::string&>(e.match.service == "*", e.match.method.empty(), e.name);
  };
  return rank(a) < rank(b);
}

}  // namespace

absl::StatusOr<RouteTable> BuildRouteTable(const config::Config& config, const ExperimentStates& states,
                                           const RouteTable* previous, uint64_t version) {
  RouteTable table;
  table.version = version;
  ModelNumbers numbers;
  absl::StatusOr<std::vector<ModelRoute>> models = NumberModels(config.proxy.models, previous, numbers);
  if (!models.ok()) return models.status();
  table.models = *std::move(models);
  for (const config::Experiment& experiment : config.experiments) {
    const auto state = states.find(experiment.name);
    if (state == states.end() || state->second.run == 0) {
      return absl::InvalidArgumentError(absl::StrCat("experiment ", experiment.name, " has no run"));
    }
    table.experiments.push_back(Route(experiment, state->second, numbers));
  }
  std::sort(table.experiments.begin(), table.experiments.end(), IsTriedBefore);
  for (const config::Route& route : config.proxy.routes) {
    table.routes.push_back({route.match, numbers.at(route.model), route.passthrough});
  }
  table.force_variant_header = config.proxy.force_variant_header;
  if (config.proxy.assignment_log) table.log_sample = config.proxy.assignment_log->sample;
  table.default_error_codes = CodeBits(config::DefaultErrorCodes());
  return table;
}

double ShareInForce(const ExperimentRoute& experiment, size_t variant) {
  uint64_t sum = 0;
  for (const WeightedVariant& v : experiment.variants) sum += v.weight;
  return static_cast<double>(experiment.variants[variant].weight) / static_cast<double>(sum);
}

}  // namespace weir::routing
