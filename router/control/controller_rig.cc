#include "router/control/controller_rig.h"

#include <algorithm>
#include <utility>

namespace weir::control {

ControllerRig::ControllerRig() : now_(absl::FromUnixSeconds(1'700'000'000)) { Start(); }

config::Experiment ControllerRig::AnExperiment(const std::string& name) {
  config::Experiment experiment;
  experiment.name = name;
  experiment.variants = {{"baseline", config::Weight::FromHundredths(7000)},
                         {"candidate", config::Weight::FromHundredths(3000)}};
  experiment.match.service = name;
  experiment.salt = name;
  experiment.error_codes = config::DefaultErrorCodes();
  experiment.metrics = {{.name = "accuracy", .field = "correct", .role = config::Role::kPrimary}};
  experiment.guardrails = {{.name = "errors", .rule = config::ErrorRatio{1.2}}};
  return experiment;
}

config::Experiment ControllerRig::Weighing(uint32_t baseline, uint32_t candidate) {
  config::Experiment experiment = AnExperiment();
  experiment.variants[0].weight = config::Weight::FromHundredths(baseline * 100);
  experiment.variants[1].weight = config::Weight::FromHundredths(candidate * 100);
  return experiment;
}

config::Experiment ControllerRig::OfRun(std::string label) {
  config::Experiment experiment = AnExperiment();
  experiment.run = std::move(label);
  return experiment;
}

config::Config ControllerRig::ConfigWith(std::vector<config::Experiment> experiments) {
  config::Config config;
  config.proxy.name = "test";
  for (const char* model : {"baseline", "candidate", "other"}) {
    config.proxy.models.push_back({.name = model, .endpoints = {{model, 1}}, .health = {}, .deadline = {}});
  }
  config.experiments = std::move(experiments);
  return config;
}

void ControllerRig::Start() {
  absl::StatusOr<experiment::Remembered> remembered = journal_.Load();
  if (!unreadable_.ok()) remembered = unreadable_;
  ++process_.boot;
  controller_ = std::make_unique<Controller>(std::move(remembered), "test", process_, now_);
  table_.reset();
  if (files_) controller_->TakeConfig(*files_, now_);
  CarryOut();
}

void ControllerRig::Restart() {
  held_.clear();
  holds_replies_ = false;
  now_ += absl::Seconds(3);
  Start();
}

void ControllerRig::RestartUnreadable(absl::Status why) {
  unreadable_ = std::move(why);
  Restart();
}

void ControllerRig::LoseJournal() {
  journal_ = experiment::MemoryJournal();
  Restart();
}

void ControllerRig::File(std::vector<config::Experiment> experiments) {
  files_ = ConfigWith(std::move(experiments));
  controller_->TakeConfig(*files_, now_);
  CarryOut();
}

void ControllerRig::Tick() {
  now_ += stats::kTick;
  controller_->Tick(now_);
  CarryOut();
}

void ControllerRig::Run(int ticks, const std::string& failing, int per_tick) {
  for (int t = 0; t < ticks; ++t) {
    stats::WorkerReport report;
    report.table_version = table_ == nullptr ? 0 : table_->version;
    for (size_t e = 0; table_ != nullptr && e < table_->experiments.size(); ++e) {
      const routing::ExperimentRoute& route = table_->experiments[e];
      for (uint16_t v = 0; v < route.variants.size(); ++v) {
        stats::VariantCounts& counts = report.delta.inference[{route.run, route.epoch, v}];
        stats::ServedCounts& served = report.delta.served[{route.run, 0, v}];
        const int calls = static_cast<int>(per_tick * routing::ShareInForce(route, v) + 0.5);
        for (int i = 0; i < calls; ++i) {
          const int64_t call = ++calls_;
          const auto bucket = static_cast<uint8_t>(call * 37);
          const bool failed = call % (route.variants[v].name == failing ? 5 : 101) == 0;
          counts.CountStart(stats::TickOf(now_), bucket);
          counts.CountEnd({.started = stats::TickOf(now_),
                           .user_bucket = bucket,
                           .outcome = failed ? stats::CallOutcome::kError : stats::CallOutcome::kSuccess,
                           .latency = absl::Milliseconds(10)});
          served.Count(failed ? 13 : 0, stats::Reason::kAssigned, absl::Milliseconds(10), failed);
        }
      }
    }
    controller_->TakeReport(report);
    Tick();
  }
}

void ControllerRig::TakeCalls(const std::string& variant, int calls, int failing) {
  const stats::Tick began = stats::TickOf(now_ - absl::Seconds(1));
  stats::VariantCounts counts;
  for (int call = 0; call < calls; ++call) {
    const auto bucket = static_cast<uint8_t>(call * 37);
    counts.CountStart(began, bucket);
    counts.CountEnd({.started = began,
                     .user_bucket = bucket,
                     .outcome = call < failing ? stats::CallOutcome::kError : stats::CallOutcome::kSuccess,
                     .latency = absl::Milliseconds(10)});
  }
  TakeCounts(variant, std::move(counts));
}

void ControllerRig::Preview(const std::string& variant, int calls, int failing) {
  stats::VariantCounts counts;
  for (int call = 0; call < calls; ++call) {
    counts.CountPreviewStart(stats::TickOf(now_));
    counts.CountPreviewEnd(call < failing ? stats::CallOutcome::kError : stats::CallOutcome::kSuccess);
  }
  TakeCounts(variant, std::move(counts));
  Tick();
}

void ControllerRig::TakeCounts(const std::string& variant, stats::VariantCounts counts) {
  const routing::ExperimentRoute& route = table_->experiments.at(0);
  stats::WorkerReport report;
  report.table_version = table_->version;
  report.delta.inference[{route.run, route.epoch, TicketOf(0, variant).variant}] = std::move(counts);
  controller_->TakeReport(report);
}

bool ControllerRig::RollBack() {
  File({AnExperiment()});
  Run(100, "candidate");
  return Status().phase() == v1::ROLLED_BACK;
}

absl::Status ControllerRig::Reset(const std::string& experiment) {
  return Obey({.kind = experiment::CommandKind::kReset}, experiment);
}

absl::Status ControllerRig::Obey(experiment::Command command, const std::string& experiment) {
  const uint64_t token = ++last_token_;
  if (command.actor.empty()) command.actor = "ann";
  command.roles.push_back("operator");
  controller_->Obey(token, experiment, command, now_);
  CarryOut();
  const auto answer = answers_.find(token);
  return answer == answers_.end() ? absl::DeadlineExceededError("not answered") : answer->second;
}

stats::Ticket ControllerRig::TicketOf(uint64_t sequence, const std::string& variant) const {
  const routing::ExperimentRoute& route = table_->experiments.at(0);
  uint16_t place = 0;
  while (route.variants[place].name != variant) ++place;
  return {.experiment = route.name_hash,
          .run = route.run_ordinal,
          .epoch = route.epoch,
          .variant = place,
          .user_bucket = static_cast<uint8_t>(sequence * 37),
          .start = now_,
          .issuer = process_,
          .sequence = sequence};
}

absl::Status ControllerRig::Outcome(uint64_t sequence, double correct, const std::string& variant) {
  return controller_->TakeOutcome({.ticket = TicketOf(sequence, variant), .metrics = {{"correct", correct}}}, now_);
}

void ControllerRig::Fail(const std::string& variant, std::vector<stats::FailedCall> calls) {
  const routing::ExperimentRoute& route = table_->experiments.at(0);
  stats::WorkerReport report;
  report.table_version = table_->version;
  for (stats::FailedCall& call : calls) {
    call.run = route.run;
    call.epoch = route.epoch;
    while (route.variants[call.variant].name != variant) ++call.variant;
  }
  report.failed_calls = std::move(calls);
  controller_->TakeReport(report);
}

void ControllerRig::GiveReplies() {
  holds_replies_ = false;
  for (JournalReply& reply : std::exchange(held_, {})) controller_->TakeReply(std::move(reply), now_);
  CarryOut();
}

void ControllerRig::CarryOut() {
  for (std::vector<Effect> effects = controller_->TakeEffects(); !effects.empty();
       effects = controller_->TakeEffects()) {
    for (Effect& effect : effects) {
      if (const auto* publish = std::get_if<PublishTable>(&effect)) {
        table_ = publish->table;
        order_.push_back("table");
      } else if (const auto* ask = std::get_if<AskJournal>(&effect)) {
        JournalReply reply = Answer(ask->request);
        if (holds_replies_) {
          held_.push_back(std::move(reply));
        } else {
          controller_->TakeReply(std::move(reply), now_);
        }
      } else if (const auto* answer = std::get_if<AnswerCommand>(&effect)) {
        answers_[answer->token] = answer->status;
      } else if (auto* notification = std::get_if<Notification>(&effect)) {
        notifications_.push_back(std::move(*notification));
      } else if (auto* standing = std::get_if<Standing>(&effect)) {
        standing_ = std::move(*standing);
      }
    }
  }
}

JournalReply ControllerRig::Answer(const JournalRequest& request) {
  JournalReply reply;
  reply.id = std::visit([](const auto& r) { return r.id; }, request);
  if (const auto* append = std::get_if<AppendRequest>(&request)) {
    order_.push_back("append");
    const absl::StatusOr<std::string> head = journal_.Append(append->change);
    reply.status = head.status();
    if (head.ok()) reply.head = *head;
  } else if (const auto* checkpoint = std::get_if<CheckpointRequest>(&request)) {
    order_.push_back("checkpoint");
    reply.status = journal_.WriteCheckpoint(checkpoint->rows);
  } else if (const auto* report = std::get_if<ReportRequest>(&request)) {
    reports_.push_back(*report);
    reply.report = WrittenReport{report->experiment, ""};
  } else {
    order_.push_back("load");
    reply.status = unreadable_;
    if (unreadable_.ok()) reply.remembered = *journal_.Load();
  }
  return reply;
}

double ControllerRig::Share(const std::string& variant, const std::string& experiment) const {
  for (size_t e = 0; table_ != nullptr && e < table_->experiments.size(); ++e) {
    const routing::ExperimentRoute& route = table_->experiments[e];
    if (route.name != experiment) continue;
    for (size_t v = 0; v < route.variants.size(); ++v) {
      if (route.variants[v].name == variant) return routing::ShareInForce(route, v);
    }
  }
  return 0;
}

v1::ExperimentStatus ControllerRig::Status(const std::string& experiment) const {
  const Snapshot view = controller_->View(now_);
  for (const v1::ExperimentStatus& status : view.status.experiments()) {
    if (status.name() == experiment) return status;
  }
  return {};
}

}  // namespace weir::control
