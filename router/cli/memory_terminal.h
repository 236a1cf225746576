// A terminal whose text a test reads.

#ifndef WEIR_ROUTER_CLI_MEMORY_TERMINAL_H_
#define WEIR_ROUTER_CLI_MEMORY_TERMINAL_H_

#include <sstream>
#include <string>

#include "router/cli/command_line.h"
#include "router/cli/terminal.h"

namespace weir::cli {

// What a subcommand answered.
struct Answer {
  ExitCode code;
  std::string out, err;
};

// `run` is called with a terminal, and gives its exit code.
template <typename Run>
Answer AnswerOf(const Run& run, bool is_watched = false) {
  std::ostringstream out, err;
  const ExitCode code = run(Terminal{out, err, is_watched});
  return {code, out.str(), err.str()};
}

}  // namespace weir::cli

#endif  // WEIR_ROUTER_CLI_MEMORY_TERMINAL_H_
