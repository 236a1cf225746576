// Two texts line by line, as `diff -u` shows them. Pure.

#ifndef WEIR_ROUTER_CLI_UNIFIED_DIFF_H_
#define WEIR_ROUTER_CLI_UNIFIED_DIFF_H_

#include <string>

namespace weir::cli {

// Empty where the texts are equal. `before_name` and `after_name` go into the head. Three lines of context. The fewest
// lines that differ, unless the parts that do have more than four million pairs of lines: then they are told whole.
std::string UnifiedDiff(const std::string& before, const std::string& after, const std::string& before_name,
                        const std::string& after_name);

}  // namespace weir::cli

#endif  // WEIR_ROUTER_CLI_UNIFIED_DIFF_H_
