// How far a long computation is, for a terminal. Pure.

#ifndef WEIR_ROUTER_CLI_PROGRESS_BAR_H_
#define WEIR_ROUTER_CLI_PROGRESS_BAR_H_

#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"

namespace weir::cli {

// Overwrites the line that it wrote before, and ends it when all is done. 0 <= done <= all, all > 0.
inline std::string ProgressBar(int64_t done, int64_t all) {
  constexpr int64_t kCells = 40;
  const auto filled = static_cast<size_t>(kCells * done / all);
  return absl::StrCat("\r[", std::string(filled, '#'), std::string(kCells - filled, '.'), "] ", done, " of ", all,
                      done == all ? "\n" : "");
}

}  // namespace weir::cli

#endif  // WEIR_ROUTER_CLI_PROGRESS_BAR_H_
