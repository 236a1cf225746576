// `weirctl plan`, from its command line to its answer.

#ifndef WEIR_ROUTER_CLI_PLANNING_RUN_PLAN_H_
#define WEIR_ROUTER_CLI_PLANNING_RUN_PLAN_H_

#include "config/files.h"
#include "router/cli/command_line.h"
#include "router/cli/terminal.h"

namespace weir::cli {

ExitCode RunPlan(const PlanCommand& command, const config::FileReader& files, const Terminal& terminal);

}  // namespace weir::cli

#endif  // WEIR_ROUTER_CLI_PLANNING_RUN_PLAN_H_
