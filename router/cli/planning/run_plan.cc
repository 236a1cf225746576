#include "router/cli/planning/run_plan.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "router/cli/planning/assumptions.h"
#include "router/cli/planning/experiment_plan.h"
#include "router/cli/planning/measured_delays.h"
#include "router/cli/progress_bar.h"
#include "router/cli/simulation/run_simulate.h"
#include "router/cli/specification_reader.h"
#include "router/cli/written_file.h"

namespace weir::cli {

ExitCode RunPlan(const PlanCommand& command, const config::FileReader& files, const Terminal& terminal) {
  const OneExperiment read = ReadExperiment(command.file, command.experiment, files);
  if (!read.experiment) {
    terminal.err << read.said;
    return ExitCode::kRefused;
  }
  const absl::StatusOr<Assumptions> assumptions = AssumptionsOf(command, *read.experiment);
  if (!assumptions.ok()) {
    terminal.err << "weirctl: " << assumptions.status().message() << "\n";
    return ExitCode::kUsage;
  }
  ExperimentPlan plan = PlanExperiment(*read.experiment, *assumptions);
  const std::vector<std::string> of_the_file = absl::StrSplit(read.said, '\n', absl::SkipEmpty());
  plan.warnings.insert(plan.warnings.begin(), of_the_file.begin(), of_the_file.end());
  if (command.simulated_runs > 0) {
    MeasureDelays(plan, command.simulated_runs, command.seed, ThreadsOf(0), [&](int64_t done, int64_t all) {
      if (terminal.is_watched) terminal.err << ProgressBar(done, all) << std::flush;
    });
  }
  terminal.out << (command.is_json ? PlanJson(plan) : PlanText(plan));
  if (command.svg.empty()) return ExitCode::kOk;
  if (const absl::Status written = WriteFile(command.svg, PlanSvg(plan)); !written.ok()) {
    terminal.err << "weirctl: " << written.message() << "\n";
    return ExitCode::kRefused;
  }
  terminal.err << "weirctl: the plot is in " << command.svg << "\n";
  return ExitCode::kOk;
}

}  // namespace weir::cli
