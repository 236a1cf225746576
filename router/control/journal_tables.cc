#include "router/control/journal_tables.h"

#include <cstdint>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace weir::control {
namespace {

absl::Status Damaged(const std::string& what) {
  return absl::DataLossError(absl::StrCat("the journal is damaged: ", what));
}

using Rows = std::map<std::string, uint64_t>;  // The newest of each experiment.

absl::Status CheckStates(SqliteFile& file, const Rows& newest) {
  Rows stated;
  SqliteStatement states = file.Prepare("SELECT experiment, sequence FROM state");
  while (states.Step()) stated[states.Bytes(0)] = static_cast<uint64_t>(states.Integer(1));
  if (absl::Status status = states.Finish("reading the states"); !status.ok()) return status;
  if (stated == newest) return absl::OkStatus();
  for (const auto& [experiment, sequence] : newest) {
    const auto found = stated.find(experiment);
    if (found != stated.end() && found->second == sequence) continue;
    return Damaged(absl::StrCat("states and audit rows disagree: the newest row of '", absl::CHexEscape(experiment),
                                "' is ", sequence, ", and its state names ",
                                found == stated.end() ? std::string("none") : absl::StrCat("row ", found->second)));
  }
  return Damaged("states and audit rows disagree: there is a state without a row");
}

}  // namespace

absl::Status ExamineJournal(SqliteFile& file) {
  absl::StatusOr<int64_t> application = file.QueryInteger("PRAGMA application_id", "reading what it is");
  if (!application.ok()) return application.status();
  if (*application != kJournalApplicationId) {
    return absl::DataLossError("the file is not a journal of weir, or is damaged");
  }
  absl::StatusOr<int64_t> version = file.QueryInteger("PRAGMA user_version", "reading its version");
  if (!version.ok()) return version.status();
  if (*version != kJournalVersion) {
    return absl::FailedPreconditionError(
        absl::StrCat("its format is version ", *version, "; this weir reads and writes version ", kJournalVersion));
  }
  SqliteStatement check = file.Prepare("PRAGMA integrity_check(1)");
  const std::string verdict = check.Step() ? check.Bytes(0) : "";
  if (absl::Status status = check.Finish("checking its structure"); !status.ok()) return status;
  return verdict == "ok" ? absl::OkStatus() : Damaged(verdict);
}

absl::Status WalkAudit(SqliteFile& file, const std::function<void(v1::AuditRecord, const AuditChain&)>& visit) {
  Rows newest;
  AuditChain chain;
  SqliteStatement rows = file.Prepare("SELECT sequence, record, hash FROM audit ORDER BY sequence");
  while (rows.Step()) {
    absl::StatusOr<v1::AuditRecord> record =
        chain.Next(static_cast<uint64_t>(rows.Integer(0)), rows.Bytes(1), rows.Bytes(2));
    if (!record.ok()) return Damaged(std::string(record.status().message()));
    newest[record->state().experiment()] = chain.sequence();
    visit(*std::move(record), chain);
  }
  if (absl::Status status = rows.Finish("reading the audit rows"); !status.ok()) return status;
  return CheckStates(file, newest);
}

absl::Status ReadCheckpoints(SqliteFile& file, std::map<std::string, std::string>& checkpoints) {
  SqliteStatement rows = file.Prepare("SELECT key, value, hash FROM checkpoint");
  while (rows.Step()) {
    std::string key = rows.Bytes(0);
    std::string value = rows.Bytes(1);
    if (rows.Bytes(2) != CheckpointHash(key, value)) {
      return Damaged(absl::StrCat("checkpoint '", absl::CHexEscape(key), "'"));
    }
    checkpoints.emplace(std::move(key), std::move(value));
  }
  return rows.Finish("reading the checkpoints");
}

}  // namespace weir::control
