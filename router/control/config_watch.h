// A thread that watches the operator's files and reads them, so that a file system that hangs (a dead network mount)
// holds up nobody but itself: the control thread goes on judging, and takes what was read when there is something.

#ifndef WEIR_ROUTER_CONTROL_CONFIG_WATCH_H_
#define WEIR_ROUTER_CONTROL_CONFIG_WATCH_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "config/load.h"
#include "router/control/config_source.h"
#include "router/runtime/clock.h"

namespace weir::control {

// Its owner's thread.
class ConfigWatch {
 public:
  // Reads the files; called on the watch's own thread, at once and after each change.
  using Read = std::function<config::Loaded()>;
  // How long the destructor waits for a reading under way. A thread that hangs in the file system cannot be ended: it
  // is left behind, with what it uses.
  static constexpr absl::Duration kPatience = absl::Seconds(2);

  // `proxy_file` and the experiments that it names, first `experiments` (empty: none), are watched.
  static absl::StatusOr<std::unique_ptr<ConfigWatch>> Start(const runtime::Clock& clock, std::string proxy_file,
                                                            std::string experiments, Read read,
                                                            const ConfigSourceOptions& options);
  ~ConfigWatch();
  ConfigWatch(const ConfigWatch&) = delete;
  ConfigWatch& operator=(const ConfigWatch&) = delete;

  // What was read last, if that is new since the last call. Never waits.
  std::optional<config::Loaded> TakeNewest();

 private:
  struct Watching;
  explicit ConfigWatch(std::unique_ptr<Watching> watching);

  std::unique_ptr<Watching> watching_;
};

}  // namespace weir::control

#endif  // WEIR_ROUTER_CONTROL_CONFIG_WATCH_H_
