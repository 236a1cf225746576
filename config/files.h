// Where configuration is read from: a disk in production, a map in tests and simulations.

#ifndef WEIR_CONFIG_FILES_H_
#define WEIR_CONFIG_FILES_H_

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "config/file_origin.h"

namespace weir::config {

class FileReader {
 public:
  enum class Kind { kAbsent, kFile, kFolder, kOther };
  virtual ~FileReader() = default;
  // Of what a symbolic link points to.
  virtual Kind KindOf(const std::string& path) const = 0;
  // ResourceExhausted when the file is larger than `most_bytes`.
  virtual absl::StatusOr<std::string> Read(const std::string& path, size_t most_bytes) const = 0;
  // Of what a symbolic link points to; nothing known where it cannot be told.
  virtual FileOrigin OriginOf(const std::string& path) const = 0;
  // The names in a folder, sorted, without "." and "..".
  virtual absl::StatusOr<std::vector<std::string>> List(const std::string& folder) const = 0;
};

// The machine's files. Never waits: what is no regular file (a pipe, a device) is not read. Any thread.
class DiskFiles : public FileReader {
 public:
  Kind KindOf(const std::string& path) const override;
  absl::StatusOr<std::string> Read(const std::string& path, size_t most_bytes) const override;
  FileOrigin OriginOf(const std::string& path) const override;
  absl::StatusOr<std::vector<std::string>> List(const std::string& folder) const override;
};

// Files of a map from paths to texts; every part of a path before a "/" is a folder. A folder may be asked for with a
// "/" at its end, as on a disk.
class MemoryFiles : public FileReader {
 public:
  explicit MemoryFiles(std::map<std::string, std::string> files) : files_(std::move(files)) {}
  Kind KindOf(const std::string& path) const override;
  absl::StatusOr<std::string> Read(const std::string& path, size_t most_bytes) const override;
  FileOrigin OriginOf(const std::string&) const override { return {}; }
  absl::StatusOr<std::vector<std::string>> List(const std::string& folder) const override;

 private:
  std::map<std::string, std::string> files_;
};

}  // namespace weir::config

#endif  // WEIR_CONFIG_FILES_H_
