#include "router/dataplane/client_connection.h"

#include <utility>

#include "config/limits.h"
#include "router/runtime/socket.h"

namespace weir::dataplane {
namespace {

// For a client that does not close what is over.
constexpr absl::Duration kLinger = absl::Seconds(1);

constexpr http2::StreamId kNoStreamInParticular = 0x7fffffff;

http2::SessionOptions ServerOptions(config::Profile profile) {
  http2::SessionOptions options;
  options.max_concurrent_streams =
      profile == config::Profile::kEdge ? config::limits::kStreamsEdge : config::limits::kStreamsMesh;
  options.stream_window = config::limits::kStreamWindowBytes;
  options.connection_window = config::limits::kConnectionWindowBytes;
  options.max_header_list_bytes = config::limits::kHeaderListBytes;
  options.max_header_fields = config::limits::kHeaderFields;
  return options;
}

absl::Duration IdleTimeout(config::Profile profile) {
  return profile == config::Profile::kEdge ? config::limits::kIdleTimeoutEdge : config::limits::kIdleTimeoutMesh;
}

}  // namespace

ClientConnection::ClientConnection(const SocketServices& services, runtime::FileDescriptor fd,
                                   const ClientSession::PeerIp& peer, config::Profile profile, RequestHandler* handler,
                                   ClientConnectionOwner* owner)
    : loop_(*services.loop),
      owner_(owner),
      idle_timeout_(IdleTimeout(profile)),
      accepted_(services.loop->now()),
      session_(&socket_, handler, peer),
      socket_(services, std::move(fd), /*is_connecting=*/false,
              http2::Session::Create(http2::Role::kServer, ServerOptions(profile), &session_), this) {}

void ClientConnection::Drain(bool is_final) {
  http2::Session& session = socket_.Writing();
  if (stage_ == Stage::kServing) {
    session.SendGoAway(kNoStreamInParticular, http2::ErrorCode::kNoError, "draining");
    session_.SendPing();
    stage_ = Stage::kAnnounced;
  }
  if (stage_ == Stage::kAnnounced && (is_final || session_.is_ping_answered())) {
    session.SendGoAway(session.last_peer_stream(), http2::ErrorCode::kNoError, "draining");
    stage_ = Stage::kFinal;
  }
}

void ClientConnection::CheckAge() {
  session_.ForgetCancelled();
  session_.ResetStalled(loop_.now());
  const http2::Session& session = socket_.session();
  if (stage_ == Stage::kAnnounced && session_.is_ping_answered()) Drain(false);
  if (stage_ >= Stage::kFinal) return CheckDrained();
  if (!session.is_preface_received()) {
    if (loop_.now() - accepted_ < config::limits::kPrefaceTimeout) return;
    return End(absl::ResourceExhaustedError("no HTTP/2 preface came"));
  }
  if (HasLeftHeadersUnfinished()) return End(absl::ResourceExhaustedError("a header block was not finished"));
  if (session.open_streams() == 0 && loop_.now() - socket_.last_received() > idle_timeout_) {
    socket_.Writing().SendGoAway(session.last_peer_stream(), http2::ErrorCode::kNoError, "idle");
    End(absl::OkStatus());
  }
}

// A block blocks the whole connection, streams under way included; an honest peer sends it in one go.
bool ClientConnection::HasLeftHeadersUnfinished() {
  const http2::Session& session = socket_.session();
  const uint64_t streams = session.counts().streams_opened;
  if (!session.is_in_header_block()) {
    in_block_since_ = absl::InfiniteFuture();
  } else if (in_block_since_ == absl::InfiniteFuture() || streams != streams_then_) {
    in_block_since_ = loop_.now();  // It may be another block than at the last look.
    streams_then_ = streams;
  }
  return loop_.now() - in_block_since_ >= config::limits::kHeaderBlockTimeout;
}

void ClientConnection::CheckDrained() {
  if (stage_ == Stage::kFinal) {
    if (socket_.session().open_streams() > 0 || socket_.has_unsent()) return;
    stage_ = Stage::kClosing;
    closing_since_ = loop_.now();
    socket_.ShutdownWrites();
  }
  // The client closes when it has read everything. Were we first, what it has just sent would make the kernel reset the
  // connection, and answers still on their way would be lost.
  if (loop_.now() - closing_since_ >= kLinger) End(absl::OkStatus());
}

void ClientConnection::End(const absl::Status& why) {
  Close();
  owner_->OnClientClosed(*this, why);
}

void ClientConnection::Close() {
  socket_.Close();
  session_.LoseAll();
}

void ClientConnection::OnClosed(const absl::Status& why) {
  session_.LoseAll();
  owner_->OnClientClosed(*this, why);
}

}  // namespace weir::dataplane
