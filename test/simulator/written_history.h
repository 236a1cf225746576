// Histories written by hand, for the tests of rules.

#ifndef WEIR_TEST_SIMULATOR_WRITTEN_HISTORY_H_
#define WEIR_TEST_SIMULATOR_WRITTEN_HISTORY_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "router/runtime/crypto.h"
#include "test/simulator/rule.h"

namespace weir::simulator {

// One experiment, "exp", with the default "baseline" and a candidate, and a rule that hears of it.
template <typename RuleUnderTest>
class WrittenHistory {
 public:
  template <typename... Arguments>
  explicit WrittenHistory(Arguments&&... arguments) : rule_(std::forward<Arguments>(arguments)...) {}

  // How often the rule was broken by all that it has heard.
  size_t broken() const { return accusations_.size(); }
  std::string accusations() const { return absl::StrJoin(accusations_, "\n"); }

  void Hear(const Event& event) {
    rule_.Hear(event, now, [this](std::string what) { accusations_.push_back(std::move(what)); });
  }

  routing::RouteTablePtr Publish(uint32_t run, uint32_t epoch, uint32_t baseline, uint32_t candidate) {
    auto table = std::make_shared<routing::RouteTable>();
    table->version = ++version;
    routing::ExperimentRoute route;
    route.name = "exp";
    route.run = route.run_ordinal = run;
    route.epoch = epoch;
    route.salt_seed = 7;
    route.key_sources = {{"x-user-id"}};
    route.variants = {{"baseline", baseline}, {"candidate", candidate}};
    route.variant_models = {0, 1};
    table->experiments = {route};
    table_ = table;
    Hear(TablePublished{table_});
    return table_;
  }

  // Shares in percent, of the same places.
  experiment::Change ChangeTo(uint32_t run, uint32_t epoch, uint32_t candidate, experiment::Phase phase,
                              const std::string& actor = "file") {
    experiment::Split split{.variants = {{"baseline", config::Weight::FromHundredths(100 - candidate)},
                                         {"candidate", config::Weight::FromHundredths(candidate)}},
                            .default_variant = 0};
    return {.experiment = "exp",
            .at = now,
            .actor = actor,
            .action = "moved",
            .detail = {},
            .state = {.run = {.ordinal = run, .label = "", .started = now},
                      .epoch = {.ordinal = epoch, .started = now, .split = std::move(split)},
                      .phase = std::move(phase),
                      .phase_since = now}};
  }
  void Ask(const experiment::Change& change) { Hear(RowAsked{change}); }
  void Write(const experiment::Change& change) {
    RowWritten written{.record = experiment::RecordOf(change, ++sequence), .head = {}};
    hash_ = runtime::Sha256(absl::StrCat(hash_, written.record.SerializeAsString()));
    written.head = absl::BytesToHexString(hash_);
    Hear(written);
  }
  std::string head() const { return absl::BytesToHexString(hash_); }

  void Call(uint64_t user, uint16_t variant) { CallBy(table_, user, variant); }
  void CallBy(const routing::RouteTablePtr& table, uint64_t user, uint16_t variant) {
    Hear(CallPlaced{.worker = 0, .table = table.get(), .experiment = 0, .user = user, .assigned = variant});
  }

  void Restart() {
    Hear(ProcessDied{"here"});
    version = 0;
    experiment::Remembered nothing;
    Hear(ProcessStarted{&nothing});
  }

  absl::Time now = absl::FromUnixSeconds(1'800'000'000);
  uint64_t version = 0;
  uint64_t sequence = 0;

 private:
  RuleUnderTest rule_;
  std::vector<std::string> accusations_;
  routing::RouteTablePtr table_;
  std::string hash_ = std::string(runtime::kSha256Size, '\0');
};

// What is shown of the experiment.
inline v1::Status Showing(v1::Phase phase, uint32_t run, uint32_t epoch) {
  v1::Status status;
  v1::ExperimentStatus* experiment = status.add_experiments();
  experiment->set_name("exp");
  experiment->set_phase(phase);
  experiment->set_run(run);
  experiment->set_epoch(epoch);
  return status;
}

// With a variant's share, calls and outcomes.
inline void ShowVariant(v1::Status& status, const std::string& name, double share, int64_t started, int64_t outcomes) {
  v1::VariantStatus* variant = status.mutable_experiments(0)->add_variants();
  variant->set_name(name);
  variant->set_share(share);
  variant->set_started(started);
  variant->add_outcomes()->set_count(outcomes);
}

}  // namespace weir::simulator

#endif  // WEIR_TEST_SIMULATOR_WRITTEN_HISTORY_H_
