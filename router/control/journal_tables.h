// What a journal's file holds, verified as it is read.

#ifndef WEIR_ROUTER_CONTROL_JOURNAL_TABLES_H_
#define WEIR_ROUTER_CONTROL_JOURNAL_TABLES_H_

#include <functional>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "proto/weir/v1/journal.pb.h"
#include "router/control/audit_chain.h"
#include "router/control/sqlite_file.h"

namespace weir::control {

inline constexpr int kJournalApplicationId = 0x57656972;  // "Weir"
inline constexpr int kJournalVersion = 1;
// `state` names, for each experiment, the audit row that led to where it stands.
inline constexpr char kJournalSchema[] = R"sql(
  CREATE TABLE audit(sequence INTEGER PRIMARY KEY, record BLOB NOT NULL, hash BLOB NOT NULL) STRICT;
  CREATE TABLE state(experiment TEXT PRIMARY KEY, sequence INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE checkpoint(key TEXT PRIMARY KEY, value BLOB NOT NULL, hash BLOB NOT NULL) STRICT;
)sql";

// Whether the file is a journal of this version, and its pages hold together. DATA_LOSS, or FAILED_PRECONDITION for one
// that a later version wrote.
absl::Status ExamineJournal(SqliteFile& file);

// Every audit row from the first on, as far as the chain holds; then whether the states are those of the newest rows.
// `visit` is given the record, and the chain up to it.
absl::Status WalkAudit(SqliteFile& file, const std::function<void(v1::AuditRecord, const AuditChain&)>& visit);

// By key. DATA_LOSS where one's hash is not its own.
absl::Status ReadCheckpoints(SqliteFile& file, std::map<std::string, std::string>& checkpoints);

}  // namespace weir::control

#endif  // WEIR_ROUTER_CONTROL_JOURNAL_TABLES_H_
