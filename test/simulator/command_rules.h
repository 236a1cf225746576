// What must be so of what people ask.

#ifndef WEIR_TEST_SIMULATOR_COMMAND_RULES_H_
#define WEIR_TEST_SIMULATOR_COMMAND_RULES_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "test/simulator/rule.h"

namespace weir::simulator {

// Who is told that it was done finds a row of theirs on the disk; or it was so already, and the row that says so is.
class WhatIsAcknowledgedIsJournalled : public Rule {
 public:
  std::string name() const override { return "an acknowledged command is in the journal"; }
  void Hear(const Event& event, absl::Time now, const Accuse& accuse) override;

 private:
  struct Given {
    std::string experiment;
    experiment::Command command;
    bool is_asked = false;  // Of the journal.
  };
  void OnAnswer(const Given& given, const Accuse& accuse) const;

  std::map<uint64_t, Given> given_;
  std::map<std::string, v1::ExperimentState> asked_;    // By experiment: of the row that was asked for last.
  std::map<std::string, v1::ExperimentState> written_;  // That is on the disk last.
  std::set<std::string> actors_;                        // Of all rows on the disk.
};

class EveryCommandIsAnsweredOnce : public Rule {
 public:
  std::string name() const override { return "every command is answered once"; }
  void Hear(const Event& event, absl::Time now, const Accuse& accuse) override;

 private:
  std::set<uint64_t> unanswered_;
};

}  // namespace weir::simulator

#endif  // WEIR_TEST_SIMULATOR_COMMAND_RULES_H_
