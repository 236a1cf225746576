// weir: builds every part, runs them, and drains. The only file that knows all of them.
//
// Start: the configuration, the state directory, the sockets, the control thread; traffic is taken once the first table
// is published. End: on SIGTERM or SIGINT not ready, GOAWAY, calls under way end; then the last counts are written, or
// given up where a disk does not answer.

#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "config/files.h"
#include "config/load.h"
#include "router/admin/grpc_server.h"
#include "router/admin/http_server.h"
#include "router/cli/command_line.h"
#include "router/cli/version.h"
#include "router/control/assignment_log.h"
#include "router/control/control_thread.h"
#include "router/control/sqlite_journal.h"
#include "router/control/state_directory.h"
#include "router/dataplane/data_plane.h"
#include "router/dataplane/ticket.h"
#include "router/runtime/clock.h"
#include "router/runtime/crypto.h"
#include "router/runtime/log.h"
#include "stats/export/prometheus.h"

namespace weir {
namespace {

enum Exit { kDrained = 0, kCannotStart = 1, kWrongInput = 2, kGaveUp = 3 };

// For what comes after the drain: the last checkpoint, and notifications that are still to be sent.
constexpr absl::Duration kPatienceToEnd = absl::Seconds(10);

// Blocked in every thread, so that the main thread alone takes them. Before any thread is made.
sigset_t BlockEndSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return signals;
}

std::string TextOf(const absl::Status& status) { return std::string(status.message()); }

// What outlives a restart; or stands in for it where the directory cannot be used.
struct Identity {
  std::optional<control::StateDirectory> directory;
  stats::Issuer issuer;
  dataplane::TicketKeys keys;
};

// The secrets as far as a directory that cannot be used still gives them; else such as last until the process ends.
dataplane::TicketKeys KeysWithoutDirectory(const std::string& path, const runtime::Log& log) {
  absl::StatusOr<dataplane::TicketKeys> keys = dataplane::LoadOrCreateTicketKeys(path);
  if (keys.ok()) return *std::move(keys);
  log.Warning("tickets are sealed with a secret that ends with this process", {{"error", TextOf(keys.status())}});
  dataplane::TicketKeys own;
  own.secrets = {runtime::RandomBytes(32)};
  return own;
}

// A proxy whose disk fails still serves, with every gate at its default: the journal cannot be opened either, and the
// status says so until it can. But two proxies never share a directory, and a broken file of keys is for a person to
// look at.
absl::StatusOr<Identity> TakeIdentity(const config::Proxy& proxy, const runtime::Log& log) {
  Identity identity;
  absl::StatusOr<control::StateDirectory> directory = control::StateDirectory::Open(proxy.state_directory);
  if (absl::IsAlreadyExists(directory.status())) return directory.status();
  if (!directory.ok()) {
    log.Error("the state directory cannot be used: every experiment stays at its default",
              {{"directory", proxy.state_directory}, {"error", TextOf(directory.status())}});
    identity.issuer = control::RandomIssuer();
    identity.keys = KeysWithoutDirectory(proxy.state_directory + "/ticket.keys", log);
    return identity;
  }
  const std::string path = directory->path() + "/ticket.keys";
  absl::StatusOr<dataplane::TicketKeys> keys = dataplane::LoadOrCreateTicketKeys(path);
  if (!keys.ok()) return keys.status();
  if (keys->is_readable_by_others) log.Warning("others may read the ticket secrets", {{"file", path}});
  identity.issuer = directory->issuer();
  identity.keys = *std::move(keys);
  identity.directory = *std::move(directory);
  return identity;
}

// The parts, in the order in which they are built; they end in the opposite order.
class Proxy {
 public:
  Proxy(config::Config config, std::string config_file, const runtime::Log& log)
      : config_(std::move(config)), config_file_(std::move(config_file)), log_(log) {}

  absl::Status Start() {
    absl::Status status = StartControl();
    if (status.ok()) status = StartAdministration();
    if (status.ok()) plane_->Serve();
    return status;
  }

  // The addresses in use, for people and for whoever asked for any free port.
  std::string Addresses() const {
    config::Address listener = config_.proxy.listener;
    listener.port = plane_->port();
    std::string text = absl::StrCat("listening on ", listener.ToString());
    if (grpc_ != nullptr) absl::StrAppend(&text, ", admin on ", grpc_->address().ToString());
    if (http_ != nullptr) absl::StrAppend(&text, ", metrics on ", http_->address().ToString());
    return text;
  }

  // Whether the journal holds all that is in force.
  bool Drain() {
    if (http_ != nullptr) http_->BeginDrain();
    plane_->BeginDrain();
    plane_->Join();
    grpc_.reset();  // While the control side still answers.
    return control_->Stop();
  }

 private:
  absl::Status StartControl() {
    absl::StatusOr<Identity> identity = TakeIdentity(config_.proxy, log_);
    if (!identity.ok()) return identity.status();
    identity_ = *std::move(identity);
    sealer_.emplace(identity_.keys);
    if (absl::Status status = StartAssignmentLog(); !status.ok()) return status;
    if (absl::Status status = CreatePlane(); !status.ok()) return status;
    control::ControlThreadOptions options;
    options.proxy_file = config_file_;
    options.version = cli::kVersion;
    options.issuer = identity_.issuer;
    options.clock = clock_;
    options.log = &log_;
    options.open_journal = [this] { return OpenJournal(); };
    options.report_folder = config_.proxy.state_directory + "/reports";
    auto control = control::ControlThread::Start(std::move(options), config_, [this](routing::RouteTablePtr table) {
      if (assignments_ != nullptr) assignments_->Learn(table);
      plane_->Publish(std::move(table));
    });
    if (!control.ok()) return control.status();
    control_ = *std::move(control);
    return absl::OkStatus();
  }

  // The journal's thread asks, again and again until there is one: by then alone with the directory.
  absl::StatusOr<std::unique_ptr<experiment::Journal>> OpenJournal() {
    if (!identity_.directory.has_value()) {
      absl::StatusOr<control::StateDirectory> directory = control::StateDirectory::Open(config_.proxy.state_directory);
      if (!directory.ok()) return directory.status();
      log_.Info("the state directory can be used again", {{"directory", directory->path()}});
      identity_.directory = *std::move(directory);
    }
    control::SqliteJournalOptions options;
    options.path = identity_.directory->journal_path();
    return control::SqliteJournal::Open(std::move(options));
  }

  absl::Status StartAssignmentLog() {
    if (!config_.proxy.assignment_log.has_value()) return absl::OkStatus();
    config::AssignmentLog options = *config_.proxy.assignment_log;
    if (!options.file.starts_with('/')) options.file = config_.proxy.state_directory + "/" + options.file;
    auto log = control::AssignmentLog::Start(std::move(options), clock_, &log_);
    if (!log.ok()) return log.status();
    assignments_ = *std::move(log);
    return absl::OkStatus();
  }

  // Logged once it is counted.
  bool PostOutcome(stats::OutcomeReport& report, dataplane::FeedbackReply reply) {
    if (assignments_ == nullptr) return control_->PostOutcome(report, std::move(reply));
    return control_->PostOutcome(report,
                                 [this, counted = report, reply = std::move(reply)](const absl::Status& status) {
                                   if (status.ok()) assignments_->Post(counted);
                                   reply(status);
                                 });
  }

  absl::Status CreatePlane() {
    dataplane::DataPlaneOptions options;
    options.listener = config_.proxy.listener;
    options.workers = config_.proxy.workers;
    options.profile = config_.proxy.profile;
    options.drain_grace = config_.proxy.drain_grace;
    options.replica = identity_.issuer.replica;
    options.boot = identity_.issuer.boot;
    options.tickets = &*sealer_;
    // Called only once the plane serves, which it does after the control thread was made.
    dataplane::DataPlaneSinks sinks;
    sinks.report = [this](stats::WorkerReport& report) { return control_->PostReport(report); };
    sinks.outcome = [this](stats::OutcomeReport& report, dataplane::FeedbackReply reply) {
      return PostOutcome(report, std::move(reply));
    };
    if (assignments_ != nullptr) {
      sinks.assignments = [this](std::vector<stats::AssignmentRecord> records) {
        assignments_->Post(std::move(records));
      };
    }
    auto plane = dataplane::DataPlane::Create(options, clock_, std::move(sinks));
    if (!plane.ok()) return plane.status();
    plane_ = *std::move(plane);
    return absl::OkStatus();
  }

  std::string Render(const stats::MetricsSnapshot& metrics) const {
    if (assignments_ == nullptr) return stats::RenderMetrics(metrics, cli::kVersion);
    stats::MetricsSnapshot with_log = metrics;
    with_log.control.assignments_logged = assignments_->lines_written();
    with_log.control.assignments_dropped = assignments_->lines_dropped();
    return stats::RenderMetrics(with_log, cli::kVersion);
  }

  absl::Status StartAdministration() {
    if (config_.proxy.metrics.has_value()) {
      admin::HttpServerOptions options;
      options.address = *config_.proxy.metrics;
      options.now = [clock = clock_] { return clock.Now(); };
      options.render_metrics = [this](const stats::MetricsSnapshot& metrics) { return Render(metrics); };
      options.metrics_type = stats::kMetricsContentType;
      auto http = admin::HttpServer::Create(std::move(options), control_.get());
      if (!http.ok()) return http.status();
      http_ = *std::move(http);
    }
    if (config_.proxy.admin.has_value()) {
      auto grpc = admin::GrpcServer::Create(*config_.proxy.admin, control_.get());
      if (!grpc.ok()) return grpc.status();
      grpc_ = *std::move(grpc);
    }
    return absl::OkStatus();
  }

  const config::Config config_;
  const std::string config_file_;
  const runtime::Log& log_;
  const runtime::Clock clock_;
  Identity identity_;
  std::optional<dataplane::TicketSealer> sealer_;
  std::unique_ptr<control::AssignmentLog> assignments_;  // Null: there is none. Outlives who posts to it.
  std::unique_ptr<dataplane::DataPlane> plane_;  // Outlives the control thread, which answers its outcome reports.
  std::unique_ptr<control::ControlThread> control_;
  std::unique_ptr<admin::HttpServer> http_;
  std::unique_ptr<admin::GrpcServer> grpc_;
};

// The configuration; nullopt after every error was printed.
std::optional<config::Config> LoadConfig(const std::string& file, const runtime::Log& log) {
  config::Loaded loaded = config::Load(file, config::DiskFiles());
  for (const config::ConfigError& error : loaded.errors) std::cerr << error.ToString() << "\n";
  if (!loaded.config.has_value()) {
    std::cerr << "weir: " << file << " is refused: " << loaded.errors.size() << " error(s) above\n";
    return std::nullopt;
  }
  for (const config::ConfigError& warning : loaded.warnings) {
    log.Warning("of the configuration", {{"warning", warning.ToString()}});
  }
  return std::move(loaded.config);
}

// Drains the proxy and ends it. A thread that waits for a disk cannot be ended, and neither can what it uses: where one
// still waits when patience is over, the process ends without them, as if it had been killed.
Exit DrainAndEnd(std::optional<Proxy>& proxy, absl::Duration drain_grace) {
  absl::Notification ended;
  std::thread overseer([&] {
    if (ended.WaitForNotificationWithTimeout(drain_grace + kPatienceToEnd)) return;
    // The log's own thread would not get to it.
    constexpr std::string_view kLastWords =
        "weir: drained, and the disk does not answer: the last counts and changes may not be in the journal\n";
    (void)!write(STDERR_FILENO, kLastWords.data(), kLastWords.size());
    std::_Exit(kGaveUp);
  });
  const bool is_journalled = proxy->Drain();
  proxy.reset();
  ended.Notify();
  overseer.join();
  return is_journalled ? kDrained : kGaveUp;
}

Exit RunProxy(const cli::ProxyCommand& command) {
  umask(077);  // The journal and reports hold specifications whole, with the secret addresses of webhooks.
  const sigset_t end_signals = BlockEndSignals();
  const runtime::Log log(runtime::ParseSeverity(command.log_level).value_or(runtime::Severity::kInfo), std::cerr);
  // Whole, since what is relative to it is told to others: the journal's path to weirctl, a file's to the audit.
  const std::string file = std::filesystem::absolute(command.config).lexically_normal();
  std::optional<config::Config> config = LoadConfig(file, log);
  if (!config.has_value()) return kWrongInput;
  const absl::Duration drain_grace = config->proxy.drain_grace;
  std::optional<Proxy> proxy(std::in_place, *std::move(config), file, log);
  if (absl::Status status = proxy->Start(); !status.ok()) {
    std::cerr << "weir: " << TextOf(status) << "\n";
    return kCannotStart;
  }
  std::cout << proxy->Addresses() << std::endl;
  int signal_number = 0;
  sigwait(&end_signals, &signal_number);
  log.Info("draining", {{"signal", signal_number}});
  // Whoever asks a second time does not want to wait.
  signal(SIGINT, SIG_DFL);
  signal(SIGTERM, SIG_DFL);
  pthread_sigmask(SIG_UNBLOCK, &end_signals, nullptr);
  const Exit exit = DrainAndEnd(proxy, drain_grace);
  log.Info("drained");
  return exit;
}

Exit Main(std::span<const char* const> arguments) {
  const auto command = cli::ParseProxyCommandLine(arguments, cli::kVersion);
  if (const auto* say = std::get_if<cli::SayCommand>(&command)) {
    (say->code == cli::ExitCode::kOk ? std::cout : std::cerr) << say->text;
    return say->code == cli::ExitCode::kOk ? kDrained : kWrongInput;
  }
  return RunProxy(std::get<cli::ProxyCommand>(command));
}

}  // namespace
}  // namespace weir

int main(int argc, char** argv) { return weir::Main({argv + 1, argv + argc}); }
