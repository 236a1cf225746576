// The store's contract: what it keeps, and what it promises.
//
//   - A change of state and its audit row are one transaction: after a crash at any moment both are there or neither
//   is, and
//     what `Append` acknowledged is there.
//   - Audit rows are chained by hash: what was written is shown to be unaltered each time that the journal is loaded.
//   - Checkpoints are replaced in place, all rows of one call or none.
// Implementations: router/control/sqlite_journal.h, and memory_journal.h for tests and simulation.

#ifndef WEIR_ROUTER_EXPERIMENT_JOURNAL_H_
#define WEIR_ROUTER_EXPERIMENT_JOURNAL_H_

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/weir/v1/journal.pb.h"
#include "router/experiment/machine.h"

namespace weir::experiment {

// An experiment's specification as it was taken up.
struct SpecificationVersion {
  uint32_t ordinal = 0;  // Within the experiment, from 1; grows.
  std::string text{};    // The document, comments and all.
  std::string file{};
  std::string owner{};  // The file's account; empty: not known.
  absl::Time modified = absl::UnixEpoch();
  bool operator==(const SpecificationVersion&) const = default;
};

// What a step was decided on: enough to decide it again (router/experiment/replay.h).
struct Grounds {
  uint32_t specification_version = 0;                 // In force; 0: none is known.
  std::optional<SpecificationVersion> specification;  // That one, where no row holds it yet.
  std::optional<State> before;                        // nullopt: the experiment was never seen before.
  std::optional<Event> event;                         // nullopt: nothing was decided, only taken up.
  std::optional<v1::EvidenceRecord> evidence;         // Of a rollback or a breach (evidence_record.h).
  std::optional<v1::DecisionRecord> decision;         // Of a verdict on the whole (decision_record.h).
};

// The action of a row that moves nothing. A refused commit may be found in the log later; after a refused opening this
// row says that it did not happen, and is the newest whatever is found.
inline constexpr char kNotOpened[] = "not-opened";

// One step of one experiment, as `Advance` gave it.
struct Change {
  std::string experiment;
  absl::Time at;
  std::string actor;
  std::string action;
  std::string detail;
  State state;  // That it led to; never Frozen.
  Grounds grounds{};
};

struct CheckpointRow {
  std::string key;                   // journal.proto says which there are.
  std::optional<std::string> value;  // nullopt: the row goes.
};

// Everything that a start needs.
struct Remembered {
  std::map<std::string, State> states;                         // By experiment.
  std::map<std::string, SpecificationVersion> specifications;  // The newest, by experiment.
  std::map<std::string, std::string> checkpoints;
  std::string head;       // Hex of the chain's last hash.
  uint64_t sequence = 0;  // Of its last row.
};

// One thread at a time.
class Journal {
 public:
  virtual ~Journal() = default;
  // Verifies the chain first. DATA_LOSS when anything is not as it was written.
  virtual absl::StatusOr<Remembered> Load() = 0;
  // The hex of the chain's new head. An error means that nothing was acknowledged; the call may be repeated, and a row
  // that is there all the same is not written twice. INVALID_ARGUMENT: this row can never be written (BytesOf), while
  // others can.
  virtual absl::StatusOr<std::string> Append(const Change& change) = 0;
  virtual absl::Status WriteCheckpoint(std::span<const CheckpointRow> rows) = 0;
  // All rows of one experiment, oldest first.
  virtual absl::StatusOr<std::vector<v1::AuditRecord>> History(const std::string& experiment) = 0;
};

// The record of `change` as the journal's row number `sequence`.
v1::AuditRecord RecordOf(const Change& change, uint64_t sequence);
// The record as every store keeps it. INVALID_ARGUMENT where it could not be read back: protobuf writes texts that are
// not UTF-8, and reads none of the row again.
absl::StatusOr<std::string> BytesOf(const v1::AuditRecord& record);
// DATA_LOSS where the record is not one that `RecordOf` could have made.
absl::StatusOr<State> StateOf(const v1::ExperimentState& recorded);

// The same of a state that a step was decided from, which may be Frozen.
absl::StatusOr<State> BeforeOf(const v1::ExperimentState& recorded);

v1::ExperimentState RecordOf(const std::string& experiment, const State& state);
v1::Breach RecordOf(const Breach& breach);
Breach BreachOf(const v1::Breach& recorded);
SpecificationVersion VersionOf(const v1::SpecificationVersion& recorded);

}  // namespace weir::experiment

#endif  // WEIR_ROUTER_EXPERIMENT_JOURNAL_H_
