// What must be so of tables, and of the calls that are placed by them.

#ifndef WEIR_TEST_SIMULATOR_TRAFFIC_RULES_H_
#define WEIR_TEST_SIMULATOR_TRAFFIC_RULES_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>

#include "absl/container/flat_hash_map.h"
#include "test/simulator/rule.h"

namespace weir::simulator {

// Of each experiment of each table, and of what is shown of it.
class SharesSumToTheWhole : public Rule {
 public:
  std::string name() const override { return "shares sum to 100 %"; }
  void Hear(const Event& event, absl::Time now, const Accuse& accuse) override;
};

// A user goes from one variant to another only where the other's weight grew in proportion to the first's: never from a
// candidate whose share only grows to the default. Over workers that go by older tables, and over restarts.
class UsersStayWhileTheirShareGrows : public Rule {
 public:
  std::string name() const override { return "no user leaves a variant whose share grows"; }
  void Hear(const Event& event, absl::Time now, const Accuse& accuse) override;

 private:
  struct Placed {
    int process = 0;
    routing::RouteTablePtr table;
    size_t experiment = 0;
    uint16_t variant = 0;
    const routing::ExperimentRoute& route() const { return table->experiments[experiment]; }
  };
  using UserOf = std::pair<uint64_t, uint64_t>;  // The experiment's salt, and the user.

  void Place(const CallPlaced& call, const Accuse& accuse);

  int process_ = 0;
  std::map<uint64_t, routing::RouteTablePtr> tables_;  // Of this process, by version.
  absl::flat_hash_map<UserOf, Placed> last_;
};

// What was rolled back stays so: in this process once it is in force, and in every later one once it is on the disk,
// until a later run that was asked for since is on the disk. No worker that goes by the table that shut the gate, or by
// a later one, gives a candidate a call.
class ALatchHolds : public Rule {
 public:
  std::string name() const override { return "a rollback stays in force until a later run is journalled"; }
  void Hear(const Event& event, absl::Time now, const Accuse& accuse) override;

 private:
  struct Latch {
    uint32_t run = 0;
    uint64_t version = 0;  // Of the table that shut it, and of this process; 0: shut since it began.
    bool is_reopening = false;
  };

  void OnRowWritten(const v1::ExperimentState& state);

  uint64_t version_ = 0;  // Published last.
  std::map<std::string, v1::ExperimentState> written_;
  std::map<std::string, Latch> latches_;
};

// A row that only takes from candidates is in force when the journal is asked for it.
class ShutBeforeItIsJournalled : public Rule {
 public:
  std::string name() const override { return "what shuts is in force before it is journalled"; }
  void Hear(const Event& event, absl::Time now, const Accuse& accuse) override;

 private:
  routing::RouteTablePtr table_;
};

// A breach is asked of the journal at the moment that it was judged, so that with the rule above its table was out
// before; and no view shows one that is proven beside an open gate.
class AProofShutsInItsTick : public Rule {
 public:
  std::string name() const override { return "a proven breach shuts the gate in the same tick"; }
  void Hear(const Event& event, absl::Time now, const Accuse& accuse) override;

 private:
  std::map<std::string, uint32_t> asked_;  // The run, by experiment.
  std::map<std::string, absl::Time> shut_since_;
};

}  // namespace weir::simulator

#endif  // WEIR_TEST_SIMULATOR_TRAFFIC_RULES_H_
