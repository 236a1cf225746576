#include "router/control/control_thread.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "config/files.h"
#include "config/load.h"
#include "router/control/sqlite_journal.h"
#include "router/routing/build_table.h"

namespace weir::control {
namespace {

constexpr char kProxy[] = R"(apiVersion: weir/v1
kind: Proxy
metadata: {name: test}
spec:
  listener: {address: 127.0.0.1:0, workers: 1}
  stateDirectory: state
  experiments: experiments/
  models:
    - {name: baseline, endpoints: ["127.0.0.1:1"]}
    - {name: candidate, endpoints: ["127.0.0.1:2"]}
)";
constexpr char kExperiment[] = R"(apiVersion: weir/v1
kind: Experiment
metadata: {name: income}
spec:
  default: baseline
  candidates:
    - {name: baseline, weight: 70}
    - {name: candidate, weight: 30}
  match: {service: inference.GRPCInferenceService}
  assignment: {key: [{header: x-user-id}]}
  metrics:
    - {name: accuracy, source: feedback, field: correct, type: proportion, goal: increase, role: primary}
  guardrails:
    - {name: errors, metric: error_rate, compareTo: default, maxRatio: 1.2, alpha: 0.001, action: rollback}
)";

class ControlThreadTest : public testing::Test {
 protected:
  ControlThreadTest() : log_(runtime::Severity::kInfo, log_text_) {
    std::string pattern = absl::StrCat(testing::TempDir(), "/controlXXXXXX");
    root_ = mkdtemp(pattern.data());
    std::filesystem::create_directories(root_ + "/experiments");
    Write("weir.yaml", kProxy);
    Write("experiments/income.yaml", kExperiment);
    Start();
  }
  ~ControlThreadTest() override {
    control_.reset();
    std::filesystem::remove_all(root_);
  }

  void Write(const std::string& name, const std::string& text) {
    std::ofstream(root_ + "/" + name, std::ios::trunc) << text;
  }

  void Start(ConfigWatch::Read read_files = {}) {
    config::Loaded loaded = config::Load(root_ + "/weir.yaml", config::DiskFiles());
    ASSERT_TRUE(loaded.config) << config::ToString(loaded.errors);
    auto started = ControlThread::Start(
        {.proxy_file = root_ + "/weir.yaml",
         .version = "test",
         .issuer = {.replica = 1, .boot = 1, .worker = 0},
         .clock = clock_,
         .log = &log_,
         .open_journal = [this]() -> absl::StatusOr<std::unique_ptr<experiment::Journal>> {
           auto journal = SqliteJournal::Open({.path = root_ + "/journal.db"});
           if (!journal.ok()) return journal.status();
           return *std::move(journal);
         },
         .report_folder = root_ + "/reports",
         .read_files = std::move(read_files),
         .watch = {.use_inotify = true, .poll = absl::Milliseconds(50), .quiet = absl::Milliseconds(5)}},
        *std::move(loaded.config), [this](routing::RouteTablePtr table) {
          absl::MutexLock lock(&mutex_);
          table_ = std::move(table);
        });
    ASSERT_TRUE(started.ok()) << started.status();
    control_ = *std::move(started);
  }

  routing::RouteTablePtr table() {
    absl::MutexLock lock(&mutex_);
    return table_;
  }
  double CandidateShare() { return routing::ShareInForce(table()->experiments.at(0), 1); }

  // Waits for the control thread; a hang fails the test.
  void Await(const std::function<bool()>& condition) {
    const absl::Time deadline = absl::Now() + absl::Seconds(30);
    while (!condition() && absl::Now() < deadline) std::this_thread::yield();
    EXPECT_TRUE(condition());
  }
  v1::ExperimentStatus Status() { return control_->Current()->status.experiments(0); }

  // As a worker would: calls of which every fifth of the candidate fails.
  void PostFailingCalls() {
    const routing::ExperimentRoute route = table()->experiments.at(0);
    stats::WorkerReport report;
    report.table_version = table()->version;
    const absl::Time started = clock_.Now() - absl::Seconds(1);
    for (uint16_t variant = 0; variant < 2; ++variant) {
      stats::VariantCounts& counts = report.delta.inference[{route.run, route.epoch, variant}];
      for (int i = 0; i < 50; ++i) {
        const auto bucket = static_cast<uint8_t>(++calls_ * 37);
        counts.CountStart(stats::TickOf(started), bucket);
        counts.CountEnd(
            {.started = stats::TickOf(started),
             .user_bucket = bucket,
             .outcome = variant == 1 && i % 5 == 0 ? stats::CallOutcome::kError : stats::CallOutcome::kSuccess,
             .latency = absl::Milliseconds(10)});
      }
    }
    while (!control_->PostReport(report)) std::this_thread::yield();
  }

  static v1::CommandRequest ResetByAnn() {
    v1::CommandRequest request;
    request.set_kind(v1::CommandRequest::RESET);
    request.set_experiment("income");
    request.set_actor("ann");
    return request;
  }
  absl::Status Reset() {
    absl::Notification answered;
    absl::Status answer;
    control_->Obey(ResetByAnn(), [&](absl::Status status) {
      answer = std::move(status);
      answered.Notify();
    });
    answered.WaitForNotification();
    return answer;
  }

  absl::Status Report(const stats::Ticket& ticket, double correct) {
    absl::Notification answered;
    absl::Status answer;
    stats::OutcomeReport report{.ticket = ticket, .metrics = {{"correct", correct}}};
    if (!control_->PostOutcome(report, [&](absl::Status status) {
          answer = std::move(status);
          answered.Notify();
        })) {
      return absl::ResourceExhaustedError("full");
    }
    answered.WaitForNotification();
    return answer;
  }

  const runtime::Clock clock_;
  std::ostringstream log_text_;
  runtime::Log log_;
  std::string root_;
  absl::Mutex mutex_;
  routing::RouteTablePtr table_ ABSL_GUARDED_BY(mutex_);
  int calls_ = 0;
  std::unique_ptr<ControlThread> control_;
};

TEST_F(ControlThreadTest, TheFirstTableIsPublishedWhenStartReturnsAndTheGateIsOpen) {
  EXPECT_NEAR(CandidateShare(), 0.3, 1e-12);
  EXPECT_TRUE(control_->Current()->status.ready());
  EXPECT_EQ(Status().phase(), v1::RUNNING);
}

TEST_F(ControlThreadTest, ABreachShutsTheGateAndAResetOpensItAgain) {
  Await([&] {
    if (CandidateShare() > 0) PostFailingCalls();
    return CandidateShare() == 0;
  });
  Await([&] { return Status().phase() == v1::ROLLED_BACK; });
  Await([&] { return control_->Current()->metrics.control.unjournalled == 0; });
  EXPECT_TRUE(Reset().ok());
  EXPECT_EQ(Status().phase(), v1::RUNNING);  // Shown before it was answered.
  EXPECT_NEAR(CandidateShare(), 0.3, 1e-12);
  EXPECT_TRUE(absl::IsFailedPrecondition(Reset()));
}

TEST_F(ControlThreadTest, TheGateIsStillShutAfterARestart) {
  Await([&] {
    if (CandidateShare() > 0) PostFailingCalls();
    return CandidateShare() == 0;
  });
  control_->Stop();
  Start();
  EXPECT_EQ(CandidateShare(), 0);
  EXPECT_EQ(Status().phase(), v1::ROLLED_BACK);
}

TEST_F(ControlThreadTest, EditedFilesAreTakenUpAndBrokenOnesAreRefused) {
  Write("experiments/income.yaml", absl::StrReplaceAll(kExperiment, {{"weight: 30", "weight: 70"}}));
  Await([&] { return CandidateShare() == 0.5; });
  Write("experiments/income.yaml", "kind: [");
  Await([&] { return control_->Current()->status.configuration_errors_size() > 0; });
  EXPECT_EQ(CandidateShare(), 0.5);
  EXPECT_FALSE(control_->Current()->metrics.control.configuration_valid);
  Write("experiments/income.yaml", kExperiment);
  Await([&] { return control_->Current()->metrics.control.configuration_valid; });
  Await([&] { return CandidateShare() == 0.3; });
}

TEST_F(ControlThreadTest, FilesThatHangHoldUpNeitherVerdictsNorCommands) {
  control_->Stop();
  control_.reset();
  absl::Notification is_reading, may_go_on;
  Start([&] {
    if (!is_reading.HasBeenNotified()) is_reading.Notify();
    may_go_on.WaitForNotification();  // A dead network file system.
    return config::Loaded();
  });
  is_reading.WaitForNotification();
  Await([&] {
    if (CandidateShare() > 0) PostFailingCalls();
    return CandidateShare() == 0;
  });
  Await([&] { return Status().phase() == v1::ROLLED_BACK; });
  Await([&] { return control_->Current()->metrics.control.unjournalled == 0; });
  EXPECT_TRUE(Reset().ok());
  may_go_on.Notify();
  control_.reset();  // Before what the reading waits for.
}

TEST_F(ControlThreadTest, OutcomesAreAcknowledgedWhenCountedAndStayCountedAfterAnOrderlyEnd) {
  const routing::ExperimentRoute route = table()->experiments.at(0);
  const stats::Ticket ticket{.experiment = route.name_hash,
                             .run = route.run_ordinal,
                             .epoch = route.epoch,
                             .variant = 1,
                             .user_bucket = 1,
                             .start = clock_.Now(),
                             .issuer = {.replica = 1, .boot = 1, .worker = 0},
                             .sequence = 5};
  EXPECT_TRUE(Report(ticket, 1).ok());
  EXPECT_TRUE(absl::IsAlreadyExists(Report(ticket, 1)));
  control_->Stop();
  Start();
  EXPECT_TRUE(absl::IsAlreadyExists(Report(ticket, 1)));
  Await([&] { return Status().variants(1).outcomes(0).count() == 1; });
}

TEST_F(ControlThreadTest, ADamagedJournalStopsNoTrafficAndEveryGateIsAtItsDefault) {
  control_->Stop();
  for (const char* suffix : {"-wal", "-shm"}) std::filesystem::remove(root_ + "/journal.db" + suffix);
  Write("journal.db", "damaged");
  Start();
  EXPECT_EQ(CandidateShare(), 0);
  EXPECT_EQ(Status().phase(), v1::FROZEN);
  EXPECT_FALSE(control_->Current()->status.journal().healthy());
  EXPECT_TRUE(absl::IsUnavailable(Reset()));
}

TEST_F(ControlThreadTest, AfterStopWhoAsksIsTold) {
  control_->Stop();
  absl::Status answer;
  control_->Obey(ResetByAnn(), [&](absl::Status status) { answer = std::move(status); });
  EXPECT_TRUE(absl::IsUnavailable(answer));
  stats::OutcomeReport report;
  EXPECT_FALSE(control_->PostOutcome(report, [](absl::Status) {}));
  EXPECT_NE(control_->Current(), nullptr);
}

}  // namespace
}  // namespace weir::control
