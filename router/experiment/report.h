// What is left of a run for the post-mortem, from the journal's rows.

#ifndef WEIR_ROUTER_EXPERIMENT_REPORT_H_
#define WEIR_ROUTER_EXPERIMENT_REPORT_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/weir/v1/journal.pb.h"
#include "proto/weir/v1/report.pb.h"

namespace weir::experiment {

struct ReportSources {
  std::vector<v1::AuditRecord> history;             // Every row of the experiment, oldest first.
  std::string head;                                 // Hex of the chain's head.
  std::vector<v1::FailedCallRecord> failed_calls;   // Of the newest run.
  std::optional<v1::EvidenceRecord> counted_now{};  // Of a run that is not rolled back.
};

// Of the newest run. NOT_FOUND where the history is empty, DATA_LOSS where a row's evidence is no evidence.
absl::StatusOr<v1::RunReport> ReportOf(const ReportSources& sources);

}  // namespace weir::experiment

#endif  // WEIR_ROUTER_EXPERIMENT_REPORT_H_
