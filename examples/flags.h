// Command-line flags of the example programs: `--name value`, `--name=value`, and `--name` alone for a switch.

#ifndef WEIR_EXAMPLES_FLAGS_H_
#define WEIR_EXAMPLES_FLAGS_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace weir::examples {

class Flags {
 public:
  // Each `target` is borrowed, outlives Parse, and holds the default.
  void Add(const std::string& name, std::string* target, const std::string& meaning);
  void Add(const std::string& name, int64_t* target, const std::string& meaning);  // Not negative.
  void Add(const std::string& name, double* target, const std::string& meaning);   // Not negative, finite.
  void Add(const std::string& name, absl::Duration* target,
           const std::string& meaning);                                         // "250ms", "1m30s"; not negative.
  void Add(const std::string& name, bool* target, const std::string& meaning);  // A switch.

  // InvalidArgument for an unknown flag, a missing or an unfit value, or anything that is not a flag.
  absl::Status Parse(const std::vector<std::string>& arguments) const;
  std::string Usage() const;  // A line for each flag, with its default.

 private:
  struct Flag {
    std::string name;
    std::string meaning;
    std::string default_value;
    std::string expected;                         // "a number", ...; empty for a switch.
    std::function<bool(const std::string&)> set;  // False: not `expected`.
  };
  const Flag* Find(std::string_view name) const;
  std::vector<Flag> flags_;
};

}  // namespace weir::examples

#endif  // WEIR_EXAMPLES_FLAGS_H_
