#include "test/simulator/command_rules.h"

#include "absl/strings/str_cat.h"
#include "router/control/controller.h"

namespace weir::simulator {
namespace {

using experiment::CommandKind;

// May find that nothing is left to do.
bool MayBeSoAlready(CommandKind kind) {
  return kind == CommandKind::kAbort || kind == CommandKind::kRollback || kind == CommandKind::kReject ||
         kind == CommandKind::kSetWeight;
}

// Goes towards more in every phase that takes it.
bool AlwaysOpens(CommandKind kind) { return kind == CommandKind::kStart || kind == CommandKind::kReset; }

}  // namespace

void WhatIsAcknowledgedIsJournalled::Hear(const Event& event, absl::Time now, const Accuse& accuse) {
  if (const auto* given = std::get_if<CommandGiven>(&event)) {
    given_[given->token] = {.experiment = given->experiment, .command = given->command, .at = now};
  } else if (const auto* asked = std::get_if<RowAsked>(&event)) {
    for (auto& [token, given] : given_) given.is_asked |= given.command.actor == asked->change.actor;
  } else if (const auto* failed = std::get_if<WriteFailed>(&event)) {
    for (auto& [token, given] : given_) given.was_refused |= given.experiment == failed->experiment;
  } else if (const auto* written = std::get_if<RowWritten>(&event)) {
    actors_.insert(written->record.actor());
  } else if (const auto* answered = std::get_if<CommandAnswered>(&event)) {
    const auto given = given_.extract(answered->token);
    if (!given.empty() && answered->status.ok()) OnAnswer(given.mapped(), now, accuse);
  } else if (std::holds_alternative<ProcessDied>(event)) {
    given_.clear();
  }
}

void WhatIsAcknowledgedIsJournalled::OnAnswer(const Given& given, absl::Time now, const Accuse& accuse) const {
  if (actors_.contains(given.command.actor)) return;
  if (!given.is_asked && now == given.at && MayBeSoAlready(given.command.kind)) return;
  const bool is_patience_over = now >= given.at + control::Controller::kShutPatience;
  if (given.is_asked && !AlwaysOpens(given.command.kind) && (given.was_refused || is_patience_over)) return;
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
