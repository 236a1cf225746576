#include "router/dataplane/acceptor.h"

#include <algorithm>
#include <utility>

#include "router/runtime/socket.h"

namespace weir::dataplane {
namespace {

// Of one turn, so that a flood of connections leaves time for the calls of those that are here.
constexpr int kAcceptsPerTurn = 64;
// Out of descriptors: until some are free again the listener is left alone, or the loop would spin.
constexpr absl::Duration kPause = absl::Milliseconds(100);

}  // namespace

Acceptor::Acceptor(runtime::FileDescriptor listener, std::span<Worker* const> workers)
    : listener_(std::move(listener)), workers_(workers), resume_timer_([this] { (void)Watch(); }) {}

Acceptor::~Acceptor() {
  if (is_watched_) loop().Remove(listener_.get(), this);
}

absl::Status Acceptor::Watch() {
  if (!listener_.is_open() || is_watched_) return absl::OkStatus();
  if (absl::Status added = loop().Add(listener_.get(), EPOLLIN, this); !added.ok()) return added;
  is_watched_ = true;
  return absl::OkStatus();
}

void Acceptor::Pause() {
  if (is_watched_) loop().Remove(listener_.get(), this);
  is_watched_ = false;
  loop().timers().Set(resume_timer_, loop().now() + kPause);
}

void Acceptor::Stop() {
  if (!listener_.is_open()) return;
  while (AcceptOne()) {
  }
  if (is_watched_) loop().Remove(listener_.get(), this);
  is_watched_ = false;
  resume_timer_.Cancel();
  listener_.Close();
}

void Acceptor::OnReady(uint32_t) {
  for (int i = 0; i < kAcceptsPerTurn && AcceptOne(); ++i) {
  }
}

bool Acceptor::AcceptOne() {
  absl::StatusOr<runtime::Accepted> accepted = runtime::Accept(listener_.get());
  if (!accepted.ok()) {
    if (!absl::IsUnavailable(accepted.status())) Pause();
    return false;
  }
  Worker* const idlest = *std::min_element(workers_.begin(), workers_.end(), [](const Worker* a, const Worker* b) {
    return a->connections() < b->connections();
  });
  NewConnection connection{std::move(accepted->fd), accepted->peer.ip()};
  if (!idlest->Hand(connection)) workers_.front()->CountRefusedConnection();
  return true;
}

}  // namespace weir::dataplane
