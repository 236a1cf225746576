#include "router/cli/validate.h"

#include "absl/strings/str_cat.h"
#include "router/cli/promises.h"
#include "router/cli/specification_reader.h"

namespace weir::cli {

namespace {

std::string EndText(const config::Experiment& experiment, absl::Time now) {
  if (!experiment.rollout || !experiment.rollout->end || *experiment.rollout->end > now) return "";
  const bool is_test = config::EndOf(experiment.rollout->strategy) == config::RolloutEnd::kDecision;
  return absl::StrCat("  warning: spec.rollout.end, ",
                      absl::FormatTime(absl::RFC3339_sec, *experiment.rollout->end, absl::UTCTimeZone()),
                      ", is past: ", is_test ? "it gives the test no time" : "nothing is promoted any more", "\n");
}

}  // namespace

ValidationReport ValidateFiles(const std::vector<std::string>& paths, const config::FileReader& files, absl::Time now) {
  const Specifications read = ReadSpecifications(paths, files);
  const size_t errors = read.findings.errors.size(), experiments = read.experiments.size();
  ValidationReport report{.is_valid = errors == 0, .text = FindingsText(read.findings)};
  if (!report.is_valid) {
    absl::StrAppend(&report.text, "invalid: ", errors, errors == 1 ? " error\n" : " errors\n");
    return report;
  }
  for (const config::Experiment& experiment : read.experiments) {
    absl::StrAppend(&report.text, experiment.name, "\n", EndText(experiment, now), PromisesText(experiment));
  }
  absl::StrAppend(&report.text, "valid: ", read.files, read.files == 1 ? " file, " : " files, ", experiments,
                  experiments == 1 ? " experiment\n" : " experiments\n");
  return report;
}

}  // namespace weir::cli
