#include "router/dataplane/upstream_pool.h"

#include <algorithm>
#include <utility>

#include "config/limits.h"

namespace weir::dataplane {
namespace {

// Names under way: every endpoint of a large configuration at once.
constexpr size_t kResolvedAtOnce = 4096;

}  // namespace

std::vector<bool> ModelsUsed(const routing::RouteTable& table, PoolUse use) {
  std::vector<bool> used(table.models.size(), false);
  for (const routing::ExperimentRoute& experiment : table.experiments) {
    if (use == PoolUse::kMirrors) {
      for (const routing::MirrorRoute& mirror : experiment.mirrors) used[mirror.model] = true;
    } else {
      for (const routing::ModelIndex model : experiment.variant_models) used[model] = true;
    }
  }
  if (use == PoolUse::kPrimary) {
    for (const routing::PlainRoute& route : table.routes) used[route.model] = true;
  }
  return used;
}

UpstreamPool::UpstreamPool(PoolUse use, size_t max_waiting, const SocketServices& sockets, stats::ProxyCounts* counts,
                           absl::BitGenRef rng, runtime::Resolver* resolver)
    : use_(use),
      max_waiting_(max_waiting),
      resolved_(kResolvedAtOnce, [loop = sockets.loop] { loop->Wake(); }),
      endpoint_services_{sockets, counts, rng, [this, resolver](uint64_t endpoint, const config::Address& address) {
                           resolver->Resolve(address.host, address.port,
                                             [this, endpoint](runtime::Resolver::Addresses addresses) {
                                               // Were the box full, the attempt would time out, and be made again.
                                               (void)resolved_.Post({endpoint, std::move(addresses)});
                                             });
                         }} {}

UpstreamPool::~UpstreamPool() = default;

void UpstreamPool::Adopt(const routing::RouteTable& table) {
  const std::vector<bool> used = ModelsUsed(table, use_);
  if (table.models.size() > models_.size()) {
    auto healthy = std::make_unique<bool[]>(table.models.size());
    std::copy_n(healthy_.get(), models_.size(), healthy.get());
    healthy_ = std::move(healthy);
    while (models_.size() < table.models.size()) models_.push_back(std::make_unique<ModelPool>());
  }
  for (size_t i = 0; i < table.models.size(); ++i) AdoptModel(*models_[i], table.models[i], used[i]);
  for (size_t i = 0; i < models_.size(); ++i) {
    healthy_[i] = ComputeHealth(*models_[i]);
    Note(*models_[i]);
  }
}

void UpstreamPool::Note(ModelPool& pool) { has_changed_ = pool.has_changed = true; }

void UpstreamPool::AdoptModel(ModelPool& pool, const routing::ModelRoute& model, bool is_used) {
  static const std::vector<config::Address> kNone;
  const std::vector<config::Address>& wanted = is_used ? model.endpoints : kNone;
  for (const auto& endpoint : pool.endpoints) {
    const bool is_wanted = std::find(wanted.begin(), wanted.end(), endpoint->address()) != wanted.end();
    if (!is_wanted && !endpoint->is_retired()) endpoint->Retire();
  }
  for (const config::Address& address : wanted) {
    const auto same = std::find_if(pool.endpoints.begin(), pool.endpoints.end(), [&](const auto& endpoint) {
      return endpoint->address() == address && !endpoint->is_retired();
    });
    if (same != pool.endpoints.end()) {
      (*same)->Configure(model.health, model.name);
      continue;
    }
    pool.endpoints.push_back(std::make_unique<UpstreamEndpoint>(&endpoint_services_, next_endpoint_++, address,
                                                                [this, &pool] { Note(pool); }));
    pool.endpoints.back()->Configure(model.health, model.name);
  }
}

UpstreamSession* UpstreamPool::FindRoom(ModelPool& pool) {
  loads_.clear();
  candidates_.clear();
  for (const auto& endpoint : pool.endpoints) {
    if (endpoint->is_retired() || !endpoint->is_ready()) continue;
    for (const auto& connection : endpoint->connections()) {
      if (!connection->is_ready()) continue;
      loads_.push_back({connection->session().calls(), connection->session().capacity()});
      candidates_.push_back(&connection->session());
    }
  }
  const std::optional<size_t> best = LeastLoaded(loads_, pool.next++);
  return best.has_value() ? candidates_[*best] : nullptr;
}

StreamSource::Placement UpstreamPool::Place(routing::ModelIndex model, StreamWaiter& waiter) {
  ModelPool& pool = *models_[model];
  if (pool.waiting.empty()) {
    if (UpstreamSession* session = FindRoom(pool)) return {Answer::kNow, session};
  }
  if (!healthy_[model]) return {Answer::kUnavailable};
  if (pool.waiting.size() >= max_waiting_) return {Answer::kFull};
  pool.waiting.Push(waiter);
  Note(pool);
  return {Answer::kWait};
}

void UpstreamPool::Widen(ModelPool& pool) {
  for (const auto& endpoint : pool.endpoints) {
    if (!endpoint->is_retired() && endpoint->is_ready()) endpoint->Widen();
  }
}

uint16_t UpstreamPool::ReadyEndpoints(routing::ModelIndex model) const {
  const auto& endpoints = models_[model]->endpoints;
  return static_cast<uint16_t>(std::count_if(endpoints.begin(), endpoints.end(),
                                             [](const auto& e) { return !e->is_retired() && e->is_ready(); }));
}

bool UpstreamPool::ComputeHealth(const ModelPool& pool) const {
  return std::any_of(pool.endpoints.begin(), pool.endpoints.end(), [](const auto& endpoint) {
    return !endpoint->is_retired() && (endpoint->is_ready() || endpoint->is_hopeful());
  });
}

void UpstreamPool::HandOutAddresses() {
  for (Resolved& resolved : resolved_.TakeAll()) {
    for (const auto& model : models_) {
      for (const auto& endpoint : model->endpoints) {
        if (endpoint->id() == resolved.endpoint) endpoint->OnResolved(std::move(resolved.addresses));
      }
    }
  }
}

void UpstreamPool::SettleModel(routing::ModelIndex model) {
  ModelPool& pool = *models_[model];
  for (const auto& endpoint : pool.endpoints) endpoint->Tidy();
  std::erase_if(pool.endpoints, [](const auto& endpoint) { return endpoint->is_retired() && endpoint->is_empty(); });
  healthy_[model] = ComputeHealth(pool);
  while (!pool.waiting.empty()) {
    UpstreamSession* session = FindRoom(pool);
    if (session == nullptr) break;
    pool.waiting.Pop()->OnStreamAvailable(*session);
  }
  if (pool.waiting.empty()) return;
  if (healthy_[model]) return Widen(pool);
  // As many as wait now: one that is told may wait again, elsewhere.
  for (size_t n = pool.waiting.size(); n > 0 && !pool.waiting.empty(); --n) pool.waiting.Pop()->OnModelUnavailable();
}

void UpstreamPool::Settle() {
  HandOutAddresses();
  if (!has_changed_) return;
  has_changed_ = false;
  for (size_t i = 0; i < models_.size(); ++i) {
    if (std::exchange(models_[i]->has_changed, false)) SettleModel(static_cast<routing::ModelIndex>(i));
  }
}

void UpstreamPool::Close() {
  for (const auto& model : models_) {
    for (const auto& endpoint : model->endpoints) endpoint->Close();
  }
}

void UpstreamPool::CheckSilence() {
  for (const auto& model : models_) {
    for (const auto& endpoint : model->endpoints) endpoint->CheckSilence(endpoint_services_.sockets.loop->now());
  }
}

}  // namespace weir::dataplane
