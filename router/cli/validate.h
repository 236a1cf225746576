// What `weirctl validate` says about files, without a proxy.

#ifndef WEIR_ROUTER_CLI_VALIDATE_H_
#define WEIR_ROUTER_CLI_VALIDATE_H_

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "config/files.h"

namespace weir::cli {

struct ValidationReport {
  bool is_valid = false;
  std::string text;
};

// Checks each of `paths`: a file of either kind, or a folder of them (its *.yaml and *.yml). A Proxy is checked with
// the experiments that it names; other experiments are checked against each other. The text has every error as
// file:line:column, every warning, and of each valid experiment what its guardrails promise: how probable a false
// rollback is at most, and how many candidate requests the least delay to a true one takes; and where its rollout's end
// is past at `now`.
ValidationReport ValidateFiles(const std::vector<std::string>& paths, const config::FileReader& files, absl::Time now);

}  // namespace weir::cli

#endif  // WEIR_ROUTER_CLI_VALIDATE_H_
