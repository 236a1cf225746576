// What must be so of the journal, and of tables in relation to it.

#ifndef WEIR_TEST_SIMULATOR_JOURNAL_RULES_H_
#define WEIR_TEST_SIMULATOR_JOURNAL_RULES_H_

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "test/simulator/rule.h"
#include "test/simulator/shares.h"

namespace weir::simulator {

// A table gives a variant more than the one before, or the first of a process more than the journal that it found, only
// where a row that says so is on the disk.
class OpenedAfterItIsJournalled : public Rule {
 public:
  std::string name() const override { return "what opens is journalled before it is in force"; }
  void Hear(const Event& event, absl::Time now, const Accuse& accuse) override;

 private:
  using RunAndEpoch = std::pair<uint32_t, uint32_t>;
  void OnTable(const routing::RouteTable& table, const Accuse& accuse);
  Share FoundOf(const std::string& experiment, const std::string& variant) const;
  bool IsJournalled(const routing::ExperimentRoute& route, const std::string& variant) const;

  std::map<std::string, std::map<RunAndEpoch, v1::ExperimentState>> rows_;
  std::map<std::string, v1::ExperimentState> last_row_;
  std::map<std::string, v1::ExperimentState> found_;            // The last rows when this process began.
  std::map<std::string, routing::ExperimentRoute> last_route_;  // Of this process, also of files that went since.
};

// Each head is the hash of all rows up to it, computed here anew; and whoever reads the journal after a crash finds
// every row that was written, and each experiment where its last row says.
class TheChainVerifies : public Rule {
 public:
  TheChainVerifies();
  std::string name() const override { return "the audit chain verifies, and nothing that was written is lost"; }
  void Hear(const Event& event, absl::Time now, const Accuse& accuse) override;

 private:
  void Compare(const experiment::Remembered& remembered, const Accuse& accuse) const;

  uint64_t sequence_ = 0;
  std::string hash_;  // 32 bytes.
  std::map<std::string, experiment::State> states_;
};

// Rows are numbered without gaps, tables ascending. An experiment's run and epoch never go back from one table of a
// process to the next, nor from one row to the next; except where an earlier place was asked for before the controller
// had heard of the first row: a gate that was shut meanwhile overtook it, and it was never in force; or where it
// heard that the first was refused, though it is on the disk.
class OrdinalsNeverGoBack : public Rule {
 public:
  std::string name() const override { return "sequence, version, run and epoch never go back"; }
  void Hear(const Event& event, absl::Time now, const Accuse& accuse) override;

 private:
  using RunAndEpoch = std::pair<uint32_t, uint32_t>;
  struct LastRow {
    RunAndEpoch place;
    std::optional<int64_t> asked;  // The event at which it was asked for first; nullopt: by a process that is no more.
    std::optional<int64_t> heard;  // At which the controller heard that it is on the disk.
  };
  void OnTable(const routing::RouteTable& table, const Accuse& accuse);
  void OnRow(const v1::AuditRecord& record, const Accuse& accuse);
  void AwaitReply(const std::string& experiment);
  void OnReply(const std::string& experiment, bool is_taken, const Accuse& accuse);
  bool IsOvertaken(const std::string& experiment, const LastRow& row) const;

  int64_t events_ = 0;
  uint64_t sequence_ = 0;
  uint64_t version_ = 0;
  std::map<std::string, RunAndEpoch> last_in_table_;  // Of this process.
  std::map<std::string, LastRow> last_row_;
  std::map<std::string, std::deque<bool>> unheard_;  // By experiment, oldest first: whether it is the last row.
  // Of this process: the events at which records were asked for first, and what was asked for each experiment.
  std::map<std::string, int64_t> asked_;
  std::map<std::string, std::vector<std::pair<int64_t, RunAndEpoch>>> places_asked_;
};

// Who was told that nothing was opened, and not that a restart may find otherwise, finds it so: no row of theirs is the
// experiment's last, which a process goes on from.
class WhatWasRefusedIsNotFound : public Rule {
 public:
  std::string name() const override { return "what was refused is not in force after a restart"; }
  void Hear(const Event& event, absl::Time now, const Accuse& accuse) override;

 private:
  void Compare(const Accuse& accuse) const;

  std::map<std::string, std::string> last_actor_;  // Of each experiment's last row.
  std::set<std::string> refused_;                  // Actors.
};

// When all is quiet, what is shown and what the table says is what the journal's last rows say. An epoch may be ahead
// of its row where a process found counts of a later one, or of another of its number, of which no row was written.
class TheJournalIsFollowedInTheEnd : public Rule {
 public:
  std::string name() const override { return "when all is quiet, the journal says what is in force"; }
  void Hear(const Event& event, absl::Time now, const Accuse& accuse) override;

 private:
  void Compare(const v1::ExperimentStatus& status, const Accuse& accuse) const;

  std::map<std::string, v1::ExperimentState> last_row_;
  std::set<std::string> ahead_;  // Experiments that this process found so.
  routing::RouteTablePtr table_;
  v1::Status shown_;
};

}  // namespace weir::simulator

#endif  // WEIR_TEST_SIMULATOR_JOURNAL_RULES_H_
