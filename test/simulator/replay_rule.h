// What must be so of what the journal says that decisions were made on.

#ifndef WEIR_TEST_SIMULATOR_REPLAY_RULE_H_
#define WEIR_TEST_SIMULATOR_REPLAY_RULE_H_

#include <map>
#include <string>

#include "router/experiment/replay.h"
#include "test/simulator/rule.h"

namespace weir::simulator {

// Whoever reads nothing but the rows comes to each of their decisions again, to the last bit.
class EachDecisionIsReproduced : public Rule {
 public:
  std::string name() const override { return "each decision is reproduced from its row"; }
  void Hear(const Event& event, absl::Time now, const Accuse& accuse) override;

 private:
  std::map<std::string, experiment::Replay> replays_;  // By experiment.
};

}  // namespace weir::simulator

#endif  // WEIR_TEST_SIMULATOR_REPLAY_RULE_H_
