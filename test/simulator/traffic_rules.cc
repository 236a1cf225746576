#include "test/simulator/traffic_rules.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "router/experiment/proto_time.h"
#include "router/routing/build_table.h"
#include "test/simulator/shares.h"

namespace weir::simulator {

// --- SharesSumToTheWhole

void SharesSumToTheWhole::Hear(const Event& event, absl::Time, const Accuse& accuse) {
  constexpr double kRounding = 1e-12;
  if (const auto* published = std::get_if<TablePublished>(&event)) {
    for (const routing::ExperimentRoute& route : published->table->experiments) {
      double sum = 0;
      for (size_t i = 0; i < route.variants.size(); ++i) sum += routing::ShareInForce(route, i);
      const bool has_default = route.default_variant < route.variants.size();
      if (has_default && std::abs(sum - 1) <= kRounding) continue;  // Not so for the 0/0 of weights that are all 0.
      accuse(
          absl::StrCat(route.name, ": its shares in table ", published->table->version, " sum to ", 100 * sum, " %"));
    }
  }
  if (const auto* viewed = std::get_if<Viewed>(&event)) {
    for (const v1::ExperimentStatus& status : viewed->status->experiments()) {
      double sum = 0;
      for (const v1::VariantStatus& variant : status.variants()) sum += variant.share();
      if (std::abs(sum - 1) <= kRounding) continue;
      accuse(absl::StrCat(status.name(), ": its shares are shown as ", 100 * sum, " % together"));
    }
  }
}

// --- UsersStayWhileTheirShareGrows

void UsersStayWhileTheirShareGrows::Hear(const Event& event, absl::Time, const Accuse& accuse) {
  if (const auto* published = std::get_if<TablePublished>(&event)) {
    tables_[published->table->version] = published->table;
  } else if (std::holds_alternative<ProcessStarted>(event)) {
    ++process_;
    tables_.clear();
  } else if (const auto* call = std::get_if<CallPlaced>(&event); call != nullptr && call->user != 0) {
    Place(*call, accuse);
  }
}

void UsersStayWhileTheirShareGrows::Place(const CallPlaced& call, const Accuse& accuse) {
  const auto table = tables_.find(call.table->version);
  if (table == tables_.end()) return accuse(absl::StrCat("a worker goes by table ", call.table->version));
  const Placed placed{process_, table->second, call.experiment, call.assigned};
  if (placed.route().key_sources.empty()) return;  // By its file each call is a user of its own.
  const auto [last, is_first] = last_.try_emplace(UserOf{placed.route().salt_seed, call.user}, placed);
  if (is_first) return;
  const auto when = [](const Placed& p) { return std::pair(p.process, p.table->version); };
  const bool is_in_order = when(last->second) <= when(placed);
  const Placed& from = is_in_order ? last->second : placed;
  const Placed& to = is_in_order ? placed : last->second;
  const std::string& left = from.route().variants[from.variant].name;
  const std::string& entered = to.route().variants[to.variant].name;
  const bool may_move = WeightOf(to.route(), entered) * WeightOf(from.route(), left) >
                        WeightOf(from.route(), entered) * WeightOf(to.route(), left);
  if (left != entered && !may_move) {
    accuse(absl::StrCat("user ", call.user, " of ", placed.route().name, " went from ", left, " to ", entered,
                        " between table ", from.table->version, " of process ", from.process, " and table ",
                        to.table->version, " of process ", to.process));
  }
  if (is_in_order) last->second = placed;
}

// --- ALatchHolds

void ALatchHolds::OnRowWritten(const v1::ExperimentState& state) {
  written_[state.experiment()] = state;
  const auto latch = latches_.find(state.experiment());
  if (latch == latches_.end() || IsShut(state)) return;
  if (state.run() > latch->second.run && latch->second.is_reopening) latches_.erase(latch);
}

void ALatchHolds::Hear(const Event& event, absl::Time, const Accuse& accuse) {
  if (std::holds_alternative<ProcessStarted>(event)) {
    version_ = 0;
    latches_.clear();
    for (const auto& [experiment, state] : written_) {
      if (IsShut(state)) latches_[experiment] = {.run = state.run()};
    }
  } else if (const auto* asked = std::get_if<RowAsked>(&event)) {
    const experiment::State& state = asked->change.state;
    if (std::holds_alternative<experiment::RolledBack>(state.phase)) {
      latches_.try_emplace(asked->change.experiment, Latch{.run = state.run.ordinal, .version = version_});
    } else if (const auto latch = latches_.find(asked->change.experiment); latch != latches_.end()) {
      latch->second.is_reopening |= state.run.ordinal > latch->second.run;
    }
  } else if (const auto* written = std::get_if<RowWritten>(&event)) {
    OnRowWritten(written->record.state());
  } else if (const auto* published = std::get_if<TablePublished>(&event)) {
    version_ = published->table->version;
    for (const routing::ExperimentRoute& route : published->table->experiments) {
      const auto latch = latches_.find(route.name);
      if (latch == latches_.end() || IsShut(route)) continue;
      accuse(absl::StrCat(route.name, " was rolled back in run ", latch->second.run, ", and table ", version_,
                          " gives a candidate a share"));
    }
  } else if (const auto* call = std::get_if<CallPlaced>(&event)) {
    const routing::ExperimentRoute& route = call->table->experiments[call->experiment];
    const auto latch = latches_.find(route.name);
    if (latch == latches_.end() || call->table->version < latch->second.version) return;
    if (call->assigned == route.default_variant) return;
    accuse(absl::StrCat(route.name, " was rolled back by table ", latch->second.version, ", and worker ", call->worker,
                        " gives a candidate a call by table ", call->table->version));
  }
}

// --- ShutBeforeItIsJournalled

void ShutBeforeItIsJournalled::Hear(const Event& event, absl::Time, const Accuse& accuse) {
  if (std::holds_alternative<ProcessStarted>(event)) table_ = nullptr;
  if (const auto* published = std::get_if<TablePublished>(&event)) table_ = published->table;
  const auto* asked = std::get_if<RowAsked>(&event);
  if (asked == nullptr || table_ == nullptr) return;
  const routing::ExperimentRoute* route = Find(*table_, asked->change.experiment);
  const v1::ExperimentState state = experiment::RecordOf(asked->change, 0).state();
  if (route == nullptr || DefaultOf(*route) != state.default_variant()) return;
  bool takes = false, gives = false;
  const auto compare = [&](const std::string& variant) {
    if (variant == state.default_variant()) return;
    takes |= ShareOf(state, variant) < ShareOf(*route, variant);
    gives |= ShareOf(*route, variant) < ShareOf(state, variant);
  };
  for (const routing::WeightedVariant& variant : route->variants) compare(variant.name);
  for (const v1::VariantWeight& variant : state.variants()) compare(variant.name());
  if (!takes || gives) return;
  accuse(absl::StrCat("the journal is asked for '", asked->change.action, "' of ", route->name, ", and table ",
                      table_->version, " still gives more"));
}

// --- AProofShutsInItsTick

void AProofShutsInItsTick::Hear(const Event& event, absl::Time now, const Accuse& accuse) {
  if (std::holds_alternative<ProcessStarted>(event)) {
    asked_.clear();
    shut_since_.clear();
  }
  if (const auto* published = std::get_if<TablePublished>(&event)) {
    for (const routing::ExperimentRoute& route : published->table->experiments) {
      if (!IsShut(route)) shut_since_.erase(route.name);
      if (IsShut(route)) shut_since_.try_emplace(route.name, now);
    }
  }
  if (const auto* asked = std::get_if<RowAsked>(&event)) {
    const auto* rolled_back = std::get_if<experiment::RolledBack>(&asked->change.state.phase);
    if (rolled_back == nullptr || !rolled_back->breach || !IsStep(asked->change)) return;
    uint32_t& run = asked_[asked->change.experiment];
    if (std::exchange(run, asked->change.state.run.ordinal) == asked->change.state.run.ordinal) return;  // Once more.
    if (rolled_back->breach->judged_at == now) return;
    // Rows may wait for a slow disk; tables never do.
    const auto shut = shut_since_.find(asked->change.experiment);
    if (shut != shut_since_.end() && shut->second <= rolled_back->breach->judged_at) return;
    accuse(absl::StrCat(asked->change.experiment, ": proven at ", absl::FormatTime(rolled_back->breach->judged_at),
                        ", in force ", absl::FormatDuration(now - rolled_back->breach->judged_at), " later"));
  }
  if (const auto* viewed = std::get_if<Viewed>(&event)) {
    for (const v1::ExperimentStatus& status : viewed->status->experiments()) {
      if (status.phase() == v1::ROLLED_BACK || status.phase() == v1::FROZEN) continue;
      for (const v1::GuardrailStatus& guardrail : status.guardrails()) {
        if (!guardrail.breached() || guardrail.action() != "rollback") continue;
        accuse(absl::StrCat(status.name(), ": ", guardrail.name(), " is breached, and the gate is open"));
      }
    }
  }
}

}  // namespace weir::simulator
