// Decide is on the way of every call: it takes no memory. Counted by this program's own operator new.

#include <array>
#include <cstdlib>
#include <new>
#include <optional>
#include <random>
#include <string>

#include "gtest/gtest.h"
#include "router/routing/build_table.h"
#include "router/routing/decide.h"

namespace {
int allocations = 0;
}  // namespace

void* operator new(size_t size) {
  ++allocations;
  void* memory = std::malloc(size);
  if (memory == nullptr) std::abort();
  return memory;
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace weir::routing {
namespace {

class OneHeader : public HeaderView {
 public:
  std::optional<std::string_view> Find(std::string_view name) const override {
    if (name == "x-user-id") return "a user's id that is longer than any small string would be";
    return std::nullopt;
  }
  bool IsRepeated(std::string_view) const override { return false; }
};

TEST(DecideAllocationTest, AKeyedCallWithMirrorsAndTicketsTakesNoMemory) {
  config::Config config;
  for (std::string name :
       {"a-rather-long-name-of-a-baseline", "a-rather-long-name-of-a-candidate", "shadow", "shadow-2"}) {
    config.proxy.models.push_back({name, {{"host", 1}}, std::nullopt, std::nullopt});
  }
  config::Experiment experiment;
  experiment.name = "e";
  experiment.match = {"inference.GRPCInferenceService", "ModelInfer"};
  experiment.variants = {{config.proxy.models[0].name, config::Weight::FromHundredths(70)},
                         {config.proxy.models[1].name, config::Weight::FromHundredths(30)}};
  experiment.mirrors = {{"shadow", config::Percent::All()}, {"shadow-2", config::Percent::All()}};
  experiment.mirror_methods = {"ModelInfer"};
  experiment.key_sources = {{"x-absent"}, {"x-user-id"}};
  experiment.metrics = {{"accuracy", "correct"}};
  config.experiments = {experiment};
  config.proxy.force_variant_header = {"x-weir-force", {}};
  const RouteTable table = *BuildRouteTable(config, {{"e", {1, 1, 0, false}}}, nullptr, 1);
  const OneHeader headers;
  const std::array<uint8_t, 16> peer{};
  const std::array<bool, 4> healthy = {true, true, true, true};
  std::mt19937_64 rng(1);
  const int before = allocations;
  const Decision decision =
      Decide(table, {"/inference.GRPCInferenceService/ModelInfer", &headers, &peer}, healthy, rng);
  EXPECT_EQ(allocations, before);
  EXPECT_EQ(decision.kind, Decision::Kind::kForward);
  EXPECT_EQ(decision.mirrors.size(), 2u);
  EXPECT_TRUE(decision.wants_ticket);
}

TEST(DecideAllocationTest, NeitherDoesAnExperimentThatReadsBodies) {
  RouteTable table;
  table.models = {{"only", {}, {}, {}}};
  ExperimentRoute route;
  route.match = {"*", ""};
  route.key_sources = {{"a-parameter-with-a-rather-long-name", /*is_parameter=*/true}};
  route.sequence = config::SequenceKey{"", "sequence_id", "sequence_start", "sequence_end"};
  route.parameters = {"a-parameter-with-a-rather-long-name", "sequence_end", "sequence_id", "sequence_start"};
  route.variants = {{"only", 1}};
  route.variant_models = {0};
  table.experiments = {route};
  const std::array<Parameter, 3> parameters = {{{"a-parameter-with-a-rather-long-name", int64_t{-1}},
                                                {"sequence_id", uint64_t{18446744073709551615u}},
                                                {"sequence_end", true}}};
  const OneHeader headers;
  const std::array<uint8_t, 16> peer{};
  const std::array<bool, 1> healthy = {true};
  std::mt19937_64 rng(1);
  const int before = allocations;
  const Decision decision =
      Decide(table, {"/inference.GRPCInferenceService/ModelInfer", &headers, &peer, nullptr, parameters}, healthy, rng);
  EXPECT_EQ(allocations, before);
  EXPECT_TRUE(decision.ends_sequence);
}

}  // namespace
}  // namespace weir::routing
