// For tests: calls that are decided over a table, with all that Decide asks for.

#ifndef WEIR_ROUTER_ROUTING_DECIDE_RIG_H_
#define WEIR_ROUTER_ROUTING_DECIDE_RIG_H_

#include <array>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/network.h"
#include "router/routing/build_table.h"
#include "router/routing/decide.h"

namespace weir::routing {

// Searched from its front, as a worker's list is.
class ListedHeaders final : public HeaderView {
 public:
  ListedHeaders(std::initializer_list<std::pair<std::string, std::string>> fields) : fields_(fields) {}
  std::optional<std::string_view> Find(std::string_view name) const override {
    for (const auto& [field, value] : fields_) {
      if (field == name) return value;
    }
    return std::nullopt;
  }
  bool IsRepeated(std::string_view name) const override {
    int found = 0;
    for (const auto& [field, value] : fields_) found += field == name;
    return found > 1;
  }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

class ListedSequences final : public SequenceView {
 public:
  std::optional<uint16_t> Find(uint32_t run, uint64_t sequence) const override {
    const auto found = known.find({run, sequence});
    return found == known.end() ? std::nullopt : std::optional<uint16_t>(found->second);
  }
  std::map<std::pair<uint32_t, uint64_t>, uint16_t> known;
};

// A table with its models' health, what is remembered of sequences, a peer, and chance from a fixed seed.
class DecideRig {
 public:
  static constexpr std::string_view kInfer = "/inference.GRPCInferenceService/ModelInfer";

  explicit DecideRig(RouteTable table) : table_(std::move(table)) {
    for (bool& healthy : healthy_) healthy = true;
  }
  // Each experiment in a run of its own.
  explicit DecideRig(const config::Config& config, bool is_gate_shut = false)
      : DecideRig(TableOf(config, is_gate_shut)) {}

  RouteTable& table() { return table_; }
  const std::string& NameOf(ModelIndex model) const { return table_.models[model].name; }
  void SetHealthy(std::string_view model, bool healthy) {
    for (size_t i = 0; i < table_.models.size(); ++i) {
      if (table_.models[i].name == model) healthy_[i] = healthy;
    }
  }
  void SetPeer(std::string_view ip) { peer_ = *config::ParseIp(ip); }
  ListedSequences& sequences() { return sequences_; }

  Decision Go(const ListedHeaders& headers, std::string_view path = kInfer,
              std::optional<std::span<const Parameter>> parameters = std::nullopt) {
    return Decide(table_, {path, &headers, &peer_, &sequences_, parameters},
                  std::span<const bool>(healthy_.data(), table_.models.size()), rng_);
  }
  // A call whose body was read.
  Decision Go(const ListedHeaders& headers, const std::vector<Parameter>& parameters) {
    return Go(headers, kInfer, parameters);
  }

 private:
  static RouteTable TableOf(const config::Config& config, bool is_gate_shut) {
    ExperimentStates states;
    uint32_t run = 0;
    for (const config::Experiment& e : config.experiments) states[e.name] = {++run, 1, 0, is_gate_shut};
    return *BuildRouteTable(config, states, nullptr, 1);
  }

  RouteTable table_;
  std::array<bool, 16> healthy_;
  ListedSequences sequences_;
  std::array<uint8_t, 16> peer_ = *config::ParseIp("127.0.0.1");
  std::mt19937_64 rng_{20};
};

}  // namespace weir::routing

#endif  // WEIR_ROUTER_ROUTING_DECIDE_RIG_H_
