// A proxy of one process after another, and all that is around it: the real controller, machine, guardrails, routing
// and counts, and virtual time, users, models, clients, files, people and a disk. Everything that happens comes from
// its seed and from what it is told to do, so that a run can be replayed.
//
// The world turns: in each turn calls begin and end, workers adopt tables and post reports, the disk writes, and the
// control side takes its mail, ticks and carries its effects out, as control::ControlThread does. Between two turns
// whoever drives it may do anything: give a command, edit files, change a model, hold up the disk, kill the process.

#ifndef WEIR_TEST_SIMULATOR_WORLD_H_
#define WEIR_TEST_SIMULATOR_WORLD_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "config/load.h"
#include "router/control/controller.h"
#include "router/runtime/mailbox.h"
#include "test/simulator/dice.h"
#include "test/simulator/disk.h"
#include "test/simulator/history.h"
#include "test/simulator/simulated_worker.h"
#include "test/simulator/simulated_writer.h"

namespace weir::simulator {

struct WorldShape {
  uint64_t seed = 1;
  int workers = 2;
  int users = 200;
  double zipf = 1.05;  // How unequal users are.
  double keyless = 0.02;
  double previewing = 0;  // Of calls: with the header of a preview.
  double calls_per_second = 80;
  std::vector<std::string> services = {"simulated.exp0"};   // That clients call: each its experiment's.
  absl::Duration adopts_within = absl::Milliseconds(50);    // After a table was published.
  absl::Duration reports_within = absl::Milliseconds(100);  // Beside the tick that they wait at least.
  size_t mailbox = 64;                                      // Reports that wait for the control side.
  double outcomes = 0.3;                                    // Of the tickets held.
  double outcomes_twice = 0.1, outcomes_forged = 0.02;      // Of the outcomes.
  absl::Duration outcomes_within = absl::Seconds(3);
  int turns_between_views = 8;
};

// Where a process may die in the middle of something.
enum class Moment { kBeforeWrite, kAfterWrite, kBetweenEffects };

class World {
 public:
  using Observe = std::function<void(const Event&, absl::Time)>;
  using Files = std::map<std::string, std::string>;
  static constexpr char kProxyFile[] = "proxy.yaml";

  // The first process begins with the first turn.
  World(WorldShape shape, Disk& disk, Observe observe);

  // --- Files. What is written is read by the next process, or by this one when it is told.
  Files& files() { return files_; }
  void ReadFiles();

  // --- People. The command's actor becomes "person-<token>"; 0 while no process lives.
  uint64_t Give(const std::string& experiment, experiment::Command command);

  // --- What may change or fail.
  Models& models() { return models_; }
  DiskFaults& disk() { return disk_faults_; }
  // Asked at each of these moments.
  void DieWhere(std::function<bool(Moment)> dies) { dies_ = std::move(dies); }
  // What a process finds on the disk is changed so.
  void FindInstead(std::function<void(experiment::Remembered&)> found) { find_instead_ = std::move(found); }
  // The control thread does nothing for so long.
  void HoldUp(absl::Duration span) { held_up_until_ = at_ + span; }
  // Kills the process. The next begins after `down`, by a clock that was set by `clock_step` meanwhile.
  void Kill(const std::string& when);
  void SetRestart(absl::Duration down, absl::Duration clock_step) { down_ = down, clock_step_ = clock_step; }

  // --- Time.
  void Turn(absl::Duration span);
  void Run(absl::Duration span);  // Turns of a tick.
  absl::Time now() const { return at_ + clock_offset_; }
  // What it shows now is observed.
  void Show();
  // Nothing goes wrong from now on; then Settled is observed.
  void Settle();

  // --- What came of it.
  bool is_alive() const { return controller_ != nullptr && !is_dying_; }
  int processes() const { return boots_; }
  bool can_begin() {
    return !last_good_files_.empty() || Loaded().config.has_value();
  }                                                   // There are files to begin with.
  const v1::Status& shown() const { return shown_; }  // At the last look.
  v1::ExperimentStatus Status(const std::string& experiment = "exp0");
  double Share(const std::string& variant, const std::string& experiment = "exp0") const;
  // What the command of that token was answered; nullopt: nothing yet.
  std::optional<absl::Status> AnswerOf(uint64_t token) const;

 private:
  struct Report {  // Of an outcome, by a client.
    absl::Time due;
    TicketHeld held;
    double correct = 0;
  };

  void Start();
  void Bury();
  void PlaceCalls(absl::Duration span);
  void WorkerTurns();
  void Hold(TicketHeld held);
  void TakeMail();
  void TakeOutcomes();
  void TurnDisk();
  void CarryOut();
  void CarryOut(control::Effect effect);
  bool Dies(Moment moment, const char* when);
  config::Loaded& Loaded();
  void See(const Event& event) { observe_(event, now()); }

  const WorldShape shape_;
  Dice dice_;
  Disk& disk_;
  Observe observe_;
  std::function<bool(Moment)> dies_;
  std::function<void(experiment::Remembered&)> find_instead_;
  std::vector<double> user_shares_;  // Cumulative.

  absl::Time at_;
  absl::Duration clock_offset_;
  absl::Duration down_ = absl::Seconds(1), clock_step_;
  absl::Time begins_at_;
  absl::Time held_up_until_ = absl::InfinitePast();
  int boots_ = 0;
  int64_t turns_ = 0;
  bool is_dying_ = false;

  Files files_, last_good_files_;
  std::map<Files, config::Loaded> loaded_;
  Models models_;
  DiskFaults disk_faults_;
  std::vector<Report> outcomes_;  // Not reported yet.
  uint64_t last_token_ = 0;
  std::map<uint64_t, absl::Status> answers_;
  v1::Status shown_;

  // --- Of the present process.
  std::unique_ptr<SimulatedWriter> writer_;
  std::unique_ptr<control::Controller> controller_;
  std::vector<SimulatedWorker> workers_;
  std::unique_ptr<runtime::Mailbox<stats::WorkerReport>> mail_;
};

}  // namespace weir::simulator

#endif  // WEIR_TEST_SIMULATOR_WORLD_H_
