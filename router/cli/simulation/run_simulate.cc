#include "router/cli/simulation/run_simulate.h"

#include <algorithm>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "router/cli/metric_baseline.h"
#include "router/cli/progress_bar.h"
#include "router/cli/quantities.h"
#include "router/cli/simulation/simulate_command.h"
#include "router/cli/specification_reader.h"
#include "router/cli/written_file.h"

namespace weir::cli {
namespace {

absl::StatusOr<SimulationTitle> TitleOf(const SimulateCommand& command, const config::Experiment& experiment) {
  SimulationTitle title{.experiment = experiment.name, .faults = {}, .traffic = {}, .seed = command.seed};
  for (const std::string& text : command.faults) {
    const absl::StatusOr<Fault> fault = ParseFault(text, experiment);
    if (!fault.ok()) return fault.status();
    title.faults.push_back(*fault);
  }
  const absl::StatusOr<double> calls = ReadTraffic(command.traffic);
  if (!calls.ok()) return absl::InvalidArgumentError(absl::StrCat("--traffic ", calls.status().message()));
  constexpr double kMostCalls = 5000;  // Each is simulated: more would take for ever.
  if (*calls > kMostCalls) {
    return absl::InvalidArgumentError(
        absl::StrCat("--traffic must be at most ", kMostCalls, "/s, got ", command.traffic));
  }
  absl::StatusOr<MetricBaselines> baselines = BaselinesOf(experiment, command.baselines);
  if (!baselines.ok()) return baselines.status();
  title.traffic.calls_per_second = *calls;
  title.traffic.users = command.users;
  title.traffic.error_rate = command.error_percent / 100;
  title.traffic.latency_ms = command.latency_ms;
  title.traffic.outcomes = *std::move(baselines);
  title.traffic.reported =
      command.reported_percent.has_value() ? *command.reported_percent / 100 : experiment.ticket_sample.fraction();
  title.traffic.longest_pause = title.traffic.duration = absl::Minutes(command.longest_pause_minutes);
  return title;
}

}  // namespace

int ThreadsOf(int threads) {
  return threads > 0 ? threads : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

ExitCode RunSimulate(const SimulateCommand& command, const config::FileReader& files, const Terminal& terminal) {
  const OneExperiment read = ReadExperiment(command.file, command.experiment, files);
  terminal.err << read.said;
  if (!read.experiment) return ExitCode::kRefused;
  const absl::StatusOr<SimulationTitle> title = TitleOf(command, *read.experiment);
  if (!title.ok()) {
    terminal.err << "weirctl: " << title.status().message() << "\n";
    return ExitCode::kUsage;
  }
  const SimulationSummary summary = Summarise(Simulate(*read.experiment, title->traffic, title->faults, command.runs,
                                                       command.seed, ThreadsOf(command.threads), [&](int done) {
                                                         if (terminal.is_watched)
                                                           terminal.err << ProgressBar(done, command.runs)
                                                                        << std::flush;
                                                       }));
  terminal.out << (command.is_json ? SummaryJson(*title, summary) : SummaryText(*title, summary));
  if (command.svg.empty()) return ExitCode::kOk;
  if (const absl::Status written = WriteFile(command.svg, SummarySvg(*title, summary)); !written.ok()) {
    terminal.err << "weirctl: " << written.message() << "\n";
    return ExitCode::kRefused;
  }
  terminal.err << "weirctl: the plot is in " << command.svg << "\n";
  return ExitCode::kOk;
}

}  // namespace weir::cli
