// Where a subcommand writes.

#ifndef WEIR_ROUTER_CLI_TERMINAL_H_
#define WEIR_ROUTER_CLI_TERMINAL_H_

#include <ostream>

namespace weir::cli {

struct Terminal {
  std::ostream& out;
  std::ostream& err;        // What is wrong, and how far a long computation is.
  bool is_watched = false;  // `err` is a terminal, so that progress is shown.
};

}  // namespace weir::cli

#endif  // WEIR_ROUTER_CLI_TERMINAL_H_
