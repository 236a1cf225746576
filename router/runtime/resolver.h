// Names to addresses, away from the threads that must not wait.

#ifndef WEIR_ROUTER_RUNTIME_RESOLVER_H_
#define WEIR_ROUTER_RUNTIME_RESOLVER_H_

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "router/runtime/socket.h"

namespace weir::runtime {

// One thread that calls getaddrinfo(3), in turn. A name that hangs delays the names behind it, never a worker.
class Resolver {
 public:
  using Addresses = absl::StatusOr<std::vector<SocketAddress>>;
  // Called on the resolver's thread: hand the answer to a mailbox.
  using Answer = std::function<void(Addresses)>;

  Resolver();
  // Waits for the name that is being resolved; the others are answered with Cancelled.
  ~Resolver();

  // Any thread. ResourceExhausted comes at once, on the caller's thread, when too many names wait.
  void Resolve(std::string host, uint16_t port, Answer answer);

 private:
  static constexpr size_t kMaxWaiting = 4096;  // More than the endpoints of any one configuration.

  struct Question {
    std::string host;
    uint16_t port;
    Answer answer;
  };
  void Run();

  absl::Mutex mutex_;
  absl::CondVar has_changed_;  // Of what the mutex guards.
  std::vector<Question> waiting_ ABSL_GUARDED_BY(mutex_);
  bool is_stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace weir::runtime

#endif  // WEIR_ROUTER_RUNTIME_RESOLVER_H_
