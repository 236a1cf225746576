// Nanoseconds of one Decide: the only work that a call pays for being part of an experiment before it is forwarded.

#include <array>
#include <string>

#include "absl/random/random.h"
#include "benchmark/benchmark.h"
#include "router/routing/build_table.h"
#include "router/routing/decide.h"
#include "router/routing/decide_rig.h"

namespace weir::routing {
namespace {

RouteTable TableOf(int experiments, int variants) {
  config::Config config;
  ExperimentStates states;
  for (int v = 0; v < variants; ++v) {
    const std::string name = "variant-number-" + std::to_string(v);
    config.proxy.models.push_back({name, {{name, 8001}}, std::nullopt, std::nullopt});
  }
  for (int e = 0; e < experiments; ++e) {
    config::Experiment experiment;
    experiment.name = "experiment-" + std::to_string(e);
    for (const config::Model& model : config.proxy.models) {
      experiment.variants.push_back({model.name, *config::Weight::FromDouble(30)});
    }
    experiment.mirrors = {{config.proxy.models[0].name, config::Percent::All()}};
    experiment.match.service =
        "inference.GRPCInferenceServic" + std::string(1, static_cast<char>('e' - experiments + 1 + e));
    experiment.key_sources = {{"x-user-id"}, {"x-session-id"}};
    experiment.metrics = {{"accuracy", "correct"}};
    experiment.ticket_sample = *config::Percent::FromDouble(10);
    states[experiment.name] = {1, 1, 0, false};
    config.experiments.push_back(std::move(experiment));
  }
  config.proxy.force_variant_header = {"x-weir-force", {}};
  return *BuildRouteTable(config, states, nullptr, 1);
}

// Three lookups: the force header (absent), the key header (last of ten fields), and whether it is repeated.
void BM_Decide(benchmark::State& state) {
  const RouteTable table = TableOf(static_cast<int>(state.range(0)), static_cast<int>(state.range(1)));
  ListedHeaders headers({{":method", "POST"},
                         {":scheme", "http"},
                         {":path", "/inference.GRPCInferenceService/ModelInfer"},
                         {":authority", "models.internal:8080"},
                         {"te", "trailers"},
                         {"content-type", "application/grpc"},
                         {"grpc-timeout", "990m"},
                         {"user-agent", "grpc-c++/1.51.1"},
                         {"grpc-accept-encoding", "identity, deflate, gzip"},
                         {"x-user-id", "user-184467"}});
  const std::array<uint8_t, 16> peer{};
  const std::array<bool, 16> healthy = {true, true, true, true, true, true, true, true,
                                        true, true, true, true, true, true, true, true};
  const RequestHead head = {"/inference.GRPCInferenceService/ModelInfer", &headers, &peer};
  absl::BitGen rng;
  for (auto _ : state) {
    benchmark::DoNotOptimize(Decide(table, head, std::span<const bool>(healthy.data(), table.models.size()), rng));
  }
}
BENCHMARK(BM_Decide)->ArgNames({"experiments", "variants"})->Args({1, 2})->Args({1, 3})->Args({1, 16})->Args({20, 2});

}  // namespace
}  // namespace weir::routing
