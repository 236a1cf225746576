// The folder in which a proxy leaves its reports of rollbacks: a page for people and the same as JSON.

#ifndef WEIR_ROUTER_CONTROL_REPORT_FOLDER_H_
#define WEIR_ROUTER_CONTROL_REPORT_FOLDER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "proto/weir/v1/report.pb.h"

namespace weir::control {

// Names are "<experiment>-run<N>-<when>.md" and ".json"; the time is UTC's, to the millisecond, so that names sort.
class ReportFolder {
 public:
  // Reports kept of each experiment; the oldest go first.
  static constexpr size_t kKept = 100;

  explicit ReportFolder(std::string path) : path_(std::move(path)) {}

  // Whether there is a report of that moment of that run.
  bool Has(const std::string& experiment, uint32_t run, absl::Time at) const;
  // The page's path; empty where the report was written before. A page is there whole, or not at all.
  absl::StatusOr<std::string> Write(const v1::RunReport& report) const;
  // Paths of an experiment's pages without their endings, oldest first.
  std::vector<std::string> Of(const std::string& experiment) const;

 private:
  std::string path_;
};

}  // namespace weir::control

#endif  // WEIR_ROUTER_CONTROL_REPORT_FOLDER_H_
