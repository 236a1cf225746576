// What `weirctl` was asked to do. The only door to CLI11 of weirctl and of weir itself.

#ifndef WEIR_ROUTER_CLI_COMMAND_LINE_H_
#define WEIR_ROUTER_CLI_COMMAND_LINE_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "router/cli/journal_commands.h"

namespace weir::cli {

// What a script learns from the process's end. Documented in --help: scripts rely on it.
enum class ExitCode : int {
  kOk = 0,
  kRefused = 1,      // The proxy refused, a file is invalid, or (status --exit-code) not all is well.
  kUsage = 2,        // The command line is wrong.
  kUnreachable = 3,  // No answer from the proxy: none at all, or not in time.
};

struct StatusCommand {
  bool is_json = false;
  bool is_watch = false;
  bool wants_exit_code = false;
};
struct ValidateCommand {
  std::vector<std::string> files;
};
// What a person asks of an experiment: the life of a rollout, and reset.
struct RolloutCommand {
  std::string verb;  // "start", "set-weight", ...
  std::string experiment;
  std::string actor;  // Empty: the account.
  std::vector<std::string> roles;
  std::string comment;
  std::optional<double> percent;  // Of set-weight.
  bool is_full = false;           // Of promote.
};
struct ExplainCommand {
  std::string key;
  std::string experiment;  // Empty: every one.
};
struct CalculateCommand {
  bool is_list = false;
  std::vector<std::string> arguments;
};
struct SimulateCommand {
  std::string file{};
  std::string experiment{};  // Empty: the only one.
  std::vector<std::string> faults{};
  int runs = 1000;
  uint64_t seed = 1;
  std::string traffic = "50/s";
  int users = 2000;
  double error_percent = 1;
  double latency_ms = 20;
  std::vector<std::string> baselines{};      // "accuracy=0.93"
  std::optional<double> reported_percent{};  // Of calls; else as the file says.
  double longest_pause_minutes = 60;
  int threads = 0;  // 0: one a core.
  bool is_json = false;
  std::string svg{};  // Where the plot goes; empty: nowhere.
};
// Values that were not given are empty: the plan says which it took instead.
struct PlanCommand {
  std::string file{};
  std::string experiment{};  // Empty: the only one.
  std::string traffic{};     // "50/s"
  std::string baseline_error{}, median_latency{}, p99_latency{}, reported{};
  std::vector<std::string> baselines{};  // "accuracy=0.93", "revenue=3/5"
  std::optional<double> users{}, calls_per_user{}, correlation{};
  std::optional<double> alpha{}, power{}, days{};
  int simulated_runs = 0;  // Of each fault; 0: none.
  uint64_t seed = 1;
  bool is_json = false;
  std::string svg{};  // Where the plot goes; empty: nowhere.
};
// Nothing left to do but to print: help, a version, or what is wrong with the command line.
struct SayCommand {
  ExitCode code = ExitCode::kOk;
  std::string text;
};

struct CommandLine {
  std::string address;
  std::variant<SayCommand, StatusCommand, ValidateCommand, RolloutCommand, ExplainCommand, CalculateCommand,
               SimulateCommand, PlanCommand, AuditCommand, ReplayCommand, ReportCommand>
      command;
};

// `arguments` are those after the program's name. The environment's WEIR_ADMIN stands in for --address.
CommandLine ParseCommandLine(std::span<const char* const> arguments, const std::string& version);

// `weir`, the proxy itself.
struct ProxyCommand {
  std::string config;
  std::string log_level;
};
std::variant<SayCommand, ProxyCommand> ParseProxyCommandLine(std::span<const char* const> arguments,
                                                             const std::string& version);

}  // namespace weir::cli

#endif  // WEIR_ROUTER_CLI_COMMAND_LINE_H_
