// What the tables of a blueGreen and of a rollback say beside the shares: who is previewed, and until when is drained.

#include <gtest/gtest.h>

#include "router/control/controller.h"
#include "router/control/controller_rig.h"

namespace weir::control {
namespace {

using experiment::CommandKind;

config::Experiment ABlueGreen() {
  config::Experiment experiment = ControllerRig::AnExperiment();
  experiment.drain_timeout = absl::Seconds(7);
  experiment.rollout = config::Rollout{.strategy = config::Strategy::kBlueGreen,
                                       .steps = {{.weight = config::Percent(), .pause = {absl::Hours(1), 0}}},
                                       .watch = absl::Hours(1),
                                       .preview = config::Preview{"x-preview", "green"}};
  return experiment;
}

class CircuitTest : public testing::Test {
 protected:
  void SetUp() override { rig.File({ABlueGreen()}); }
  const routing::ExperimentRoute& route() { return rig.controller().table()->experiments[0]; }
  ControllerRig rig;
};

TEST_F(CircuitTest, BeforeTheSwitchThePreviewGoesToTheCandidateWhichHasNoShare) {
  EXPECT_EQ(rig.Share("candidate"), 0);
  EXPECT_EQ(route().preview, (routing::PreviewRoute{"x-preview", "green", 1}));
  ASSERT_TRUE(rig.Obey(CommandKind::kPause).ok());
  EXPECT_TRUE(route().preview.has_value());
}

TEST_F(CircuitTest, AfterTheSwitchAndAfterARollbackThereIsNone) {
  ASSERT_TRUE(rig.Obey({.kind = CommandKind::kPromote, .is_full = true}).ok());
  EXPECT_EQ(rig.Share("candidate"), 1);
  EXPECT_FALSE(route().preview.has_value());
  ASSERT_TRUE(rig.Obey(CommandKind::kRollback).ok());
  EXPECT_EQ(rig.Share("candidate"), 0);
  EXPECT_FALSE(route().preview.has_value());
  ASSERT_TRUE(rig.Reset().ok());
  EXPECT_TRUE(route().preview.has_value());
}

TEST_F(CircuitTest, ARollbackSaysUntilWhenItsCandidatesAreDrained) {
  EXPECT_EQ(route().drained_by, absl::InfiniteFuture());
  rig.Run(3);
  ASSERT_TRUE(rig.Obey(CommandKind::kRollback).ok());
  const absl::Time drained_by = rig.now() + absl::Seconds(7);
  EXPECT_EQ(route().drained_by, drained_by);
  rig.Run(3);
  EXPECT_EQ(route().drained_by, drained_by);  // It is no later for having waited.
  rig.Restart();
  EXPECT_EQ(route().drained_by, drained_by);
  ASSERT_TRUE(rig.Reset().ok());
  EXPECT_EQ(route().drained_by, absl::InfiniteFuture());
}

TEST_F(CircuitTest, AnExperimentThatIsFrozenIsNotDrained) {
  rig.RestartUnreadable(absl::UnavailableError("no disk"));
  EXPECT_EQ(rig.Share("candidate"), 0);
  EXPECT_EQ(route().drained_by, absl::InfiniteFuture());
  EXPECT_FALSE(route().preview.has_value());
}

}  // namespace
}  // namespace weir::control
