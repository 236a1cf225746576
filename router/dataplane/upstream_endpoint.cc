#include "router/dataplane/upstream_endpoint.h"

#include <algorithm>
#include <utility>

#include "absl/random/uniform_real_distribution.h"
#include "config/limits.h"
#include "router/dataplane/limits.h"

namespace weir::dataplane {
namespace {

// A connection that ends sooner than this after it was ready is not replaced at once: the server is not well.
constexpr absl::Duration kShortLife = absl::Seconds(1);
// Servers tolerate a ping every 5 minutes while nothing is sent (gRFC A8's default).
constexpr absl::Duration kSilence = absl::Seconds(310);

}  // namespace

absl::Duration ReconnectDelay(int failures, absl::BitGenRef rng) {
  absl::Duration delay = config::limits::kReconnectBackoffFirst;
  for (int i = 1; i < failures && delay < config::limits::kReconnectBackoffMost; ++i) delay *= 2;
  delay = std::min(delay, config::limits::kReconnectBackoffMost);
  return delay * absl::uniform_real_distribution<double>(0.75, 1.25)(rng);
}

UpstreamEndpoint::UpstreamEndpoint(EndpointServices* services, uint64_t id, const config::Address& address,
                                   std::function<void()> on_change)
    : services_(services),
      id_(id),
      address_(address),
      on_change_(std::move(on_change)),
      reconnect_timer_([this] { Connect(); }),
      attempt_timer_([this] {
        is_resolving_ = false;
        for (const auto& connection : connections_) {
          if (connection->is_ready() || connection->is_draining()) continue;
          connection->Close();
          Bury(*connection);
          break;
        }
        Failed();
      }),
      hope_timer_([this] { on_change_(); }) {}

UpstreamEndpoint::~UpstreamEndpoint() { Close(); }

void UpstreamEndpoint::Close() {
  Retire();
  for (const auto& connection : connections_) connection->Close();
}

void UpstreamEndpoint::Configure(const std::optional<config::HealthCheck>& check, const std::string& model) {
  is_retired_ = false;
  if (!check.has_value()) {
    probe_.reset();
  } else if (probe_ == nullptr || !(probe_->check() == *check)) {
    probe_ = std::make_unique<HealthProbe>(*check, model, address_.ToString(), &services_->sockets.loop->now(),
                                           &timers(), on_change_);
    FollowWithProbe();
  }
  const bool is_idle = !has_open_connection() && !is_resolving_ && !reconnect_timer_.is_set();
  if (is_idle) Connect();
}

void UpstreamEndpoint::Retire() {
  is_retired_ = true;
  probe_.reset();
  reconnect_timer_.Cancel();
  attempt_timer_.Cancel();
  for (const auto& connection : connections_) connection->Drain();
  on_change_();
}

bool UpstreamEndpoint::is_connecting() const {
  return is_resolving_ || std::any_of(connections_.begin(), connections_.end(),
                                      [](const auto& c) { return !c->is_ready() && !c->is_draining(); });
}

bool UpstreamEndpoint::has_open_connection() const {
  return std::any_of(connections_.begin(), connections_.end(), [](const auto& c) { return !c->is_draining(); });
}

UpstreamConnection* UpstreamEndpoint::FirstReady() const {
  for (const auto& connection : connections_) {
    if (connection->is_ready()) return connection.get();
  }
  return nullptr;
}

bool UpstreamEndpoint::is_ready() const {
  return FirstReady() != nullptr && (probe_ == nullptr || probe_->verdict().value_or(false));
}

bool UpstreamEndpoint::is_hopeful() const {
  if (is_retired_ || has_failed_ || now() >= hopeful_until_) return false;
  // Connected, but the check has said nothing yet; or about to be connected.
  return FirstReady() == nullptr || (probe_ != nullptr && !probe_->verdict().has_value());
}

void UpstreamEndpoint::Connect() {
  if (is_retired_) return;
  reconnect_timer_.Cancel();
  timers().Set(attempt_timer_, now() + config::limits::kConnectTimeout);
  if (const auto numeric = runtime::SocketAddress::FromNumeric(address_.host, address_.port))
    return ConnectTo(*numeric);
  is_resolving_ = true;
  services_->resolve(id_, address_);
}

void UpstreamEndpoint::OnResolved(runtime::Resolver::Addresses addresses) {
  if (!is_resolving_ || is_retired_) return;  // Too late.
  is_resolving_ = false;
  // A name that can no longer be resolved is tried at the addresses it had.
  if (addresses.ok() && !addresses->empty()) resolved_ = *std::move(addresses);
  if (resolved_.empty()) return Failed();
  ConnectTo(resolved_[next_resolved_++ % resolved_.size()]);
}

void UpstreamEndpoint::ConnectTo(const runtime::SocketAddress& address) {
  auto connection = UpstreamConnection::Begin(services_->sockets, address, this, services_->first_stream);
  if (!connection.ok()) return Failed();
  connections_.push_back(*std::move(connection));
}

void UpstreamEndpoint::Failed() {
  ++services_->counts->upstream_connect_failures;
  attempt_timer_.Cancel();
  ++failures_;
  if (FirstReady() == nullptr) has_failed_ = true;
  // Even if others are ready: until then nothing tries to widen again.
  if (!is_retired_) timers().Set(reconnect_timer_, now() + ReconnectDelay(failures_, services_->rng));
  on_change_();
}

void UpstreamEndpoint::Widen() {
  if (is_retired_ || is_connecting() || reconnect_timer_.is_set()) return;
  const auto open =
      std::count_if(connections_.begin(), connections_.end(), [](const auto& c) { return !c->is_draining(); });
  if (static_cast<size_t>(open) < config::limits::kUpstreamConnectionsPerEndpoint) Connect();
}

void UpstreamEndpoint::FollowWithProbe() {
  if (probe_ == nullptr) return;
  UpstreamConnection* connection = FirstReady();
  if (connection == nullptr) return probe_->Stop();
  probe_->AskOn(connection->session());
}

void UpstreamEndpoint::OnReady(UpstreamConnection&) {
  attempt_timer_.Cancel();
  hope_timer_.Cancel();
  hopeful_until_ = absl::InfiniteFuture();
  has_failed_ = false;
  ++services_->counts->upstream_connections;
  FollowWithProbe();
  on_change_();
}

void UpstreamEndpoint::OnCapacityChanged(UpstreamConnection&) { on_change_(); }

void UpstreamEndpoint::ReplaceAfter(const UpstreamConnection& gone) {
  if (is_retired_ || has_open_connection() || is_connecting()) return;
  const bool was_well = now() - gone.ready_since() >= kShortLife;
  failures_ = was_well ? 0 : failures_ + 1;
  // Once at once, in any case: most servers that go are restarted or age their connections.
  const absl::Duration delay = failures_ <= 1 ? absl::ZeroDuration() : ReconnectDelay(failures_ - 1, services_->rng);
  hopeful_until_ = now() + std::min(delay, kShortLife) + limits::kReconnectGrace;
  timers().Set(hope_timer_, hopeful_until_);
  if (delay == absl::ZeroDuration()) return Connect();
  if (!reconnect_timer_.is_set()) timers().Set(reconnect_timer_, now() + delay);
}

void UpstreamEndpoint::OnGoAway(UpstreamConnection& connection) {
  FollowWithProbe();
  ReplaceAfter(connection);
  on_change_();
}

void UpstreamEndpoint::OnClosed(UpstreamConnection& connection, const absl::Status&) {
  const bool was_ready = connection.ready_since() != absl::InfiniteFuture();
  FollowWithProbe();
  was_ready ? ReplaceAfter(connection) : Failed();
  Bury(connection);
  on_change_();
}

void UpstreamEndpoint::Bury(UpstreamConnection& connection) {
  const auto place =
      std::find_if(connections_.begin(), connections_.end(), [&](const auto& c) { return c.get() == &connection; });
  closed_.push_back(std::move(*place));
  connections_.erase(place);
}

void UpstreamEndpoint::Tidy() {
  for (size_t i = 0; i < connections_.size();) {
    UpstreamConnection& connection = *connections_[i];
    if (connection.is_ready() && connection.session().is_nearly_used_up()) {
      connection.Drain();
      OnGoAway(connection);
    }
    if (connection.is_draining() && connection.session().calls() == 0) {
      connection.Close();
      Bury(connection);
    } else {
      ++i;
    }
  }
  closed_.clear();
}

void UpstreamEndpoint::CheckSilence(absl::Time now) {
  for (const auto& connection : connections_) {
    const bool is_silent = connection->session().calls() > 0 && now - connection->last_received() > kSilence;
    if (!is_silent || connection->session().SendPing()) continue;
    UpstreamConnection& gone = *connection;  // `connection` itself moves as the list grows.
    gone.Close();
    FollowWithProbe();
    ReplaceAfter(gone);
    Bury(gone);
    break;  // The list has changed; the others have their turn next time.
  }
  on_change_();
}

}  // namespace weir::dataplane
