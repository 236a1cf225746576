#include "router/cli/analysis_text.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "router/cli/text_table.h"

namespace weir::cli {
namespace {

std::string Alarms(int32_t alarms) { return absl::StrCat(alarms, alarms == 1 ? " alarm" : " alarms"); }

std::string VerdictText(const weir::v1::AnalysisStatus& analysis) {
  std::string text = absl::StrCat("  analysis: ", absl::AsciiStrToUpper(analysis.verdict()));
  if (!analysis.decides()) text += " (told only: no step waits for it)";
  if (!analysis.label().empty()) {
    absl::StrAppend(&text, ", ", analysis.label(), " (the estimate alone: ", analysis.point_label(), ")");
  }
  return absl::StrCat(text, ": ", analysis.why(), "\n");
}

// Numbers where there are no words.
std::string FindingText(const weir::v1::AnalysisFinding& finding) {
  if (!finding.text().empty() || !finding.has_value()) return finding.text();
  if (!finding.has_bound()) return absl::StrFormat("%.4g", finding.value());
  return absl::StrFormat("%.4g, against %.4g", finding.value(), finding.bound());
}

std::string FindingsTable(const weir::v1::AnalysisStatus& analysis) {
  TextTable table({{"check"}, {"of"}, {"state"}, {""}});
  for (const auto& finding : analysis.findings()) {
    const char* between = finding.subject().empty() || finding.variant().empty() ? "" : ", ";
    table.AddRow({finding.check(), absl::StrCat(finding.subject(), between, finding.variant()), finding.state(),
                  FindingText(finding)});
  }
  return table.ToString(2);
}

std::string TrendsTable(const weir::v1::ExperimentStatus& experiment) {
  TextTable table({{"trend"}, {"variant"}, {"metric"}, {"chart"}});
  for (const auto& trend : experiment.trends()) {
    std::string chart = absl::StrFormat("%s %.3g of %.3g", trend.method(), trend.statistic(), trend.limit());
    if (trend.alarms() > 0) absl::StrAppend(&chart, ", ", Alarms(trend.alarms()));
    if (!trend.note().empty()) absl::StrAppend(&chart, " (", trend.note(), ")");
    table.AddRow({trend.name(), trend.variant(), trend.metric(), chart});
  }
  return table.ToString(2);
}

}  // namespace

std::string AnalysisText(const weir::v1::ExperimentStatus& experiment) {
  std::string text;
  if (experiment.has_analysis()) {
    text += VerdictText(experiment.analysis());
    text += FindingsTable(experiment.analysis());
  }
  if (experiment.trends_size() > 0) text += TrendsTable(experiment);
  return text;
}

std::string DetectorText(const weir::v1::GuardrailStatus& guardrail) {
  if (!guardrail.has_detector_log10_statistic()) return "";
  std::string text = absl::StrFormat("detector %.2f of %.2f", guardrail.detector_log10_statistic(),
                                     guardrail.detector_log10_threshold());
  if (guardrail.detector_alarms() > 0) absl::StrAppend(&text, ", ", Alarms(guardrail.detector_alarms()));
  return text;
}

}  // namespace weir::cli
