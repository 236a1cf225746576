#include "router/cli/planning/spec_under_test.h"

#include <map>

#include "config/files.h"
#include "gtest/gtest.h"
#include "router/cli/specification_reader.h"

namespace weir::cli {

config::Experiment ExperimentWith(const std::string& rest) {
  const std::string text = R"(apiVersion: weir/v1
kind: Experiment
metadata: {name: canary}
spec:
  default: baseline
  candidates:
    - {name: baseline, weight: 50}
    - {name: candidate, weight: 50}
  match: {service: S}
  assignment: {key: [{header: x-user-id}]}
)" + rest;
  const std::map<std::string, std::string> files = {{"canary.yaml", text}};
  const OneExperiment read = ReadExperiment("canary.yaml", "", config::MemoryFiles(files));
  EXPECT_TRUE(read.experiment.has_value()) << read.said;
  return read.experiment.value_or(config::Experiment());
}

Assumptions Assume(const config::Experiment& experiment, PlanCommand command) {
  if (command.traffic.empty()) command.traffic = "50/s";
  const absl::StatusOr<Assumptions> assumptions = AssumptionsOf(command, experiment);
  EXPECT_TRUE(assumptions.ok()) << assumptions.status();
  return assumptions.value_or(Assumptions());
}

}  // namespace weir::cli
