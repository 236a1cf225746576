// The folder in which a proxy keeps what it must not forget: its journal, who it is, how often it started. Nobody else
// reads it: in the journal specifications lie whole, with the secret addresses of webhooks.

#ifndef WEIR_ROUTER_CONTROL_STATE_DIRECTORY_H_
#define WEIR_ROUTER_CONTROL_STATE_DIRECTORY_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "router/runtime/file_descriptor.h"
#include "stats/ticket.h"

namespace weir::control {

// Holds the folder's lock while it lives (the kernel lets go of it when the process dies, however it dies).
class StateDirectory {
 public:
  // Makes the folder if it is missing (mode 0700), takes its lock, closes to others what an earlier version left open
  // to them in it, and counts this start. The mode of a folder that was there is its owner's affair.
  //   ALREADY_EXISTS  another proxy holds it: two proxies never share one folder.
  //   others          it cannot be made, read or written.
  static absl::StatusOr<StateDirectory> Open(const std::string& path);

  const std::string& path() const { return path_; }
  std::string journal_path() const { return path_ + "/journal.db"; }
  // Who issues this process's tickets; `worker` is 0. A folder whose record of it is damaged makes another replica.
  stats::Issuer issuer() const { return issuer_; }

 private:
  StateDirectory(std::string path, runtime::FileDescriptor lock, stats::Issuer issuer)
      : path_(std::move(path)), lock_(std::move(lock)), issuer_(issuer) {}

  std::string path_;
  runtime::FileDescriptor lock_;
  stats::Issuer issuer_;
};

// An issuer that no other process shares, for a proxy without a usable folder: its tickets are good until it ends.
stats::Issuer RandomIssuer();

}  // namespace weir::control

#endif  // WEIR_ROUTER_CONTROL_STATE_DIRECTORY_H_
