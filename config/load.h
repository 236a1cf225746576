// A proxy's file and the experiments that it names -> one Config.

#ifndef WEIR_CONFIG_LOAD_H_
#define WEIR_CONFIG_LOAD_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/error.h"
#include "config/files.h"

namespace weir::config {

struct Loaded {
  std::optional<Config> config;  // Present exactly when `errors` is empty.
  std::vector<ConfigError> errors;
  std::vector<ConfigError> warnings;
  std::vector<std::string>
      files;  // Everything that was read, the proxy's file first: what to watch, beside the folder.
};

// `spec.experiments` may be a file, or a folder: its *.yaml and *.yml count, symbolic links are followed, names that
// begin with a dot are passed over (editors' files, and the "..data" of a mounted ConfigMap). A folder without any is
// no error.
Loaded Load(const std::string& proxy_file, const FileReader& files);

// Whether a file of that name counts in such a folder.
bool IsSpecification(std::string_view name);

}  // namespace weir::config

#endif  // WEIR_CONFIG_LOAD_H_
