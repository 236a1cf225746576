#include "test/simulator/rule.h"

#include "absl/strings/str_cat.h"
#include "test/simulator/command_rules.h"
#include "test/simulator/evidence_rules.h"
#include "test/simulator/journal_rules.h"
#include "test/simulator/replay_rule.h"
#include "test/simulator/traffic_rules.h"

namespace weir::simulator {

std::vector<std::unique_ptr<Rule>> AllRules() {
  std::vector<std::unique_ptr<Rule>> rules;
  rules.push_back(std::make_unique<SharesSumToTheWhole>());
  rules.push_back(std::make_unique<UsersStayWhileTheirShareGrows>());
  rules.push_back(std::make_unique<ALatchHolds>());
  rules.push_back(std::make_unique<ShutBeforeItIsJournalled>());
  rules.push_back(std::make_unique<OpenedAfterItIsJournalled>());
  rules.push_back(std::make_unique<AProofShutsInItsTick>());
  rules.push_back(std::make_unique<TheChainVerifies>());
  rules.push_back(std::make_unique<OrdinalsNeverGoBack>());
  rules.push_back(std::make_unique<WhatWasRefusedIsNotFound>());
  rules.push_back(std::make_unique<EachDecisionIsReproduced>());
  rules.push_back(std::make_unique<TheJournalIsFollowedInTheEnd>());
  rules.push_back(std::make_unique<WhatIsAcknowledgedIsJournalled>());
  rules.push_back(std::make_unique<EveryCommandIsAnsweredOnce>());
  rules.push_back(std::make_unique<NothingIsPromotedWithoutCalls>());
  rules.push_back(std::make_unique<ASwitchGoesByAllPreviewedCalls>());
  rules.push_back(std::make_unique<NoCallIsCountedTwice>());
  rules.push_back(std::make_unique<NoOutcomeIsCountedTwice>());
  return rules;
}

void Court::Hear(const Event& event, absl::Time now) {
  for (const std::unique_ptr<Rule>& rule : rules_) {
    rule->Hear(event, now, [&](std::string what) {
      if (violations_.size() >= kMostViolations) return;
      violations_.push_back(
          absl::StrCat(absl::FormatTime(absl::RFC3339_full, now, absl::UTCTimeZone()), " ", rule->name(), ": ", what));
    });
  }
}

}  // namespace weir::simulator
