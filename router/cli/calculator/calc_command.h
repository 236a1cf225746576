// `weirctl calc`: calls from a stream or the command line, answers line by line.

#ifndef WEIR_ROUTER_CLI_CALCULATOR_CALC_COMMAND_H_
#define WEIR_ROUTER_CLI_CALCULATOR_CALC_COMMAND_H_

#include <cstddef>
#include <istream>
#include <ostream>
#include <string>
#include <vector>

namespace weir::cli {

struct CalcCommand {
  bool is_list = false;
  std::vector<std::string> arguments;  // FUNCTION and name=value, or with is_list the functions to describe.
};

// The longest line, or array, that is read.
inline constexpr size_t kMaxCallBytes = 64 * 1024 * 1024;

// Whether every call was answered with a result. Each answer is written and flushed before the next line is read, so
// that a program may hold a conversation. A stream whose first character is "[" is one JSON array of calls.
bool RunCalc(const CalcCommand& command, std::istream& in, std::ostream& out);

}  // namespace weir::cli

#endif  // WEIR_ROUTER_CLI_CALCULATOR_CALC_COMMAND_H_
