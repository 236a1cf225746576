#include "test/simulator/replay_rule.h"

#include <gtest/gtest.h>

#include "test/simulator/written_history.h"

namespace weir::simulator {
namespace {

TEST(EachDecisionIsReproducedTest, SeesARowWithoutItsGroundsAndOneThatSaysOtherwise) {
  WrittenHistory<EachDecisionIsReproduced> history;
  history.Write(history.ChangeTo(1, 1, 30, experiment::Running{}));
  EXPECT_EQ(history.broken(), 1u) << "it was decided on nothing";

  const experiment::SpecificationVersion version{.ordinal = 1,
                                                 .text = R"(
apiVersion: weir/v1
kind: Experiment
metadata: {name: exp}
spec:
  default: baseline
  candidates: [{name: baseline, weight: 0.7}, {name: candidate, weight: 0.3}]
  match: {service: exp}
  assignment: {key: [{header: x-user-id}]}
)",
                                                 .file = "exp.yaml"};
  const auto opened = [&](uint32_t candidate) {
    experiment::Change change = history.ChangeTo(1, 1, candidate, experiment::Running{});
    change.action = "run-opened";
    change.detail = "first seen; weights baseline 0.7, candidate 0.3";
    change.grounds.specification_version = 1;
    change.grounds.specification = version;
    change.grounds.event = experiment::Filed{};
    return change;
  };
  history.Write(opened(30));
  EXPECT_EQ(history.broken(), 1u) << history.accusations();
  history.Write(opened(31));
  EXPECT_EQ(history.broken(), 2u) << "its file gives the candidate less";
}

}  // namespace
}  // namespace weir::simulator
