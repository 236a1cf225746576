#include "router/dataplane/session_socket.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <utility>

#include "config/limits.h"
#include "router/dataplane/limits.h"
#include "router/runtime/socket.h"

namespace weir::dataplane {
namespace {

// Pieces of one sendmsg: 64 of 16 KiB are a MiB, more than a socket takes at once.
constexpr size_t kVectors = 64;

}  // namespace

SessionSocket::SessionSocket(const SocketServices& services, runtime::FileDescriptor fd, bool is_connecting,
                             std::unique_ptr<http2::Session> session, SessionSocketOwner* owner)
    : SessionPort(services.dirty_ports, std::move(session)),
      services_(services),
      fd_(std::move(fd)),
      owner_(owner),
      stall_timer_([this] { Fail(absl::UnavailableError("the peer does not read")); }),
      last_received_(services.loop->now()),
      is_connecting_(is_connecting) {}

SessionSocket::~SessionSocket() { StopWatching(); }

absl::Status SessionSocket::Watch() {
  interest_ = is_connecting_ ? EPOLLOUT : EPOLLIN;
  if (absl::Status added = services_.loop->Add(fd_.get(), interest_, this); !added.ok()) return added;
  is_watched_ = true;
  if (is_connecting_) return absl::OkStatus();
  MarkDirty();
  owner_->OnConnected();
  return absl::OkStatus();
}

void SessionSocket::StopWatching() {
  stall_timer_.Cancel();
  if (is_watched_) services_.loop->Remove(fd_.get(), this);
  is_watched_ = false;
}

void SessionSocket::Close() {
  if (!fd_.is_open()) return;
  if (!is_connecting_ && !is_shut_) SendOutput();
  StopWatching();
  fd_.Close();
}

void SessionSocket::ShutdownWrites() {
  if (!fd_.is_open() || is_shut_) return;
  is_shut_ = true;
  shutdown(fd_.get(), SHUT_WR);
}

void SessionSocket::Fail(const absl::Status& why) {
  if (!fd_.is_open()) return;
  Close();
  owner_->OnClosed(why);
}

void SessionSocket::WatchFor(uint32_t interest) {
  if (interest == interest_) return;
  interest_ = interest;
  services_.loop->Change(fd_.get(), interest, this);
}

bool SessionSocket::FinishConnect() {
  if (const absl::Status error = runtime::ConnectError(fd_.get()); !error.ok()) {
    Fail(error);
    return false;
  }
  is_connecting_ = false;
  last_received_ = services_.loop->now();
  WatchFor(EPOLLIN);
  MarkDirty();
  owner_->OnConnected();
  return fd_.is_open();
}

void SessionSocket::OnReady(uint32_t ready) {
  if (is_connecting_ && !FinishConnect()) return;
  if (ready & EPOLLOUT) MarkDirty();
  if (ready & (EPOLLIN | EPOLLHUP | EPOLLERR)) ReceiveSome();
}

void SessionSocket::ReceiveSome() {
  const ReceiveBlocks::Room room = services_.blocks->Take();
  const ssize_t received = recv(fd_.get(), room.data, room.size, 0);
  if (received < 0) {
    if (errno == EAGAIN || errno == EINTR) return;
    return Fail(absl::ErrnoToStatus(errno, "connection lost"));
  }
  if (received == 0) return Fail(absl::OkStatus());
  services_.bytes->received += received;
  last_received_ = services_.loop->now();
  const absl::Status status =
      mutable_session().Receive(services_.blocks->Use(static_cast<size_t>(received)), services_.loop->now());
  if (!fd_.is_open()) return;
  if (!status.ok()) return Fail(status);
  MarkDirty();  // If only because the peer's window may let out what is queued.
}

SessionSocket::Sent SessionSocket::SendOutput() {
  http2::Output& output = mutable_session().output();
  while (!output.empty()) {
    std::array<iovec, kVectors> vectors;
    msghdr message{};
    message.msg_iov = vectors.data();
    message.msg_iovlen = output.Gather(vectors);
    const ssize_t sent = sendmsg(fd_.get(), &message, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      return errno == EAGAIN ? Sent::kBlocked : Sent::kFailed;
    }
    services_.bytes->sent += sent;
    output.Drop(static_cast<size_t>(sent));
    stall_timer_.Cancel();
    size_t offered = 0;
    for (size_t i = 0; i < message.msg_iovlen; ++i) offered += vectors[i].iov_len;
    if (static_cast<size_t>(sent) < offered) return Sent::kBlocked;
  }
  return Sent::kAll;
}

void SessionSocket::Flush() {
  if (!fd_.is_open() || is_connecting_ || is_shut_) return;
  for (int round = 0; round < limits::kWritesPerTurn; ++round) {
    mutable_session().Pump();
    if (mutable_session().output().empty()) return WatchFor(EPOLLIN);
    switch (SendOutput()) {
      case Sent::kAll:
        continue;
      case Sent::kFailed:
        return Fail(absl::ErrnoToStatus(errno, "connection lost"));
      case Sent::kBlocked:
        if (!stall_timer_.is_set()) {
          services_.loop->timers().Set(stall_timer_, services_.loop->now() + config::limits::kWriteStallTimeout);
        }
        // What we have to say waits; what the peer says that asks for more answers waits too.
        return WatchFor(mutable_session().output().size() < config::limits::kConnectionOutBytes ? EPOLLIN | EPOLLOUT
                                                                                                : EPOLLOUT);
    }
  }
  WatchFor(EPOLLIN | EPOLLOUT);  // More to write, when the others had their turn.
}

}  // namespace weir::dataplane
