// weirctl: what an operator asks and commands.

#include <pwd.h>
#include <unistd.h>

#include <cctype>
#include <csignal>
#include <ctime>
#include <iostream>
#include <string>
#include <variant>

#include "absl/time/clock.h"
#include "config/files.h"
#include "config/limits.h"
#include "config/plain_text.h"
#include "router/cli/admin_client.h"
#include "router/cli/calculator/calc_command.h"
#include "router/cli/command_line.h"
#include "router/cli/planning/run_plan.h"
#include "router/cli/run_journal.h"
#include "router/cli/simulation/run_simulate.h"
#include "router/cli/status_text.h"
#include "router/cli/terminal.h"
#include "router/cli/validate.h"
#include "router/cli/version.h"
#include "router/control/command_text.h"

namespace weir::cli {
namespace {

// `what` is about, where that is not plain: "NAME: ".
ExitCode Fail(const absl::Status& error, const std::string& what = "") {
  std::cerr << "weirctl: " << config::ToPlainText(what + std::string(error.message())) << "\n";
  return AdminClient::IsUnreachable(error) ? ExitCode::kUnreachable : ExitCode::kRefused;
}

// Who asks, for the audit: the account, the one behind sudo too. A claim, not a proof: the admin address is loopback's.
std::string Actor() {
  const passwd* account = getpwuid(getuid());
  std::string actor = account != nullptr ? account->pw_name : "uid " + std::to_string(getuid());
  if (const char* behind = getenv("SUDO_USER"); behind != nullptr) actor += " (sudo by " + std::string(behind) + ")";
  char host[256] = "";
  if (gethostname(host, sizeof(host) - 1) == 0) actor += std::string("@") + host;
  return config::ToPlainText(config::Beginning(actor, config::limits::kActorBytes));
}

// Waits for a second; false when the user interrupts.
bool WaitForNextPage(const sigset_t& interrupts) {
  const timespec second{1, 0};
  return sigtimedwait(&interrupts, nullptr, &second) < 0;
}

ExitCode Watch(AdminClient& proxy) {
  sigset_t interrupts;
  sigemptyset(&interrupts);
  sigaddset(&interrupts, SIGINT);
  sigaddset(&interrupts, SIGTERM);
  sigprocmask(SIG_BLOCK, &interrupts, nullptr);
  do {
    const auto status = proxy.GetStatus();
    std::cout << "\x1b[H\x1b[2J"
              << (status.ok() ? StatusText(*status)
                              : config::ToPlainText(std::string(status.status().message())) + "\n")
              << std::flush;
  } while (std::cout.good() && WaitForNextPage(interrupts));
  return ExitCode::kOk;
}

ExitCode Run(const CommandLine&, const SayCommand& say) {
  (say.code == ExitCode::kOk ? std::cout : std::cerr) << say.text;
  return say.code;
}

ExitCode Run(const CommandLine& line, const StatusCommand& command) {
  AdminClient proxy(line.address);
  if (command.is_watch) return Watch(proxy);
  const auto status = proxy.GetStatus();
  if (!status.ok()) return Fail(status.status());
  if (command.is_json) {
    const auto json = StatusJson(*status);
    if (!json.ok()) return Fail(json.status());
    std::cout << *json;
  } else {
    std::cout << StatusText(*status);
  }
  const std::string trouble = command.wants_exit_code ? Trouble(*status) : "";
  return trouble.empty() ? ExitCode::kOk : Fail(absl::FailedPreconditionError(trouble));
}

ExitCode Run(const CommandLine&, const ValidateCommand& command) {
  const ValidationReport report = ValidateFiles(command.files, config::DiskFiles(), absl::Now());
  std::cout << report.text;
  return report.is_valid ? ExitCode::kOk : ExitCode::kRefused;
}

// "set-weight" as SET_WEIGHT.
weir::v1::CommandRequest::Kind KindOf(std::string verb) {
  for (char& c : verb) c = c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  weir::v1::CommandRequest::Kind kind = weir::v1::CommandRequest::KIND_UNSPECIFIED;
  (void)weir::v1::CommandRequest::Kind_Parse(verb, &kind);  // Every verb is a kind; the proxy refuses what is none.
  return kind;
}

ExitCode Run(const CommandLine& line, const RolloutCommand& command) {
  AdminClient proxy(line.address);
  weir::v1::CommandRequest request;
  request.set_kind(KindOf(command.verb));
  request.set_experiment(command.experiment);
  request.set_actor(command.actor.empty() ? Actor() : command.actor);
  for (const std::string& role : command.roles) request.add_roles(role);
  request.set_comment(command.comment);
  if (command.percent) request.set_percent(*command.percent);
  request.set_full(command.is_full);
  // What is no UTF-8, or too long to be sent, would be refused before the proxy sees that it shuts.
  if (control::Shuts(request.kind())) control::TidyTexts(request);
  const auto response = proxy.Command(request);
  if (!response.ok()) return Fail(response.status(), command.experiment + ": ");
  if (request.kind() == weir::v1::CommandRequest::RESET) {
    std::cout << command.experiment << ": run " << response->experiment().run() << " is open, with no evidence\n";
  } else {
    std::cout << PhaseText(response->experiment()) << "\n";
  }
  return ExitCode::kOk;
}

ExitCode Run(const CommandLine& line, const ExplainCommand& command) {
  AdminClient proxy(line.address);
  weir::v1::ExplainRequest request;
  request.set_key(command.key);
  request.set_experiment(command.experiment);
  const auto response = proxy.Explain(request);
  if (!response.ok()) return Fail(response.status());
  std::cout << ExplainText(*response);
  return ExitCode::kOk;
}

ExitCode Run(const CommandLine&, const CalculateCommand& command) {
  if (command.arguments.empty() && !command.is_list && isatty(STDIN_FILENO) != 0) {
    std::cerr << "weirctl: reading calls as JSON lines; end with ctrl-D. What there is: weirctl calc --list\n";
  }
  std::ios::sync_with_stdio(false);
  const bool is_ok = RunCalc({.is_list = command.is_list, .arguments = command.arguments}, std::cin, std::cout);
  return is_ok ? ExitCode::kOk : ExitCode::kRefused;
}

Terminal ThisTerminal() { return {std::cout, std::cerr, isatty(STDERR_FILENO) != 0}; }

ExitCode Run(const CommandLine&, const SimulateCommand& command) {
  return RunSimulate(command, config::DiskFiles(), ThisTerminal());
}

ExitCode Run(const CommandLine&, const PlanCommand& command) {
  return RunPlan(command, config::DiskFiles(), ThisTerminal());
}

ExitCode Run(const CommandLine& line, const AuditCommand& command) {
  bool is_good = true;
  if (absl::Status status = RunAudit(line.address, command, std::cout, is_good); !status.ok()) return Fail(status);
  return is_good ? ExitCode::kOk : ExitCode::kRefused;
}

ExitCode Run(const CommandLine& line, const ReplayCommand& command) {
  bool is_good = true;
  if (absl::Status status = RunReplay(line.address, command, std::cout, is_good); !status.ok()) return Fail(status);
  return is_good ? ExitCode::kOk : ExitCode::kRefused;
}

ExitCode Run(const CommandLine& line, const ReportCommand& command) {
  const absl::Status status = RunReport(line.address, command, std::cout);
  return status.ok() ? ExitCode::kOk : Fail(status);
}

}  // namespace
}  // namespace weir::cli

int main(int argc, char** argv) {
  const weir::cli::CommandLine line = weir::cli::ParseCommandLine({argv + 1, argv + argc}, weir::cli::kVersion);
  return static_cast<int>(std::visit([&](const auto& command) { return weir::cli::Run(line, command); }, line.command));
}
