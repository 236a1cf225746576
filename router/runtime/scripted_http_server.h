// A server on loopback that answers what a test says, byte for byte: for tests of what asks others.

#ifndef WEIR_ROUTER_RUNTIME_SCRIPTED_HTTP_SERVER_H_
#define WEIR_ROUTER_RUNTIME_SCRIPTED_HTTP_SERVER_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "router/runtime/file_descriptor.h"

namespace weir::runtime {

class ScriptedHttpServer {
 public:
  struct Reply {
    std::string bytes;        // As they are sent.
    bool keeps_open = false;  // Until the server ends: for a server that hangs.
    bool is_reset = false;    // RST in the place of an orderly close.
  };
  // Called on the server's thread with a whole request.
  using Script = std::function<Reply(const std::string& request)>;

  explicit ScriptedHttpServer(Script script);
  ~ScriptedHttpServer();

  uint16_t port() const { return port_; }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  // Every request so far. Any thread.
  std::vector<std::string> Requests() const;
  // Returns once there were `count` requests.
  void WaitForRequests(size_t count) const;

  // "HTTP/1.1 STATUS ...", with a length.
  static Reply Answer(int status, const std::string& body);
  static Reply Hang() { return {.bytes = "", .keeps_open = true}; }

 private:
  void Run();
  void Serve(FileDescriptor fd);

  const Script script_;
  FileDescriptor listener_;
  uint16_t port_ = 0;
  std::atomic<bool> is_stopping_ = false;
  std::vector<FileDescriptor> kept_;
  mutable absl::Mutex mutex_;
  mutable absl::CondVar has_changed_;  // Of what the mutex guards.
  std::vector<std::string> requests_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace weir::runtime

#endif  // WEIR_ROUTER_RUNTIME_SCRIPTED_HTTP_SERVER_H_
