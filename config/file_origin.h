// Whose a file is, and of when: who brought a change about, as far as a file can tell.

#ifndef WEIR_CONFIG_FILE_ORIGIN_H_
#define WEIR_CONFIG_FILE_ORIGIN_H_

#include <string>

#include "absl/time/time.h"

namespace weir::config {

struct FileOrigin {
  std::string owner;  // The account's name, or "uid N"; empty: not known.
  absl::Time modified = absl::UnixEpoch();
  // It is no part of what was asked: a file that was only touched asks for the same.
  bool operator==(const FileOrigin&) const { return true; }
};

}  // namespace weir::config

#endif  // WEIR_CONFIG_FILE_ORIGIN_H_
