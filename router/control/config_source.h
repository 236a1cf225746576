// Notices that the operator's files changed, and loads them anew.
//
// Two ways of noticing: inotify tells at once; a look every second finds what inotify cannot tell (network file
// systems, folders that were replaced) and the symlink swap with which Kubernetes updates a ConfigMap. Files are loaded
// when they have been quiet for a moment, so that an editor or a copy of many files makes one load.
//
// A swap by rename is seen whole or not at all. Whoever rewrites a file in place may stop half-way, where it may be
// valid: inotify tells that the file is still open, and then it is waited for. What a look alone has found is to be the
// same at the next one.

#ifndef WEIR_ROUTER_CONTROL_CONFIG_SOURCE_H_
#define WEIR_ROUTER_CONTROL_CONFIG_SOURCE_H_

#include <sys/inotify.h>

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "router/runtime/event_loop.h"
#include "router/runtime/file_descriptor.h"
#include "router/runtime/timer_queue.h"

namespace weir::control {

// What can be told of files without reading them: changes whenever they do. `paths` are files or folders (then each
// file in it, not below); symbolic links are followed, so that a swapped link is a change; what is missing is told
// apart from what is there.
std::string Fingerprint(const std::vector<std::string>& paths);

struct ConfigSourceOptions {
  bool use_inotify = true;  // Off where a test wants polling alone.
  absl::Duration poll = absl::Seconds(1);
  absl::Duration quiet = absl::Milliseconds(50);
  int most_looks = 10;             // At files that never get quiet; then they are loaded as they are.
  int most_looks_at_writer = 200;  // The same where somebody has one open and writes to it.
};

// Lives on its loop's thread.
class ConfigSource : private runtime::ReadyEvents {
 public:
  // `load` reads the files, hands on what they say, and returns the paths to watch from now on. It is called on the
  // loop's thread, after a change. `loop` is borrowed.
  using Load = std::function<std::vector<std::string>()>;
  ConfigSource(runtime::EventLoop& loop, Load load, ConfigSourceOptions options = {});
  ~ConfigSource() override;

  // Loads now, and then at each change.
  void Start();

 private:
  void OnReady(uint32_t ready) override;
  void TakeEvents();
  void TakeEvent(const inotify_event& event, const std::string& name);
  void Poll();
  void Notice(absl::Duration quiet);
  void Look();
  void LoadNow(std::string fingerprint);
  void Watch();
  void Watch(const std::string& path, uint32_t changes);

  runtime::EventLoop& loop_;
  const Load load_;
  const ConfigSourceOptions options_;
  runtime::FileDescriptor inotify_;
  runtime::Timer poll_timer_;
  runtime::Timer quiet_timer_;
  std::map<int, std::string> watched_;  // What inotify's numbers stand for.
  std::set<std::string> written_;       // Files that were written to and not closed since.
  std::vector<std::string> paths_;
  std::string loaded_;    // Fingerprint of what was loaded last.
  std::string noticed_;   // Of the last look, while they are not quiet.
  absl::Duration quiet_;  // Until the next look at them.
  int looks_ = 0;
};

}  // namespace weir::control

#endif  // WEIR_ROUTER_CONTROL_CONFIG_SOURCE_H_
