// What must be so of what people ask.

#ifndef WEIR_TEST_SIMULATOR_COMMAND_RULES_H_
#define WEIR_TEST_SIMULATOR_COMMAND_RULES_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "test/simulator/rule.h"

namespace weir::simulator {

// Who is told that it was done finds a row of theirs on the disk. Two exceptions, which the contract names: it was so
// already, and they are told at once; or it shut, the gate is shut, and the journal refused a row or was slow.
class WhatIsAcknowledgedIsJournalled : public Rule {
 public:
  std::string name() const override { return "an acknowledged command is in the journal"; }
  void Hear(const Event& event, absl::Time now, const Accuse& accuse) override;

 private:
  struct Given {
    std::string experiment;
    experiment::Command command;
    absl::Time at;
    bool is_asked = false;     // Of the journal.
    bool was_refused = false;  // A row of its experiment, since.
  };
  void OnAnswer(const Given& given, absl::Time now, const Accuse& accuse) const;

  std::map<uint64_t, Given> given_;
  std::set<std::string> actors_;  // Of all rows on the disk.
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
