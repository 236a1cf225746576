#include "router/cli/outside_text.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "router/cli/text_table.h"

namespace weir::cli {
namespace {

using Align = TextTable::Align;

std::string AgeText(const google::protobuf::Duration& age) {
  return absl::FormatDuration(
      absl::Trunc(absl::Seconds(age.seconds()) + absl::Nanoseconds(age.nanos()), absl::Milliseconds(100)));
}

}  // namespace

std::string ExternalMetricsText(const weir::v1::ExperimentStatus& experiment) {
  if (experiment.external_metrics_size() == 0) return "";
  TextTable table(
      {{"from outside"}, {"value", Align::kRight}, {"age", Align::kRight}, {"failures", Align::kRight}, {""}});
  for (const auto& metric : experiment.external_metrics()) {
    std::string note = metric.has_value() && !metric.believed() ? "TOO OLD to be believed" : "";
    if (!metric.error().empty()) absl::StrAppend(&note, note.empty() ? "" : "; ", metric.error());
    table.AddRow({metric.name(), metric.has_value() ? absl::StrFormat("%.6g", metric.value()) : "-",
                  metric.has_value() ? AgeText(metric.age()) : "-", absl::StrCat(metric.failures()), note});
  }
  return table.ToString(2);
}

std::string NotifyTargetsText(const weir::v1::Status& status) {
  if (status.notify_targets_size() == 0) return "";
  TextTable table({{"notified"},
                   {"sent", Align::kRight},
                   {"waiting", Align::kRight},
                   {"failures", Align::kRight},
                   {"dropped", Align::kRight},
                   {""}});
  for (const auto& target : status.notify_targets()) {
    table.AddRow({target.target(), absl::StrCat(target.sent()), absl::StrCat(target.queued()),
                  absl::StrCat(target.failed()), absl::StrCat(target.dropped()), target.last_error()});
  }
  return table.ToString(2);
}

}  // namespace weir::cli
