// A file of lines that never grows beyond a bound: a full one is renamed to FILE.1, that one to FILE.2, and the oldest
// goes.

#ifndef WEIR_ROUTER_CONTROL_ROTATING_FILE_H_
#define WEIR_ROUTER_CONTROL_ROTATING_FILE_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "router/runtime/file_descriptor.h"

namespace weir::control {

// Every line in its files is whole, whatever happens: what a crash or a full disk has torn is cut off again. Somebody
// else may rename or remove the file (logrotate): the next append begins a new one. One thread. Waits for the disk.
class RotatingFile {
 public:
  // `files` are kept, the one that grows included; at least 1. The folder is there, or appending fails.
  RotatingFile(std::string path, int64_t most_bytes, int files)
      : path_(std::move(path)), most_bytes_(most_bytes), files_(files) {}

  // Whole lines, together at most `most_bytes`. An error says why nothing of them was written; the next append tries
  // again.
  absl::Status Append(std::string_view lines);

 private:
  absl::Status Open();
  absl::Status CutTornLine();
  bool IsStillThere() const;
  void Rotate();
  absl::Status Error(const char* what) const;

  const std::string path_;
  const int64_t most_bytes_;
  const int files_;
  runtime::FileDescriptor file_;
  int64_t bytes_ = 0;
};

}  // namespace weir::control

#endif  // WEIR_ROUTER_CONTROL_ROTATING_FILE_H_
