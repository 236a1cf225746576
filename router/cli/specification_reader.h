// Experiments as files hold them: the one reader of `validate`, `simulate` and `plan`.

#ifndef WEIR_ROUTER_CLI_SPECIFICATION_READER_H_
#define WEIR_ROUTER_CLI_SPECIFICATION_READER_H_

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "config/error.h"
#include "config/files.h"

namespace weir::cli {

struct Specifications {
  std::vector<config::Experiment> experiments;  // Valid exactly where there are no errors.
  config::Findings findings;                    // In the order of files and places, each once.
  size_t files = 0;                             // That were checked.
};

// Reads each of `paths`: a file of either kind, or a folder of them (its *.yaml and *.yml). A Proxy is checked with the
// experiments that it names; other experiments are checked against each other.
Specifications ReadSpecifications(const std::vector<std::string>& paths, const config::FileReader& files);

// Every error and every warning, a line each: "file:line:column: path: ...".
std::string FindingsText(const config::Findings& findings);

struct OneExperiment {
  std::optional<config::Experiment> experiment;
  std::string said;  // Errors, or else warnings; lines for people.
};
// The experiment of that name that `path` holds, or (with no name) its only one.
OneExperiment ReadExperiment(const std::string& path, const std::string& name, const config::FileReader& files);

}  // namespace weir::cli

#endif  // WEIR_ROUTER_CLI_SPECIFICATION_READER_H_
