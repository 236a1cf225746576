// Accepts connections and spreads them over the workers.

#ifndef WEIR_ROUTER_DATAPLANE_ACCEPTOR_H_
#define WEIR_ROUTER_DATAPLANE_ACCEPTOR_H_

#include <span>

#include "absl/status/status.h"
#include "router/dataplane/worker.h"
#include "router/runtime/event_loop.h"
#include "router/runtime/file_descriptor.h"

namespace weir::dataplane {

// gRPC clients hold one connection for hours, so each is handed to the worker that has the fewest. The kernel's own
// choice (SO_REUSEPORT) is by a hash of the addresses: it leaves workers idle while others carry several clients.
//
// Lives on the thread of the first worker, whose loop it uses.
class Acceptor final : private runtime::ReadyEvents {
 public:
  // `workers` is borrowed, and not empty.
  Acceptor(runtime::FileDescriptor listener, std::span<Worker* const> workers);
  ~Acceptor() override;

  absl::Status Watch();
  // Takes what the kernel has accepted already, and closes the listener.
  void Stop();

 private:
  void OnReady(uint32_t ready) override;
  // False when nobody waits any more.
  bool AcceptOne();
  void Pause();

  runtime::EventLoop& loop() { return workers_.front()->loop(); }

  runtime::FileDescriptor listener_;
  const std::span<Worker* const> workers_;
  runtime::Timer resume_timer_;
  bool is_watched_ = false;
};

}  // namespace weir::dataplane

#endif  // WEIR_ROUTER_DATAPLANE_ACCEPTOR_H_
