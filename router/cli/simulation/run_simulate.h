// `weirctl simulate`, from its command line to its answer.

#ifndef WEIR_ROUTER_CLI_SIMULATION_RUN_SIMULATE_H_
#define WEIR_ROUTER_CLI_SIMULATION_RUN_SIMULATE_H_

#include "config/files.h"
#include "router/cli/command_line.h"
#include "router/cli/terminal.h"

namespace weir::cli {

ExitCode RunSimulate(const SimulateCommand& command, const config::FileReader& files, const Terminal& terminal);

// The threads that are meant where a command line says `threads`: 0 is one a core.
int ThreadsOf(int threads);

}  // namespace weir::cli

#endif  // WEIR_ROUTER_CLI_SIMULATION_RUN_SIMULATE_H_
