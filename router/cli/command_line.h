// What `weirctl` was asked to do. The only door to CLI11 of weirctl and of weir itself.

#ifndef WEIR_ROUTER_CLI_COMMAND_LINE_H_
#define WEIR_ROUTER_CLI_COMMAND_LINE_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace weir::cli {

// What a script learns from the process's end. Documented in --help: scripts rely on it.
enum class ExitCode : int {
  kOk = 0,
  kRefused = 1,      // The proxy refused, a file is invalid, or (status --exit-code) not all is well.
  kUsage = 2,        // The command line is wrong.
  kUnreachable = 3,  // No answer from the proxy.
};

struct StatusCommand {
  bool is_json = false;
  bool is_watch = false;
  bool wants_exit_code = false;
};
struct ValidateCommand {
  std::vector<std::string> files;
};
struct ResetCommand {
  std::string experiment;
};
// The life of a rollout.
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
  std::string file;
  std::vector<std::string> faults;
  int runs = 1000;
  uint64_t seed = 1;
  double calls_per_second = 50;
  int users = 2000;
  double error_percent = 1;
  double latency_ms = 20;
  double longest_pause_minutes = 60;
  int threads = 0;  // 0: one a core.
  bool is_json = false;
  std::string svg;  // Where the plot goes; empty: nowhere.
};
// Nothing left to do but to print: help, a version, or what is wrong with the command line.
struct SayCommand {
  ExitCode code = ExitCode::kOk;
  std::string text;
};

struct CommandLine {
  std::string address;
  std::variant<SayCommand, StatusCommand, ValidateCommand, ResetCommand, RolloutCommand, ExplainCommand,
               CalculateCommand, SimulateCommand>
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
