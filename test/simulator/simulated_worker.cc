#include "test/simulator/simulated_worker.h"

#include <array>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "router/routing/decide.h"

namespace weir::simulator {
namespace {

constexpr char kKeyHeader[] = "x-user-id";
constexpr char kPreviewHeader[] = "x-preview";

class CallerHeaders : public routing::HeaderView {
 public:
  explicit CallerHeaders(const Caller& caller) : is_previewing_(caller.is_previewing) {
    if (caller.user != 0) key_ = absl::StrCat("user-", caller.user);
  }
  std::optional<std::string_view> Find(std::string_view name) const override {
    if (name == kPreviewHeader && is_previewing_) return "1";
    if (name != kKeyHeader || key_.empty()) return std::nullopt;
    return key_;
  }
  bool IsRepeated(std::string_view) const override { return false; }

 private:
  std::string key_;
  bool is_previewing_;
};

// Normal, by Box and Muller.
double Normal(Dice& dice) {
  return std::sqrt(-2 * std::log(dice.Uniform())) * std::cos(2 * 3.141592653589793 * dice.Uniform());
}

}  // namespace

void SimulatedWorker::Adopt(absl::Time at) {
  while (!tables_.empty() && tables_.front().first <= at) {
    table_ = std::move(tables_.front().second);
    tables_.pop_front();
  }
}

absl::InlinedVector<bool, 16> SimulatedWorker::HealthOf(const Models& models) const {
  absl::InlinedVector<bool, 16> healthy;
  for (const routing::ModelRoute& route : table_->models) {
    const auto model = models.find(route.name);
    healthy.push_back(!route.endpoints.empty() && model != models.end() && model->second.is_healthy);
  }
  return healthy;
}

std::optional<TicketHeld> SimulatedWorker::TicketOf(const routing::Decision& decision, absl::Time now) {
  if (!decision.wants_ticket) return std::nullopt;
  const routing::ExperimentRoute& route = table_->experiments[decision.experiment];
  return TicketHeld{.ticket = {.experiment = route.name_hash,
                               .run = route.run_ordinal,
                               .epoch = route.epoch,
                               .variant = decision.assigned,
                               .user_bucket = decision.user_bucket,
                               .start = absl::FromUnixMillis(absl::ToUnixMillis(now)),
                               .issuer = issuer_,
                               .sequence = last_ticket_++},
                    .experiment = route.name,
                    .variant = route.variants[decision.assigned].name};
}

std::optional<CallPlaced> SimulatedWorker::Place(const Caller& caller, const Models& models, absl::Time at,
                                                 absl::Time now, Dice& dice) {
  if (table_ == nullptr) return std::nullopt;
  static constexpr std::array<uint8_t, 16> kPeer{};
  const CallerHeaders headers(caller);
  const std::string path = absl::StrCat("/", caller.service, "/Infer");
  const absl::InlinedVector<bool, 16> healthy = HealthOf(models);
  const routing::RequestHead head{.path = path, .headers = &headers, .peer = &kPeer};
  const routing::Decision decision = routing::Decide(*table_, head, healthy, dice);
  if (decision.experiment == routing::Decision::kNone) return std::nullopt;
  Call call{.ends = at, .began = at, .record = dataplane::CallRecord(decision, *table_, counts_), .held = {}};
  if (decision.kind == routing::Decision::Kind::kForward) {
    const ModelBehaviour& model = models.at(table_->models[decision.model].name);
    call.record.CountStart(now, counts_);
    call.ends = at + model.median * std::exp(model.sigma * Normal(dice));
    call.is_cancelled = dice.Chance(model.cancelled);
    if (dice.Chance(model.error_rate)) {
      call.code = dataplane::GrpcCode::kInternal;
    } else if (!call.is_cancelled) {
      call.held = TicketOf(decision, now);
    }
    calls_.push(std::move(call));
  } else {
    ++counts_.proxy.calls_shed;  // As the proxy does: nobody was asked.
  }
  const bool is_previewed = decision.reason == stats::Reason::kTargeted;
  return CallPlaced{.worker = issuer_.worker,
                    .table = table_.get(),
                    .experiment = decision.experiment,
                    .user = is_previewed ? 0 : caller.user,
                    .assigned = decision.assigned,
                    .is_diverted = decision.reason == stats::Reason::kDiverted,
                    .is_previewed = is_previewed};
}

std::vector<TicketHeld> SimulatedWorker::End(absl::Time at) {
  std::vector<TicketHeld> held;
  while (!calls_.empty() && calls_.top().ends <= at) {
    Call call = calls_.top();
    calls_.pop();
    const absl::Duration latency = call.ends - call.began;
    if (call.is_cancelled) {
      call.record.CountCancelled(latency, counts_);
      continue;
    }
    call.record.CountEnd(call.code, latency, call.ends, counts_);  // Its start was counted when it was placed.
    if (call.held) held.push_back(*std::move(call.held));
  }
  return held;
}

stats::WorkerReport SimulatedWorker::TakeReport(const Models& models) {
  stats::WorkerReport report;
  report.worker = issuer_.worker;
  report.delta = std::exchange(counts_, {});
  report.table_version = table_ == nullptr ? 0 : table_->version;
  if (table_ != nullptr) {
    for (bool healthy : HealthOf(models)) report.healthy_endpoints.push_back(healthy ? 1 : 0);
  }
  report.calls_in_flight = static_cast<int64_t>(calls_.size());
  return report;
}

}  // namespace weir::simulator
