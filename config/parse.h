// Text -> values, with every error at once: file, line, column, path, expectation and what was found.
//
// Unknown keys are errors with the nearest known one; keys of the specification that this version does not act on are
// errors that say so. Nothing is ignored in silence. Seldon Core v2's fields of an experiment stay at the top of its
// `spec`.

#ifndef WEIR_CONFIG_PARSE_H_
#define WEIR_CONFIG_PARSE_H_

#include <string>
#include <vector>

#include "config/config.h"
#include "config/error.h"

namespace weir::config {

// What one file holds, as far as it could be read; in the order of its documents.
struct Documents {
  std::vector<Placed<Proxy>> proxies;
  std::vector<Placed<Experiment>> experiments;
};
Documents ParseDocuments(const std::string& text, const std::string& file, Findings& findings);

// A file that holds one document of kind Proxy and nothing else. `file` is for messages, and the folder of relative
// paths.
Parsed<Proxy> ParseProxy(const std::string& text, const std::string& file);

// A file that holds one or more documents of kind Experiment ("---" between them) and nothing else.
Parsed<std::vector<Experiment>> ParseExperiments(const std::string& text, const std::string& file);

// What the two above do, with the places kept for `Validate` (config/validate.h). `findings` are added to, not sorted.
std::optional<Placed<Proxy>> ParseProxyFile(const std::string& text, const std::string& file, Findings& findings);
std::vector<Placed<Experiment>> ParseExperimentFile(const std::string& text, const std::string& file,
                                                    Findings& findings);

}  // namespace weir::config

#endif  // WEIR_CONFIG_PARSE_H_
