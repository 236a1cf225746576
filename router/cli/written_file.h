// A plot, or whatever else a subcommand writes beside its answer.

#ifndef WEIR_ROUTER_CLI_WRITTEN_FILE_H_
#define WEIR_ROUTER_CLI_WRITTEN_FILE_H_

#include <fstream>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace weir::cli {

inline absl::Status WriteFile(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  file << text;
  return file.flush() ? absl::OkStatus() : absl::UnavailableError(absl::StrCat("cannot write ", path));
}

}  // namespace weir::cli

#endif  // WEIR_ROUTER_CLI_WRITTEN_FILE_H_
