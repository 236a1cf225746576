#include "router/cli/command_line.h"

#include <CLI/CLI.hpp>
#include <functional>
#include <optional>
#include <sstream>
#include <utility>

namespace weir::cli {
namespace {

constexpr char kControlHelp[] = R"(weirctl shows and commands a weir proxy, over its admin address.

Examples:
  weirctl status                              who gets how much, how it goes, and why
  weirctl status --watch                      the same, every second
  weirctl status --json | jq .experiments     for programs (weir.v1.Status)
  weirctl status --exit-code && deploy        goes on only if nothing is rolled back, frozen or refused
  weirctl validate weir.yaml experiments/     every error as file:line:column, before it is deployed
  weirctl reset income-classifier --comment "model mended"
                                              opens a new run after a rollback
  weirctl approve income-classifier --role operator --comment "looks good"
                                              lets the step go on that waits for approval
  weirctl rollback income-classifier          gives the default everything, at once
  weirctl explain --key alice                 which variant alice gets, and how it was drawn
  weirctl audit show income-classifier --diff who changed the specification, when, and how
  weirctl audit verify /var/lib/weir          is the journal as it was written?
  weirctl replay income-classifier            decides again what was decided, from the journal
  weirctl report income-classifier            the post-mortem of its rollback
  weirctl report income-classifier --now --svg run.svg
                                              how the run goes, as a plot: shares, events, guardrails, latencies
  weirctl plan canary.yaml --traffic 50/s     how long it takes, what it can show, and how soon it sees a fault
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
  3  the proxy cannot be reached, or does not answer in time (a command may still be carried out then))";

constexpr char kCalculateFooter[] = R"(Examples:
  weirctl calc power_t n=20 difference=1 standard_deviation=1
  weirctl calc proportion_difference 'a={"n": 80, "successes": 48}' 'b={"n": 70, "successes": 56}'
  echo '{"id": 1, "function": "moments", "inputs": {"values": [1, 2, 4]}}' | weirctl calc
  weirctl calc --list group_sequential
An answer is {"id": ..., "result": {...}} or {"id": ..., "error": "inputs.alpha: must be in (0, 1), got 2"};
one bad call never stops the rest. Effects are b minus a; tests are two-sided unless sided is 1.)";

constexpr char kPlanFooter[] = R"(It prints, all from the experiment's own file and the traffic:
  - how long each stage takes, by its pause and its samples at its share;
  - the least change of each metric that a stage can show, and how many calls a change takes (normal approximations;
    Bonferroni over primary metrics and candidates; users' calls are alike, so that a design effect multiplies sizes);
  - how probable a false rollback is at most, and how long each guardrail takes to see a fault of some size: the mean
    of its own test, with the alpha that the test has in that stage, beside Wald's bound log(1/alpha)/KL;
  - what to mind: pauses too short to prove a doubling, samples that never come, ...

Examples:
  weirctl plan canary.yaml --traffic 50/s
  weirctl plan canary.yaml --traffic 1e6/d --baseline-error 0.2% --median-latency 80ms --p99-latency 400ms
  weirctl plan canary.yaml --traffic 3000/m --users 20000 --baseline accuracy=0.93 --baseline revenue=3.2/5
  weirctl plan canary.yaml --traffic 50/s --simulate 100 --svg plan.svg
  weirctl plan canary.yaml --traffic 50/s --json | jq '.warnings'
A value that is not given has a default, which the plan prints as assumed. In JSON what never happens is "Infinity".)";

constexpr char kSimulateFooter[] = R"(A fault is of the candidates, from the beginning of a stage (a rollout's step) on:
  --fault errors=5%@stage2      their error rate becomes 5 %
  --fault latency=2x            their latencies double, from the first stage
  --fault accuracy=-0.1@stage2  the mean of the metric `accuracy` falls by 0.1
A blueGreen's preview gets a call a second. Pauses are cut to --longest-pause, so that a rollout of days is simulated in seconds.)";

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
  2  the command line or the configuration is wrong
  3  drained, but the journal does not hold the last changes or counts: its disk refused them or did not answer)";

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

// What people ask of an experiment.
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
    {"reset", "Opens a new run of a rolled-back experiment, with the files as they are now"},
    {"reject", "Refuses the approval that a step waits for: the default has everything, at once"},
};

using Asked = decltype(CommandLine::command);

// The subcommands of one line, each with what it asks for once the line is parsed.
class Subcommands {
 public:
  explicit Subcommands(CLI::App& app) : app_(app) {}

  // `add` gives a subcommand its options, which are read into `command`; it is borrowed.
  template <typename Command>
  CLI::App* Add(const char* name, const char* what, Command& command, void (*add)(CLI::App&, Command&)) {
    CLI::App* subcommand = app_.add_subcommand(name, what);
    add(*subcommand, command);
    Add(subcommand, [&command] { return Asked(command); });
    return subcommand;
  }
  void Add(CLI::App* subcommand, std::function<Asked()> asked) { all_.emplace_back(subcommand, std::move(asked)); }

  // Of the one that was parsed.
  Asked Parsed() const {
    for (const auto& [subcommand, asked] : all_) {
      if (subcommand->parsed()) return asked();
    }
    return SayCommand{ExitCode::kUsage, ""};  // CLI11 requires one.
  }

 private:
  CLI::App& app_;
  std::vector<std::pair<CLI::App*, std::function<Asked()>>> all_;
};

struct Values {
  StatusCommand status;
  ValidateCommand validate;
  ExplainCommand explain;
  CalculateCommand calculate;
  SimulateCommand simulate;
  PlanCommand plan;
  RolloutCommand rollout;
  AuditCommand audit;
  ReplayCommand replay;
  ReportCommand report;
};

void AddVerbs(CLI::App& app, RolloutCommand& command, Subcommands& subcommands) {
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
    subcommands.Add(verb, [&command, verb] {
      command.verb = verb->get_name();
      return Asked(command);
    });
  }
}

void AddStatus(CLI::App& status, StatusCommand& command) {
  auto* json = status.add_flag("--json", command.is_json, "Print weir.v1.Status as JSON");
  status.add_flag("--watch", command.is_watch, "Print again every second, until interrupted")->excludes(json);
  status.add_flag("--exit-code", command.wants_exit_code, "End with 1 unless all is well");
}

void AddValidate(CLI::App& validate, ValidateCommand& command) {
  validate.add_option("FILE", command.files, "Proxy or Experiment files, or folders of them")->required();
}

void AddExplain(CLI::App& explain, ExplainCommand& command) {
  explain.add_option("--key", command.key, "The user's key, as the key header carries it")->required();
  explain.add_option("--experiment", command.experiment, "One experiment alone");
}

void AddCalculate(CLI::App& calculate, CalculateCommand& command) {
  calculate.footer(kCalculateFooter);
  calculate.add_flag("--list", command.is_list, "Describe all functions, or those that are named");
  calculate.add_option("FUNCTION", command.arguments, "A function, then its inputs as name=value (JSON)");
}

// SPEC, and which of its experiments is meant.
void AddSpecification(CLI::App& subcommand, std::string& file, std::string& experiment) {
  subcommand.add_option("SPEC", file, "An Experiment file (or a Proxy file or a folder, with --experiment)")
      ->required();
  subcommand.add_option("--experiment", experiment, "Which one, where there are several");
}

void AddAnswers(CLI::App& subcommand, bool& is_json, std::string& svg) {
  subcommand.add_flag("--json", is_json, "Print JSON");
  subcommand.add_option("--svg", svg, "Write a plot to this file");
}

constexpr char kReported[] = "Calls whose outcome is reported (default: the file's ticketSample, or all)";

void AddSimulate(CLI::App& simulate, SimulateCommand& command) {
  simulate.footer(kSimulateFooter);
  AddSpecification(simulate, command.file, command.experiment);
  simulate.add_option("--fault", command.faults, "errors=5%@stage2, latency=2x@stage1, METRIC=-0.1@stage2; repeatable");
  simulate.add_option("--runs", command.runs, "How many")->check(CLI::Range(1, 1'000'000))->capture_default_str();
  simulate.add_option("--seed", command.seed, "The same seed gives the same runs")->capture_default_str();
  simulate.add_option("--traffic", command.traffic, "Calls of all variants: 50/s, 3000/m, 1e6/d")
      ->capture_default_str();
  simulate.add_option("--users", command.users, "Users, of Zipf weights")
      ->check(CLI::Range(2, 1'000'000))
      ->capture_default_str();
  simulate.add_option("--errors", command.error_percent, "Percent of calls that fail without a fault")
      ->check(CLI::Range(0.0, 99.0))
      ->capture_default_str();
  simulate.add_option("--latency", command.latency_ms, "Median latency in ms")
      ->check(CLI::Range(0.1, 60'000.0))
      ->capture_default_str();
  simulate.add_option("--baseline", command.baselines,
                      "An outcome metric while all is well: accuracy=0.93, revenue=3.2/5 (mean/deviation); repeatable");
  simulate.add_option("--reported", command.reported_percent, std::string(kReported) + ", in percent")
      ->check(CLI::Range(0.0, 100.0));
  simulate.add_option("--longest-pause", command.longest_pause_minutes, "Minutes to which pauses are cut")
      ->check(CLI::Range(0.1, 100'000.0))
      ->capture_default_str();
  simulate.add_option("--threads", command.threads, "0: one a core")->check(CLI::Range(0, 256));
  AddAnswers(simulate, command.is_json, command.svg);
}

void AddPlan(CLI::App& plan, PlanCommand& command) {
  plan.footer(kPlanFooter);
  AddSpecification(plan, command.file, command.experiment);
  plan.add_option("--traffic", command.traffic, "Calls of all variants: 50/s, 3000/m, 200/h, 1e6/d")->required();
  plan.add_option("--baseline-error", command.baseline_error, "Errors of a healthy variant: 1% or 0.01 (default: 1%)");
  plan.add_option("--baseline", command.baselines,
                  "An outcome metric of a healthy variant: accuracy=0.93, revenue=3.2/5 (mean/deviation); repeatable "
                  "(default: 90% of a proportion, 1/1 of a mean)");
  plan.add_option("--median-latency", command.median_latency, "Of a healthy variant (default: 20ms)");
  plan.add_option("--p99-latency", command.p99_latency, "Of a healthy variant (default: 3.2 times the median)");
  plan.add_option("--reported", command.reported, std::string(kReported) + ": 5% or 0.05");
  CLI::Option* users = plan.add_option("--users", command.users, "Users that make all the calls");
  users->check(CLI::Range(1.0, 1e12));
  plan.add_option("--calls-per-user", command.calls_per_user,
                  "Calls of the user of a typical call, in the whole comparison (default: 10)")
      ->check(CLI::Range(1.0, 1e9))
      ->excludes(users);
  plan.add_option("--correlation", command.correlation, "Of two calls of one user (default: 0.05)")
      ->check(CLI::Range(0.0, 1.0));
  plan.add_option("--power", command.power, "Chance to show what is there (default: 0.8)")
      ->check(CLI::Range(0.01, 0.9999));
  plan.add_option("--alpha", command.alpha, "Of the comparisons, two-sided (default: 0.05)")
      ->check(CLI::Range(1e-9, 0.5));
  plan.add_option("--days", command.days, "That it runs, without a rollout (default: 14)")
      ->check(CLI::Range(0.001, 3650.0));
  plan.add_option("--simulate", command.simulated_runs,
                  "Also measure the delays, by so many simulated runs of each fault")
      ->check(CLI::Range(1, 10'000));
  plan.add_option("--seed", command.seed, "Of the simulated runs")->capture_default_str();
  AddAnswers(plan, command.is_json, command.svg);
}

constexpr char kJournalOption[] = "A journal, or a state directory (default: the proxy says where its own is)";

void AddAudit(CLI::App& audit, AuditCommand& command) {
  audit.require_subcommand(1);
  CLI::App* verify = audit.add_subcommand("verify", "Walks the chain of all rows: its head, or where it is broken");
  verify->add_option("JOURNAL,--journal", command.journal, kJournalOption);
  verify->add_option("--head", command.head, "A head that was seen earlier: the chain must hold it");
  verify->callback([&command] { command.is_verify = true; });
  CLI::App* show = audit.add_subcommand("show", "Lists each change: when, who, what, why");
  show->add_option("NAME", command.experiment, "One experiment alone");
  show->add_flag("--spec", command.wants_specifications, "Print each version of the specification");
  show->add_flag("--diff", command.wants_differences, "Print what changed between the versions");
  show->add_flag("--json", command.is_json, "Print the records (weir.v1.AuditRecord), one a line");
  show->add_option("--journal", command.journal, kJournalOption);
}

void AddReplay(CLI::App& replay, ReplayCommand& command) {
  replay.add_option("NAME", command.experiment, "The experiment")->required();
  replay.add_flag("--json", command.is_json, "Print weir.v1.ReplayReport as JSON");
  replay.add_option("--journal", command.journal, kJournalOption);
}

void AddReport(CLI::App& report, ReportCommand& command) {
  report.add_option("NAME", command.experiment, "The experiment")->required();
  report.add_flag("--now", command.is_of_now, "Of the run as it is now, whatever reports there are");
  report.add_flag("--json", command.is_json, "Print weir.v1.RunReport as JSON");
  report.add_option("--svg", command.svg, "Write a plot to this file: shares, events, guardrails, latencies");
  report.add_option("--journal", command.journal, kJournalOption);
}

void AddSubcommands(Subcommands& subcommands, CLI::App& app, Values& values) {
  subcommands.Add("status", "Shows shares, requests, errors, latency, outcomes and evidence", values.status, AddStatus);
  subcommands.Add("validate", "Checks files without a proxy: every error, warnings and what to expect", values.validate,
                  AddValidate);
  AddVerbs(app, values.rollout, subcommands);
  subcommands.Add("explain", "Shows which variant a user gets, by the weights in force, and why", values.explain,
                  AddExplain);
  subcommands.Add("audit", "Shows what the journal holds, and whether it is as it was written", values.audit, AddAudit);
  subcommands.Add("replay", "Makes each decision of an experiment again, from the journal", values.replay, AddReplay);
  subcommands.Add("report", "Prints the report of the newest rollback, or of the run as it is", values.report,
                  AddReport);
  subcommands.Add("plan", "Says how long an experiment takes, what it can show, and how soon it sees a fault",
                  values.plan, AddPlan);
  subcommands.Add("simulate", "Runs an experiment many times in virtual time, with the code that the proxy runs",
                  values.simulate, AddSimulate);
  subcommands.Add("calc",
                  "Computes: reads calls as JSON lines (or one array) from standard input, and answers a line each",
                  values.calculate, AddCalculate);
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
  Subcommands subcommands(app);
  AddSubcommands(subcommands, app, values);
  if (auto said = ParseInto(app, [&] { app.parse(Reversed(arguments)); })) {
    line.command = *std::move(said);
  } else {
    line.command = subcommands.Parsed();
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
