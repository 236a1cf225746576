// What must be so of what was counted.

#ifndef WEIR_TEST_SIMULATOR_EVIDENCE_RULES_H_
#define WEIR_TEST_SIMULATOR_EVIDENCE_RULES_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "test/simulator/rule.h"

namespace weir::simulator {

// What was delivered to the control side, beside what it shows: of one kind of thing that is counted by experiment, run
// and variant.
class CountLedger {
 public:
  using Key = std::tuple<std::string, uint32_t, std::string>;

  void Begin();  // A process.
  // What is shown of experiments that are in no file now may be less when they are in one again.
  void ForgetAllBut(const std::map<std::string, double>& filed);
  // A row of that run is on the disk.
  void Hear(const std::string& experiment, uint32_t run);
  void Deliver(const Key& key, int64_t count);
  // Never more than was delivered by all processes; and of this process exactly what was delivered since it was first
  // shown. Empty if it is so.
  std::string Compare(const Key& key, int64_t shown);

 private:
  std::map<Key, int64_t> ever_, here_;
  std::map<Key, int64_t> base_;  // Shown at first, without what was delivered here.
  std::set<std::string> filed_;
  std::set<std::string> may_be_dropped_;  // They were in no file for a while.
  std::map<std::string, uint32_t> newest_run_;
  std::set<std::pair<std::string, uint32_t>> opened_;  // By this process: they begin with nothing.
};

// A run and its variants, as the numbers of a process's tables stand for them.
class RunNumbers {
 public:
  struct Layout {
    std::string experiment;
    uint32_t run = 0;
    std::vector<std::string> variants;
    std::string default_variant;
  };
  void Hear(const Event& event);  // Of the tables of one process.
  const Layout* Find(uint32_t number) const;

 private:
  void Add(const routing::RouteTable& table);

  std::map<uint32_t, Layout> layouts_;
};

// The calls that a run shows, compared and previewed, are those that workers delivered: none more, none twice after a
// crash, none missing within a process.
class NoCallIsCountedTwice : public Rule {
 public:
  std::string name() const override { return "every call is counted once"; }
  void Hear(const Event& event, absl::Time now, const Accuse& accuse) override;

 private:
  RunNumbers numbers_;
  CountLedger ledger_;
  CountLedger previews_;  // That ended well or badly.
};

// The outcomes that a run shows are those of tickets that were acknowledged, each once; a forged one never is.
class NoOutcomeIsCountedTwice : public Rule {
 public:
  std::string name() const override { return "every outcome is counted once"; }
  void Hear(const Event& event, absl::Time now, const Accuse& accuse) override;

 private:
  using TicketId = std::pair<stats::Issuer, uint64_t>;
  void OnAnswer(const OutcomeAnswered& answered, const Accuse& accuse);

  CountLedger ledger_;
  std::set<TicketId> acknowledged_;  // By this process.
};

// A candidate that fails often from the beginning, beside a default that does not, is rolled back when both have had
// enough calls in the same seconds of one epoch of one process: where one is down while the other answers, nothing can
// be compared. Needs a guardrail for it in every experiment.
class ABadCandidateIsRolledBack : public Rule {
 public:
  static constexpr int64_t kEnoughCalls = 300;
  static constexpr absl::Duration kLag = absl::Seconds(3);  // Cohorts are looked at when they are old enough.

  explicit ABadCandidateIsRolledBack(std::string candidate) : candidate_(std::move(candidate)) {}
  std::string name() const override { return "a bad candidate is rolled back"; }
  void Hear(const Event& event, absl::Time now, const Accuse& accuse) override;

 private:
  struct Ripe {
    uint32_t run = 0;
    absl::Time since;
  };
  struct Ended {
    int64_t of_default = 0, of_candidate = 0;
  };
  void OnReport(const stats::WorkerReport& report, absl::Time now);

  const std::string candidate_;
  RunNumbers numbers_;
  std::map<std::pair<uint32_t, uint32_t>, std::map<stats::Tick, Ended>> ended_;  // By epoch and second of their start.
  std::map<std::string, Ripe> ripe_;                                             // By experiment.
};

// No rollout goes on by itself, or ends, but after calls of every variant with a share have ended in that very step.
class NothingIsPromotedWithoutCalls : public Rule {
 public:
  std::string name() const override { return "nothing is promoted without calls"; }
  void Hear(const Event& event, absl::Time now, const Accuse& accuse) override;

 private:
  bool HasCalls(const std::string& experiment, uint32_t run, uint32_t first_epoch, const std::string& variant) const;

  RunNumbers numbers_;
  // By experiment, run and variant: the newest epoch of which a call ended; told by any process.
  std::map<CountLedger::Key, uint32_t> newest_;
};

// A switch that an analysis led to goes by every previewed call that was delivered, and by no other: of epochs that
// began in this process, for a crash may lose some, and of experiments that stayed in a file, for others may be
// forgotten.
class ASwitchGoesByAllPreviewedCalls : public Rule {
 public:
  std::string name() const override { return "a switch goes by all previewed calls"; }
  void Hear(const Event& event, absl::Time now, const Accuse& accuse) override;

 private:
  using EpochOf = std::tuple<std::string, uint32_t, uint32_t>;  // Experiment, run and epoch.
  void OnRow(const v1::AuditRecord& record, const Accuse& accuse);

  RunNumbers numbers_;
  std::set<EpochOf> begun_;
  std::map<std::pair<EpochOf, std::string>, stats::PreviewCounts> delivered_;  // By variant.
};

// How often healthy candidates were rolled back by a guardrail, beside how often they may be.
class AlphaAccount {
 public:
  void Hear(const Event& event);
  void Merge(const AlphaAccount& other);

  int64_t runs() const { return runs_; }
  int64_t breaches() const { return breaches_; }
  double alpha() const { return alpha_; }  // Summed over runs: the number of breaches that is expected at most.

  // P(X >= breaches) for a sum X of independent indicators with mean alpha, at most: the Chernoff bound
  // exp(-(b ln(b / alpha) - b + alpha)), which holds for unequal probabilities too. 1 where b <= alpha.
  double ProbabilityAtMost() const;

 private:
  std::map<std::string, double> alphas_;
  std::set<std::pair<std::string, uint32_t>> counted_, breached_;
  int64_t runs_ = 0, breaches_ = 0;
  double alpha_ = 0;
};

}  // namespace weir::simulator

#endif  // WEIR_TEST_SIMULATOR_EVIDENCE_RULES_H_
