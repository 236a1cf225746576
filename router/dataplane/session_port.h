// A session as the calls see it: they speak to it at any time, and it is written once, at the end of the turn.

#ifndef WEIR_ROUTER_DATAPLANE_SESSION_PORT_H_
#define WEIR_ROUTER_DATAPLANE_SESSION_PORT_H_

#include <memory>
#include <vector>

#include "router/http2/session.h"

namespace weir::dataplane {

class SessionPort;

// The ports of one worker that have something to write. All events of a turn are handled before anything is written, so
// that what they cause on one connection leaves it in one system call.
class DirtyPorts {
 public:
  // Writes until no port is dirty: writing one may give window back to another.
  void FlushAll();

 private:
  friend class SessionPort;
  std::vector<SessionPort*> dirty_;
  std::vector<SessionPort*> flushing_;
};

// A session and how it is written: a socket in production, memory in tests.
class SessionPort {
 public:
  SessionPort(const SessionPort&) = delete;
  SessionPort& operator=(const SessionPort&) = delete;
  virtual ~SessionPort();

  // To look.
  const http2::Session& session() const { return *session_; }
  // To make it send something: written at the end of the turn.
  http2::Session& Writing() {
    MarkDirty();
    return *session_;
  }
  // Gives window back. Most of the time nothing is to be written yet.
  void Consume(http2::StreamId stream, size_t flow_bytes) {
    if (flow_bytes == 0) return;
    session_->Consume(stream, static_cast<uint32_t>(flow_bytes));
    if (!session_->output().empty()) MarkDirty();
  }
  void MarkDirty() {
    if (is_dirty_) return;
    is_dirty_ = true;
    dirty_ports_->dirty_.push_back(this);
  }

 protected:
  // `dirty_ports` is borrowed and outlives the port.
  SessionPort(DirtyPorts* dirty_ports, std::unique_ptr<http2::Session> session)
      : dirty_ports_(dirty_ports), session_(std::move(session)) {}

  // Pumps the session and passes its output on. A port that cannot write now marks itself dirty when it can again.
  virtual void Flush() = 0;
  http2::Session& mutable_session() { return *session_; }

 private:
  friend class DirtyPorts;
  DirtyPorts* const dirty_ports_;
  const std::unique_ptr<http2::Session> session_;
  bool is_dirty_ = false;
};

}  // namespace weir::dataplane

#endif  // WEIR_ROUTER_DATAPLANE_SESSION_PORT_H_
