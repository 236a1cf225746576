#include "test/simulator/command_rules.h"

#include "absl/strings/str_cat.h"

namespace weir::simulator {
namespace {

using experiment::CommandKind;

// May find that nothing is left to do.
bool MayBeSoAlready(CommandKind kind) {
  return kind == CommandKind::kAbort || kind == CommandKind::kRollback || kind == CommandKind::kReject ||
         kind == CommandKind::kSetWeight;
}

}  // namespace

void WhatIsAcknowledgedIsJournalled::Hear(const Event& event, absl::Time, const Accuse& accuse) {
  if (const auto* given = std::get_if<CommandGiven>(&event)) {
    given_[given->token] = {.experiment = given->experiment, .command = given->command};
  } else if (const auto* asked = std::get_if<RowAsked>(&event)) {
    for (auto& [token, given] : given_) given.is_asked |= given.command.actor == asked->change.actor;
    asked_[asked->change.experiment] = experiment::RecordOf(asked->change, 0).state();
  } else if (const auto* written = std::get_if<RowWritten>(&event)) {
    actors_.insert(written->record.actor());
    written_[written->record.state().experiment()] = written->record.state();
  } else if (const auto* answered = std::get_if<CommandAnswered>(&event)) {
    const auto given = given_.extract(answered->token);
    if (!given.empty() && answered->status.ok()) OnAnswer(given.mapped(), accuse);
  } else if (std::holds_alternative<ProcessDied>(event)) {
    given_.clear();
    asked_.clear();
  }
}

void WhatIsAcknowledgedIsJournalled::OnAnswer(const Given& given, const Accuse& accuse) const {
  if (actors_.contains(given.command.actor)) return;
  const auto asked = asked_.find(given.experiment);
  const auto written = written_.find(given.experiment);
  const bool is_written = asked == asked_.end() || (written != written_.end() && written->second.SerializeAsString() ==
                                                                                     asked->second.SerializeAsString());
  if (!given.is_asked && is_written && MayBeSoAlready(given.command.kind)) return;
  accuse(absl::StrCat(given.command.actor, " was told that ", experiment::NameOf(given.command.kind), " of ",
                      given.experiment, " was done, and no row says so"));
}

void EveryCommandIsAnsweredOnce::Hear(const Event& event, absl::Time, const Accuse& accuse) {
  if (const auto* given = std::get_if<CommandGiven>(&event)) unanswered_.insert(given->token);
  if (const auto* answered = std::get_if<CommandAnswered>(&event);
      answered && unanswered_.erase(answered->token) == 0) {
    accuse(absl::StrCat("person-", answered->token, " is answered, and waits for nothing"));
  }
  if (std::holds_alternative<ProcessDied>(event)) unanswered_.clear();
  if (std::holds_alternative<Settled>(event)) {
    for (uint64_t token : unanswered_) accuse(absl::StrCat("person-", token, " was never answered"));
  }
}

}  // namespace weir::simulator
