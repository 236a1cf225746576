#include "test/simulator/world.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "config/files.h"
#include "router/routing/build_table.h"
#include "test/simulator/shares.h"

namespace weir::simulator {
namespace {

constexpr absl::Duration kRetryOfClients = absl::Seconds(1);
constexpr int kMostTurnsUntilIdle = 1000;
constexpr absl::Duration kQuiet = absl::Seconds(5);  // More than any patience or wait between tries.

std::map<std::string, double> AlphasOf(const config::Config& config) {
  std::map<std::string, double> alphas;
  for (const config::Experiment& experiment : config.experiments) {
    double& alpha = alphas[experiment.name];
    for (const config::Guardrail& guardrail : experiment.guardrails) {
      if (guardrail.action == config::GuardrailAction::kRollback) alpha += guardrail.alpha;
    }
  }
  return alphas;
}

std::vector<std::string> Lines(const std::vector<config::ConfigError>& errors) {
  std::vector<std::string> lines;
  for (const config::ConfigError& error : errors) lines.push_back(error.ToString());
  return lines;
}

}  // namespace

World::World(WorldShape shape, Disk& disk, Observe observe)
    : shape_(std::move(shape)),
      dice_(shape_.seed),
      disk_(disk),
      observe_(std::move(observe)),
      at_(absl::FromUnixSeconds(1'800'000'000)),
      begins_at_(at_) {
  double sum = 0;
  for (int user = 1; user <= shape_.users; ++user) user_shares_.push_back(sum += std::pow(user, -shape_.zipf));
  for (double& share : user_shares_) share /= sum;
}

// --- The life of processes.

void World::Start() {
  clock_offset_ += std::exchange(clock_step_, absl::ZeroDuration());
  // No process begins with broken files: somebody mends them.
  if (!Loaded().config && !last_good_files_.empty()) files_ = last_good_files_;
  if (!Loaded().config) return See(FilesRefused{Loaded().errors[0].ToString()});
  ++boots_;
  writer_ = std::make_unique<SimulatedWriter>(disk_, disk_faults_);
  absl::StatusOr<experiment::Remembered> remembered = writer_->Load();
  See(ProcessStarted{remembered.ok() ? &*remembered : nullptr});
  if (remembered.ok() && find_instead_) find_instead_(*remembered);
  const stats::Issuer process{.replica = 1, .boot = static_cast<uint32_t>(boots_)};
  controller_ = std::make_unique<control::Controller>(std::move(remembered), "simulated", process, now());
  mail_ = std::make_unique<runtime::Mailbox<stats::WorkerReport>>(shape_.mailbox);
  for (int i = 0; i < shape_.workers; ++i) {
    workers_.emplace_back(
        stats::Issuer{.replica = process.replica, .boot = process.boot, .worker = static_cast<uint16_t>(i)});
  }
  ReadFiles();
  if (!is_dying_) Show();
}

void World::Kill(const std::string& when) {
  if (controller_ == nullptr || std::exchange(is_dying_, true)) return;
  See(ProcessDied{when});
  disk_.Kill();
}

void World::Bury() {
  is_dying_ = false;
  controller_.reset();
  writer_.reset();
  workers_.clear();
  mail_.reset();
  begins_at_ = at_ + down_;
}

bool World::Dies(Moment moment, const char* when) {
  if (!is_dying_ && dies_ && dies_(moment)) Kill(when);
  return is_dying_;
}

// --- Files and people.

config::Loaded& World::Loaded() {
  const auto known = loaded_.find(files_);
  if (known != loaded_.end()) return known->second;
  return loaded_[files_] = config::Load(kProxyFile, config::MemoryFiles(files_));
}

void World::ReadFiles() {
  if (controller_ == nullptr || is_dying_) return;
  const config::Loaded& loaded = Loaded();
  if (loaded.config) {
    last_good_files_ = files_;
    See(FilesTaken{AlphasOf(*loaded.config)});
    controller_->TakeConfig(*loaded.config, now());
  } else {
    See(FilesRefused{loaded.errors[0].ToString()});
    controller_->RefuseConfig(Lines(loaded.errors), now());
  }
  CarryOut();
}

uint64_t World::Give(const std::string& experiment, experiment::Command command) {
  if (controller_ == nullptr || is_dying_) return 0;
  const uint64_t token = ++last_token_;
  command.actor = absl::StrCat("person-", token);
  See(CommandGiven{.token = token, .experiment = experiment, .command = command});
  controller_->Obey(token, experiment, command, now());
  CarryOut();
  return token;
}

// --- Turns.

void World::Run(absl::Duration span) {
  for (const absl::Time end = at_ + span; at_ < end;) Turn(stats::kTick);
}

void World::Turn(absl::Duration span) {
  at_ += span;
  if (is_dying_) Bury();
  if (controller_ == nullptr && at_ >= begins_at_) Start();
  if (controller_ == nullptr) return;
  PlaceCalls(span);
  WorkerTurns();
  TurnDisk();
  if (at_ >= held_up_until_ && !is_dying_) {
    TakeMail();
    if (!is_dying_) controller_->Tick(now());
    CarryOut();
    TurnDisk();
  }
  if (!is_dying_ && ++turns_ % shape_.turns_between_views == 0) Show();
  if (is_dying_) Bury();
}

void World::PlaceCalls(absl::Duration span) {
  const int calls = dice_.Poisson(shape_.calls_per_second * absl::ToDoubleSeconds(span));
  for (int i = 0; i < calls; ++i) {
    Caller caller{.user = 0, .service = dice_.Pick(shape_.services)};
    if (!dice_.Chance(shape_.keyless)) {
      const auto user = std::lower_bound(user_shares_.begin(), user_shares_.end(), dice_.Uniform());
      caller.user = 1 + static_cast<uint64_t>(std::min(user, std::prev(user_shares_.end())) - user_shares_.begin());
    }
    caller.is_previewing = shape_.previewing > 0 && dice_.Chance(shape_.previewing);
    SimulatedWorker& worker = workers_[static_cast<size_t>(dice_.Between(0, shape_.workers - 1))];
    if (const auto placed = worker.Place(caller, models_, at_, now(), dice_)) See(*placed);
  }
}

void World::WorkerTurns() {
  for (SimulatedWorker& worker : workers_) {
    worker.Adopt(at_);
    for (TicketHeld& held : worker.End(at_)) Hold(std::move(held));
    if (at_ < worker.report_due) continue;
    worker.report_due = at_ + stats::kTick + dice_.Between(absl::ZeroDuration(), shape_.reports_within);
    stats::WorkerReport report = worker.TakeReport(models_);
    if (!mail_->Post(report)) worker.TakeBack(std::move(report));
  }
}

// A client has its answer, and reports now or later what it was worth.
void World::Hold(TicketHeld held) {
  if (!dice_.Chance(shape_.outcomes)) return;
  Report report{.due = at_ + dice_.Exponential(shape_.outcomes_within / 2), .held = std::move(held)};
  report.correct = dice_.Chance(models_.at(report.held.variant).accuracy) ? 1 : 0;
  if (dice_.Chance(shape_.outcomes_twice)) {
    outcomes_.push_back(report);
    outcomes_.back().due += dice_.Exponential(2 * shape_.outcomes_within);
  }
  if (dice_.Chance(shape_.outcomes_forged)) {
    outcomes_.push_back(report);
    TicketHeld& forged = outcomes_.back().held;
    forged.variant.clear();
    stats::Ticket& ticket = forged.ticket;
    const int64_t lie = dice_.Between(0, 3);
    if (lie == 0) ticket.experiment ^= 1;
    if (lie == 1) ticket.run += 1000;
    if (lie == 2) ticket.epoch += 100'000;
    if (lie == 3) ticket.variant = 77;
  }
  outcomes_.push_back(std::move(report));
}

void World::TakeMail() {
  for (const stats::WorkerReport& report : mail_->TakeAll()) {
    See(ReportTaken{&report});
    controller_->TakeReport(report);
  }
  TakeOutcomes();
  CarryOut();
}

void World::TakeOutcomes() {
  std::vector<Report> later;
  for (Report& report : outcomes_) {
    if (report.due > at_) {
      later.push_back(std::move(report));
      continue;
    }
    const stats::OutcomeReport outcome{.ticket = report.held.ticket, .metrics = {{"correct", report.correct}}};
    const absl::Status status = controller_->TakeOutcome(outcome, now());
    See(OutcomeAnswered{report.held.ticket, report.held.experiment, report.held.variant, status});
  }
  outcomes_ = std::move(later);
}

// The writer's thread, and its replies on their way to the control thread.
void World::TurnDisk() {
  while (!is_dying_) {
    if (writer_->HasWork(at_)) {
      if (Dies(Moment::kBeforeWrite, "before a write")) return;
      if (const std::optional<Event> written = writer_->Work(at_)) See(*written);
      if (Dies(Moment::kAfterWrite, "after a write")) return;
    } else if (at_ >= held_up_until_ && writer_->HasReply(at_)) {
      SimulatedWriter::Reply reply = writer_->TakeReply();
      if (!reply.reply.status.ok()) {
        See(WriteFailed{reply.experiment, reply.is_on_disk});
      } else if (!reply.experiment.empty()) {
        See(RowHeard{reply.experiment});
      }
      if (reply.reply.remembered) See(JournalFound{&*reply.reply.remembered});
      controller_->TakeReply(std::move(reply.reply), now());
      CarryOut();
    } else {
      return;
    }
  }
}

// --- Effects.

void World::CarryOut() {
  if (is_dying_) return;
  for (control::Effect& effect : controller_->TakeEffects()) {
    if (Dies(Moment::kBetweenEffects, "between two effects")) return;
    CarryOut(std::move(effect));
  }
}

void World::CarryOut(control::Effect effect) {
  struct Carry {
    World& world;
    void operator()(control::PublishTable& publish) const {
      world.See(TablePublished{publish.table});
      for (SimulatedWorker& worker : world.workers_) {
        const absl::Duration wait = world.dice_.Between(absl::ZeroDuration(), world.shape_.adopts_within);
        worker.Send(publish.table, world.at_ + wait);
      }
    }
    void operator()(control::AskJournal& ask) const {
      if (const auto* append = std::get_if<control::AppendRequest>(&ask.request)) {
        world.See(RowAsked{append->change});
      }
      world.writer_->Ask(std::move(ask.request), world.at_);
    }
    void operator()(const control::AnswerCommand& answer) const {
      world.answers_[answer.token] = answer.status;
      world.See(CommandAnswered{answer.token, answer.status});
    }
    void operator()(const control::Notice& notice) const {
      world.See(Said{notice.is_warning, absl::StrCat(notice.message, " ", notice.experiment, " ", notice.detail)});
    }
    void operator()(const control::Standing&) const {}  // Nobody is repeated anything here.
    void operator()(const control::Notification& notification) const {
      const control::Announcement& announcement = notification.announcement;
      world.See(Said{false, absl::StrCat("tells ", notification.targets.size(), " receivers: ", announcement.detail)});
    }
  };
  std::visit(Carry{*this}, effect);
}

// --- What it shows.

void World::Show() {
  if (controller_ == nullptr || is_dying_) return;
  shown_ = controller_->View(now()).status;
  See(Viewed{&shown_});
}

void World::Settle() {
  dies_ = nullptr;
  disk_faults_ = {};
  down_ = std::min(down_, absl::Seconds(1));
  held_up_until_ = absl::InfinitePast();
  // What is on its way to the disk goes first, as slow as it was asked for.
  for (int i = 0; i < kMostTurnsUntilIdle && !(is_alive() && writer_->is_idle()); ++i) Turn(2 * stats::kTick);
  for (const absl::Time quiet = at_ + kQuiet; at_ < quiet;) Turn(2 * stats::kTick);
  Show();
  See(Settled{});
}

v1::ExperimentStatus World::Status(const std::string& experiment) {
  Show();
  for (const v1::ExperimentStatus& status : shown_.experiments()) {
    if (status.name() == experiment) return status;
  }
  return {};
}

double World::Share(const std::string& variant, const std::string& experiment) const {
  if (controller_ == nullptr || controller_->table() == nullptr) return 0;
  const routing::ExperimentRoute* route = Find(*controller_->table(), experiment);
  if (route == nullptr) return 0;
  const simulator::Share share = ShareOf(*route, variant);
  return static_cast<double>(share.part) / static_cast<double>(share.whole);
}

std::optional<absl::Status> World::AnswerOf(uint64_t token) const {
  const auto answer = answers_.find(token);
  return answer == answers_.end() ? std::nullopt : std::optional(answer->second);
}

}  // namespace weir::simulator
