// A report as people read it (Markdown) and as programs do (JSON). Pure.

#ifndef WEIR_ROUTER_EXPERIMENT_REPORT_TEXT_H_
#define WEIR_ROUTER_EXPERIMENT_REPORT_TEXT_H_

#include <string>

#include "absl/status/statusor.h"
#include "proto/weir/v1/report.pb.h"

namespace weir::experiment {

// What came from calls (paths, messages, headers) is shown as text, whatever it holds.
std::string ReportMarkdown(const v1::RunReport& report);
// All of it; numbers as precise as they are.
absl::StatusOr<std::string> ReportJson(const v1::RunReport& report);

}  // namespace weir::experiment

#endif  // WEIR_ROUTER_EXPERIMENT_REPORT_TEXT_H_
