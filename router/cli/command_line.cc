#include "router/cli/command_line.h"

#include <CLI/CLI.hpp>
#include <optional>
#include <sstream>

namespace weir::cli {
namespace {

constexpr char kControlHelp[] = R"(weirctl shows and commands a weir proxy, over its admin address.

Examples:
  weirctl status                              who gets how much, how it goes, and why
  weirctl status --watch                      the same, every second
  weirctl status --json | jq .experiments     for programs (weir.v1.Status)
  weirctl status --exit-code && deploy        goes on only if nothing is rolled back, frozen or refused
  weirctl validate weir.yaml experiments/     every error as file:line:column, before it is deployed
  weirctl reset income-classifier             opens a new run after a rollback
  weirctl approve income-classifier --role operator --comment "looks good"
                                              lets the step go on that waits for approval
  weirctl rollback income-classifier          gives the default everything, at once
  weirctl explain --key alice                 which variant alice gets, and how it was drawn
  weirctl simulate canary.yaml --fault errors=5%@stage2
                                              what would these guardrails have done, in 1,000 runs?
  weirctl calc --list                         the statistics as a calculator: JSON lines in, JSON lines out
  weirctl calc power_t n=20 difference=1      one of them, from the command line
)";

constexpr char kControlFooter[] = R"(Exit codes:
  0  done
  1  refused by the proxy, an invalid file, a call of calc that has no result, or (status --exit-code) an
     experiment that is rolled back, frozen or inconclusive, a refused configuration, an unhealthy journal, or a
     proxy that is not ready
  2  the command line is wrong
  3  the proxy cannot be reached)";

constexpr char kCalculateFooter[] = R"(Examples:
  weirctl calc power_t n=20 difference=1 standard_deviation=1
  weirctl calc proportion_difference 'a={"n": 80, "successes": 48}' 'b={"n": 70, "successes": 56}'
  echo '{"id": 1, "function": "moments", "inputs": {"values": [1, 2, 4]}}' | weirctl calc
  weirctl calc --list group_sequential
An answer is {"id": ..., "result": {...}} or {"id": ..., "error": "inputs.alpha: must be in (0, 1), got 2"};
one bad call never stops the rest. Effects are b minus a; tests are two-sided unless sided is 1.)";

constexpr char kProxyHelp[] =
    R"(weir is a gRPC proxy in front of the versions of a model: it divides traffic by users, measures
each version, and shuts the gate when a guardrail is provably breached.

Examples:
  weir --config weir.yaml            run until SIGTERM, then drain
  weirctl validate weir.yaml         check the file first
  weirctl status                     see how it goes
)";

constexpr char kProxyFooter[] = R"(Exit codes:
  0  drained after SIGTERM or SIGINT
  1  could not start
  2  the command line or the configuration is wrong)";

// CLI11 prints and throws; both end here.
template <typename Parse>
std::optional<SayCommand> ParseInto(CLI::App& app, Parse parse) {
  try {
    parse();
    return std::nullopt;
  } catch (const CLI::ParseError& error) {
    std::ostringstream out, err;
    const int code = app.exit(error, out, err);
    return SayCommand{code == 0 ? ExitCode::kOk : ExitCode::kUsage, out.str() + err.str()};
  }
}

std::vector<std::string> Reversed(std::span<const char* const> arguments) {
  return {arguments.rbegin(), arguments.rend()};
}

// The life of a rollout.
constexpr std::pair<const char*, const char*> kVerbs[] = {
    {"start", "Enters the first step of a rollout that waits for its start"},
    {"pause", "Stops the clock of a rollout; its share stays"},
    {"resume", "Goes on with what is paused or inconclusive, and takes back a share that was set by hand"},
    {"promote", "Goes past what the step still waits for, except for approval (--full: past all steps)"},
    {"abort", "Ends the rollout: the default has everything, at once"},
    {"rollback", "Gives the default everything, at once, whatever the experiment does"},
    {"retry", "Begins the present step anew"},
    {"set-weight", "Sets what the candidates get together, in percent, until the next step or resume"},
    {"approve", "Lets a step go on that waits for approval"},
    {"reject", "Refuses the approval that a step waits for: the default has everything, at once"},
};

struct Subcommands {
  CLI::App* status;
  CLI::App* validate;
  CLI::App* reset;
  CLI::App* explain;
  CLI::App* calculate;
  CLI::App* simulate;
  std::vector<CLI::App*> verbs;  // As in kVerbs.
};

struct Values {
  StatusCommand status;
  ValidateCommand validate;
  ResetCommand reset;
  ExplainCommand explain;
  CalculateCommand calculate;
  SimulateCommand simulate;
  RolloutCommand rollout;
};

void AddVerbs(CLI::App& app, RolloutCommand& command, std::vector<CLI::App*>& verbs) {
  for (const auto& [name, what] : kVerbs) {
    CLI::App* verb = app.add_subcommand(name, what);
    verb->add_option("NAME", command.experiment, "The experiment")->required();
    if (std::string(name) == "set-weight") {
      verb->add_option("PERCENT", command.percent, "From 0 to 100")->required()->check(CLI::Range(0.0, 100.0));
    }
    if (std::string(name) == "promote") verb->add_flag("--full", command.is_full, "Past all steps");
    verb->add_option("--comment", command.comment, "Why, for the audit");
    verb->add_option("--actor", command.actor, "Who asks, for the audit (default: the account)");
    verb->add_option("--role", command.roles, "A role of who asks, such as a step's approval wants; repeatable");
    verbs.push_back(verb);
  }
}

CLI::App* AddSimulate(CLI::App& app, SimulateCommand& command) {
  CLI::App* simulate = app.add_subcommand(
      "simulate", "Runs an experiment many times in virtual time, with the code that the proxy runs");
  simulate->add_option("SPEC", command.file, "An Experiment file")->required();
  simulate->add_option("--fault", command.faults,
                       "errors=5%@stage2 or latency=2x@stage1 of the candidates; repeatable");
  simulate->add_option("--runs", command.runs, "How many")->check(CLI::Range(1, 1'000'000))->capture_default_str();
  simulate->add_option("--seed", command.seed, "The same seed gives the same runs")->capture_default_str();
  simulate->add_option("--traffic", command.calls_per_second, "Calls a second, of all variants")
      ->check(CLI::Range(0.01, 5000.0))
      ->capture_default_str();
  simulate->add_option("--users", command.users, "Users, of Zipf weights")
      ->check(CLI::Range(2, 1'000'000))
      ->capture_default_str();
  simulate->add_option("--errors", command.error_percent, "Percent of calls that fail without a fault")
      ->check(CLI::Range(0.0, 99.0))
      ->capture_default_str();
  simulate->add_option("--latency", command.latency_ms, "Median latency in ms")
      ->check(CLI::Range(0.1, 60'000.0))
      ->capture_default_str();
  simulate->add_option("--longest-pause", command.longest_pause_minutes, "Minutes to which pauses are cut")
      ->check(CLI::Range(0.1, 100'000.0))
      ->capture_default_str();
  simulate->add_option("--threads", command.threads, "0: one a core")->check(CLI::Range(0, 256));
  simulate->add_flag("--json", command.is_json, "Print the summary as JSON");
  simulate->add_option("--svg", command.svg, "Write a plot to this file");
  return simulate;
}

Subcommands AddSubcommands(CLI::App& app, Values& values) {
  Subcommands sub;
  sub.status = app.add_subcommand("status", "Shows shares, requests, errors, latency, outcomes and evidence");
  auto* json = sub.status->add_flag("--json", values.status.is_json, "Print weir.v1.Status as JSON");
  sub.status->add_flag("--watch", values.status.is_watch, "Print again every second, until interrupted")
      ->excludes(json);
  sub.status->add_flag("--exit-code", values.status.wants_exit_code, "End with 1 unless all is well");
  sub.validate =
      app.add_subcommand("validate", "Checks files without a proxy: every error, warnings and what to expect");
  sub.validate->add_option("FILE", values.validate.files, "Proxy or Experiment files, or folders of them")->required();
  sub.reset =
      app.add_subcommand("reset", "Opens a new run of a rolled-back experiment, with the files as they are now");
  sub.reset->add_option("NAME", values.reset.experiment, "The experiment")->required();
  AddVerbs(app, values.rollout, sub.verbs);
  sub.explain = app.add_subcommand("explain", "Shows which variant a user gets, by the weights in force, and why");
  sub.explain->add_option("--key", values.explain.key, "The user's key, as the key header carries it")->required();
  sub.explain->add_option("--experiment", values.explain.experiment, "One experiment alone");
  sub.calculate = app.add_subcommand(
      "calc", "Computes: reads calls as JSON lines (or one array) from standard input, and answers a line each");
  sub.calculate->footer(kCalculateFooter);
  sub.calculate->add_flag("--list", values.calculate.is_list, "Describe all functions, or those that are named");
  sub.calculate->add_option("FUNCTION", values.calculate.arguments, "A function, then its inputs as name=value (JSON)");
  sub.simulate = AddSimulate(app, values.simulate);
  return sub;
}

}  // namespace

CommandLine ParseCommandLine(std::span<const char* const> arguments, const std::string& version) {
  CommandLine line;
  Values values;
  CLI::App app(kControlHelp, "weirctl");
  app.footer(kControlFooter);
  app.set_version_flag("--version", "weirctl " + version);
  app.add_option("--address,--admin", line.address, "The proxy's admin address")
      ->envname("WEIR_ADMIN")
      ->default_val("127.0.0.1:9901");
  app.require_subcommand(1);
  app.fallthrough();
  const Subcommands sub = AddSubcommands(app, values);
  if (auto said = ParseInto(app, [&] { app.parse(Reversed(arguments)); })) {
    line.command = *std::move(said);
  } else if (sub.status->parsed()) {
    line.command = values.status;
  } else if (sub.validate->parsed()) {
    line.command = values.validate;
  } else if (sub.reset->parsed()) {
    line.command = values.reset;
  } else if (sub.simulate->parsed()) {
    line.command = values.simulate;
  } else if (sub.calculate->parsed()) {
    line.command = values.calculate;
  } else if (sub.explain->parsed()) {
    line.command = values.explain;
  } else {
    for (const CLI::App* verb : sub.verbs) {
      if (verb->parsed()) values.rollout.verb = verb->get_name();
    }
    line.command = values.rollout;
  }
  return line;
}

std::variant<SayCommand, ProxyCommand> ParseProxyCommandLine(std::span<const char* const> arguments,
                                                             const std::string& version) {
  ProxyCommand command;
  CLI::App app(kProxyHelp, "weir");
  app.footer(kProxyFooter);
  app.set_version_flag("--version", "weir " + version);
  app.add_option("--config", command.config, "The Proxy file; it names the folder of the experiments")->required();
  app.add_option("--log-level", command.log_level, "debug, info, warning or error")
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}))
      ->default_val("info");
  if (auto said = ParseInto(app, [&] { app.parse(Reversed(arguments)); })) return *std::move(said);
  return command;
}

}  // namespace weir::cli
