// Named stories: what is known to be dangerous, told on the real control side with every rule listening.

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "test/simulator/rule.h"
#include "test/simulator/world.h"

namespace weir::simulator {
namespace {

using experiment::CommandKind;

constexpr char kProxy[] = R"(
apiVersion: weir/v1
kind: Proxy
metadata: {name: story}
spec:
  listener: {address: "127.0.0.1:0"}
  stateDirectory: state
  experiments: experiments/
  models:
    - {name: baseline, endpoints: ["baseline:1"]}
    - {name: candidate, endpoints: ["candidate:1"]}
    - {name: second, endpoints: ["second:1"]}
)";

constexpr char kExperiment[] = R"(
apiVersion: weir/v1
kind: Experiment
metadata: {name: exp0}
spec:
  default: baseline
  candidates: [{name: baseline, weight: 50}, {name: candidate, weight: 50}]
  match: {service: simulated.exp0}
  assignment: {key: [{header: x-user-id}]}
  metrics: [{name: accuracy, source: feedback, field: correct, type: proportion, goal: increase, role: primary}]
  guardrails:
    - {name: errors, metric: error_rate, compareTo: default, maxRatio: 1.5, alpha: 0.01, action: rollback}
  rollout: )";

constexpr char kLongSteps[] =
    "{strategy: canary, steps: [{setWeight: 20, pause: {duration: 2s}}, {setWeight: 50, pause: {duration: 20s}}], "
    "holdback: 10, watch: 2s}";
constexpr char kShortSteps[] =
    "{strategy: canary, steps: [{setWeight: 20, pause: {duration: 400ms}}, {setWeight: 50, pause: {duration: 400ms}}], "
    "holdback: 10, watch: 400ms}";
constexpr char kFile[] = "experiments/exp0.yaml";

// A world, a court that hears all of it, and what a story says.
class Story {
 public:
  explicit Story(const std::string& rollout, std::unique_ptr<Disk> disk = std::make_unique<MemoryDisk>(),
                 WorldShape shape = {})
      : disk_(std::move(disk)),
        court_(AllRules()),
        world(std::move(shape), *disk_, [this](const Event& event, absl::Time now) {
          court_.Hear(event, now);
          const auto* written = std::get_if<RowWritten>(&event);
          if (written != nullptr && IsStep(written->record)) actions.push_back(written->record.action());
          if (const auto* call = std::get_if<CallPlaced>(&event)) calls_diverted += call->is_diverted;
          const auto* answered = std::get_if<OutcomeAnswered>(&event);
          if (answered != nullptr && !answered->variant.empty() && absl::IsOutOfRange(answered->status)) {
            ++outcomes_too_late;
          }
        }) {
    world.files() = {{World::kProxyFile, kProxy}, {kFile, absl::StrCat(kExperiment, rollout, "\n")}};
    world.models() = {{"baseline", {}}, {"candidate", {}}};
  }

  v1::Phase phase() { return world.Status().phase(); }
  double share() { return world.Share("candidate"); }
  uint64_t Give(CommandKind kind) { return world.Give("exp0", {.kind = kind, .roles = {"operator"}}); }
  absl::StatusCode AnswerTo(uint64_t token) {
    const std::optional<absl::Status> answer = world.AnswerOf(token);
    return answer ? answer->code() : absl::StatusCode::kDeadlineExceeded;
  }
  // The file as it is, with these candidates, and without a rollout.
  void FileWeights(const std::string& candidates) {
    std::string& text = world.files()[kFile];
    if (const size_t rollout = text.find("  rollout: "); rollout != std::string::npos) text.erase(rollout);
    const size_t begin = text.find("candidates:"), end = text.find('\n', begin);
    text.replace(begin, end - begin, absl::StrCat("candidates: [", candidates, "]"));
    world.ReadFiles();
  }
  // Whether it is so within a minute.
  bool RunUntil(const std::function<bool()>& is_so) {
    for (int i = 0; i < 600; ++i) {
      if (is_so()) return true;
      world.Turn(stats::kTick);
    }
    return is_so();
  }
  bool RunUntil(v1::Phase wanted) {
    return RunUntil([&] { return phase() == wanted; });
  }
  bool RunUntilStep(uint32_t step) {
    return RunUntil([&] { return phase() == v1::STEPPING && world.Status().rollout().step() == step; });
  }
  // The last word: all is quiet, and no rule was broken.
  std::string Broken() {
    world.Settle();
    return court_.violations().empty() ? "" : court_.violations()[0];
  }

 private:
  std::unique_ptr<Disk> disk_;
  Court court_;

 public:
  std::vector<std::string> actions;  // Of all steps.
  int calls_diverted = 0;
  int outcomes_too_late = 0;  // Of calls that were served.
  World world;
};

TEST(StoryTest, AHealthyCanaryIsWalkedToItsEnd) {
  Story story(kShortSteps);
  EXPECT_TRUE(story.RunUntil(v1::COMPLETED));
  EXPECT_EQ(story.actions, (std::vector<std::string>{"run-opened", "step-entered", "promoted", "completed"}));
  EXPECT_EQ(story.Broken(), "");
}

TEST(StoryTest, ACandidateThatTurnsBadInStepTwoIsRolledBackUntilAPersonResets) {
  Story story(kLongSteps);
  ASSERT_TRUE(story.RunUntilStep(2));
  EXPECT_NEAR(story.share(), 0.5, 1e-12);
  story.world.models()["candidate"].error_rate = 0.3;
  ASSERT_TRUE(story.RunUntil(v1::ROLLED_BACK));
  EXPECT_TRUE(story.world.Status().has_breach());
  EXPECT_EQ(story.share(), 0);
  story.world.models()["candidate"].error_rate = 0.01;
  story.world.Kill("in the story");
  story.world.Run(absl::Seconds(5));
  EXPECT_EQ(story.world.processes(), 2);
  EXPECT_EQ(story.phase(), v1::ROLLED_BACK);
  EXPECT_EQ(story.AnswerTo(story.Give(CommandKind::kReset)), absl::StatusCode::kDeadlineExceeded) << "on its way";
  ASSERT_TRUE(story.RunUntilStep(1));
  EXPECT_EQ(story.world.Status().run(), 2u);
  EXPECT_EQ(story.Broken(), "");
}

TEST(StoryTest, AModelThatFlapsIsDivertedAndNotRolledBack) {
  Story story(kLongSteps);
  ASSERT_TRUE(story.RunUntilStep(2));
  for (int i = 0; i < 60; ++i) {
    story.world.models()["candidate"].is_healthy = i % 2 == 1;
    story.world.Run(absl::Milliseconds(300));
  }
  EXPECT_GT(story.calls_diverted, 100);
  EXPECT_NE(story.phase(), v1::ROLLED_BACK);
  ASSERT_TRUE(story.RunUntil(v1::COMPLETED));
  EXPECT_EQ(story.Broken(), "");
}

TEST(StoryTest, ACandidateThatWasDownForLongConcludesWhenItIsWell) {
  Story story(
      "{strategy: canary, steps: [{setWeight: 50, pause: {duration: 40s}, "
      "analysis: {nonInferiority: false, successCondition: error_rate.candidate < 0.1}}], holdback: 10, watch: 2s}",
      std::make_unique<MemoryDisk>(), {.users = 5000, .zipf = 0.3, .calls_per_second = 400, .outcomes = 0.05});
  ASSERT_TRUE(story.RunUntilStep(1));
  story.world.Run(absl::Seconds(5));
  story.world.models()["candidate"].is_healthy = false;
  story.world.Run(absl::Seconds(15));
  story.world.Kill("in the outage");  // What was counted of it is read back.
  story.world.Run(absl::Seconds(15));
  EXPECT_EQ(story.world.processes(), 2);
  EXPECT_GT(story.calls_diverted, 4000);
  EXPECT_EQ(story.phase(), v1::STEPPING) << story.world.Status().phase_reason();
  story.world.models()["candidate"].is_healthy = true;
  EXPECT_TRUE(story.RunUntil(v1::COMPLETED)) << story.world.Status().phase_reason();
  EXPECT_EQ(story.actions, (std::vector<std::string>{"run-opened", "promoted", "completed"}));
  EXPECT_EQ(story.Broken(), "");
}

TEST(StoryTest, AStormOfReloadsDuringTheRampKeepsEveryUserAndTheRampGoesOn) {
  Story story(kLongSteps);
  ASSERT_TRUE(story.RunUntilStep(1));
  const std::string good = story.world.files()[kFile];
  for (int i = 0; i < 200; ++i) {
    // Half written, touched, and as it was.
    const std::string touched = absl::StrCat(good, "# ", i, "\n");
    story.world.files()[kFile] = i % 3 == 0 ? good.substr(0, good.size() / 2) : i % 3 == 1 ? touched : good;
    story.world.ReadFiles();
    story.world.Turn(absl::Milliseconds(10));
  }
  EXPECT_EQ(story.world.Status().run(), 1u);
  story.world.files()[kFile] = good;
  story.world.ReadFiles();
  ASSERT_TRUE(story.RunUntil(v1::COMPLETED));
  EXPECT_EQ(story.actions, (std::vector<std::string>{"run-opened", "step-entered", "promoted", "completed"}));
  EXPECT_EQ(story.Broken(), "");
}

TEST(StoryTest, AClockThatIsSetBackAnHourHidesNoBreach) {
  Story story(kLongSteps);
  ASSERT_TRUE(story.RunUntilStep(2));
  story.world.Run(absl::Seconds(3));
  story.world.SetRestart(absl::Seconds(1), -absl::Hours(1));
  story.world.Kill("in the story");
  story.world.Run(absl::Seconds(3));
  EXPECT_EQ(story.phase(), v1::STEPPING);
  EXPECT_NEAR(story.share(), 0.5, 1e-12);
  story.world.models()["candidate"].error_rate = 0.3;
  EXPECT_TRUE(story.RunUntil(v1::ROLLED_BACK));
  EXPECT_EQ(story.Broken(), "");
}

TEST(StoryTest, AClockThatIsSetForwardADayOpensNothingWithoutSamples) {
  Story story(
      "{strategy: canary, steps: [{setWeight: 20, pause: {duration: 1s, minSamples: 100000}}, {setWeight: 50}], "
      "holdback: 10, watch: 2s}");
  ASSERT_TRUE(story.RunUntilStep(1));
  story.world.SetRestart(absl::Seconds(1), absl::Hours(24));
  story.world.Kill("in the story");
  story.world.Run(absl::Seconds(5));
  EXPECT_EQ(story.world.Status().rollout().step(), 1u);
  EXPECT_EQ(story.Broken(), "");
}

TEST(StoryTest, AFullDiskOpensNothingAndShutsAllTheSame) {
  Story story(kLongSteps);
  ASSERT_TRUE(story.RunUntilStep(1));
  story.world.disk().refusal = absl::ResourceExhaustedError("full");
  const uint64_t promotion = story.Give(CommandKind::kPromote);
  story.world.Run(absl::Seconds(1));
  EXPECT_EQ(story.AnswerTo(promotion), absl::StatusCode::kUnavailable);
  EXPECT_NEAR(story.share(), 0.2, 1e-12);
  const uint64_t rollback = story.Give(CommandKind::kRollback);
  EXPECT_EQ(story.share(), 0) << "at once";
  story.world.Run(absl::Seconds(1));
  EXPECT_EQ(story.AnswerTo(rollback), absl::StatusCode::kUnavailable) << "in force, and not in the journal yet";
  story.world.disk().refusal = absl::OkStatus();
  story.world.Run(absl::Seconds(2));
  EXPECT_EQ(story.actions.back(), "rolled-back");
  story.world.Kill("in the story");
  story.world.Run(absl::Seconds(2));
  EXPECT_EQ(story.phase(), v1::ROLLED_BACK);
  EXPECT_EQ(story.Broken(), "");
}

TEST(StoryTest, AnOpeningThatIsOnTheDiskThoughItWasRefusedIsNotInForceAfterACrash) {
  Story story("{strategy: canary, steps: [{setWeight: 20, pause: {duration: 60s}}, {setWeight: 50}]}",
              std::make_unique<SqliteDisk>(testing::TempDir()));
  ASSERT_TRUE(story.RunUntilStep(1));
  story.world.disk().unsynced = absl::UnavailableError("the commit could not be synced");
  const uint64_t promotion = story.Give(CommandKind::kPromote);
  story.world.Run(absl::Seconds(2));
  EXPECT_EQ(story.AnswerTo(promotion), absl::StatusCode::kUnavailable);
  EXPECT_NEAR(story.share(), 0.2, 1e-12);
  story.world.Kill("in the story");
  story.world.disk().unsynced = absl::OkStatus();
  story.world.Run(absl::Seconds(2));
  EXPECT_EQ(story.world.processes(), 2);
  EXPECT_NEAR(story.share(), 0.2, 1e-12);
  EXPECT_EQ(story.world.Status().rollout().step(), 1u);
  EXPECT_EQ(story.Broken(), "");
}

TEST(StoryTest, ARollbackOvertakesAnOpeningStepThatIsOnItsWay) {
  Story story(kLongSteps);
  ASSERT_TRUE(story.RunUntilStep(1));
  story.world.disk().until_write = absl::Milliseconds(300);
  const uint64_t promotion = story.Give(CommandKind::kPromote);
  const uint64_t rollback = story.Give(CommandKind::kRollback);
  EXPECT_EQ(story.share(), 0);
  EXPECT_EQ(story.AnswerTo(promotion), absl::StatusCode::kDeadlineExceeded);
  story.world.Run(absl::Seconds(1));
  EXPECT_EQ(story.AnswerTo(promotion), absl::StatusCode::kAborted);
  EXPECT_EQ(story.AnswerTo(rollback), absl::StatusCode::kOk);
  EXPECT_EQ(story.share(), 0);
  EXPECT_EQ(story.actions.back(), "rolled-back");
  EXPECT_EQ(story.Broken(), "");
}

TEST(StoryTest, ALatchThatCannotBeReadIsShutAndFoundLater) {
  Story story(kLongSteps);
  ASSERT_TRUE(story.RunUntilStep(1));
  story.Give(CommandKind::kRollback);
  story.world.Run(absl::Seconds(1));
  story.world.disk().unreadable = absl::DataLossError("damaged");
  story.world.Kill("in the story");
  story.world.Run(absl::Seconds(3));
  EXPECT_EQ(story.phase(), v1::FROZEN);
  EXPECT_EQ(story.share(), 0);
  const uint64_t reset = story.Give(CommandKind::kReset);
  EXPECT_EQ(story.AnswerTo(reset), absl::StatusCode::kUnavailable);
  story.world.disk().unreadable = absl::OkStatus();
  ASSERT_TRUE(story.RunUntil(v1::ROLLED_BACK));
  EXPECT_EQ(story.share(), 0);
  story.Give(CommandKind::kReset);
  ASSERT_TRUE(story.RunUntilStep(1));
  EXPECT_EQ(story.world.Status().run(), 2u);
  EXPECT_EQ(story.Broken(), "");
}

TEST(StoryTest, AnExperimentThatIsRemovedAndAddedAgainStaysRolledBack) {
  Story story(kLongSteps);
  ASSERT_TRUE(story.RunUntilStep(1));
  story.Give(CommandKind::kAbort);
  const std::string file = story.world.files()[kFile];
  story.world.files().erase(kFile);
  story.world.files()["experiments/.kept"] = "";
  story.world.ReadFiles();
  story.world.Run(absl::Seconds(1));
  EXPECT_EQ(story.phase(), v1::PHASE_UNSPECIFIED) << "in no file";
  story.world.Kill("in the story");
  story.world.Run(absl::Seconds(2));
  story.world.files()[kFile] = file;
  story.world.ReadFiles();
  story.world.Run(absl::Seconds(1));
  EXPECT_EQ(story.phase(), v1::ROLLED_BACK);
  EXPECT_EQ(story.Broken(), "");
}

TEST(StoryTest, AControlThreadThatIsHeldUpLosesNoCall) {
  Story story(kLongSteps, std::make_unique<MemoryDisk>(), {.mailbox = 2});
  ASSERT_TRUE(story.RunUntilStep(1));
  story.world.HoldUp(absl::Seconds(4));  // Forty reports of each of two workers, and room for two.
  story.world.Run(absl::Seconds(6));
  ASSERT_TRUE(story.RunUntil(v1::COMPLETED));
  EXPECT_EQ(story.Broken(), "");
}

TEST(StoryTest, AnEpochThatACrashForgotIsNotTakenForTheNextOfItsNumber) {
  Story story(kLongSteps);
  story.FileWeights("{name: baseline, weight: 50}, {name: candidate, weight: 50}");
  story.world.Run(absl::Seconds(3));
  story.world.disk().refusal = absl::UnavailableError("for a moment");
  story.FileWeights("{name: baseline, weight: 90}, {name: second, weight: 0}, {name: candidate, weight: 10}");
  story.world.Turn(absl::Milliseconds(10));
  story.world.disk().refusal = absl::OkStatus();
  // The next write is a checkpoint, before the row is tried again.
  story.world.DieWhere([](Moment moment) { return moment == Moment::kAfterWrite; });
  EXPECT_TRUE(story.RunUntil([&] { return !story.world.is_alive(); }));
  story.world.DieWhere({});
  story.FileWeights("{name: baseline, weight: 50}, {name: candidate, weight: 50}");
  story.world.Run(absl::Seconds(3));
  EXPECT_EQ(story.world.processes(), 2);
  story.FileWeights("{name: baseline, weight: 60}, {name: candidate, weight: 40}");
  story.world.Run(absl::Seconds(8));
  EXPECT_EQ(story.Broken(), "");
}

TEST(StoryTest, LateOutcomesOfAForgottenEpochCountForNobodyThoughTheClockWasSetBack) {
  Story story(kLongSteps);
  story.world.models()["second"] = {};
  story.FileWeights("{name: baseline, weight: 50}, {name: candidate, weight: 50}");
  story.world.Run(absl::Seconds(3));
  story.world.disk().refusal = absl::UnavailableError("for a moment");
  story.FileWeights("{name: baseline, weight: 60}, {name: candidate, weight: 40}");
  story.world.Run(absl::Seconds(2));
  story.world.SetRestart(absl::Seconds(1), -absl::Hours(1));
  story.world.Kill("in the story");
  story.world.disk().refusal = absl::OkStatus();
  story.FileWeights("{name: second, weight: 30}, {name: baseline, weight: 40}, {name: candidate, weight: 30}");
  story.world.Run(absl::Seconds(8));
  EXPECT_EQ(story.world.processes(), 2);
  EXPECT_GT(story.outcomes_too_late, 0);
  EXPECT_EQ(story.Broken(), "");
}

// --- A crash at every moment of a short rollout.

// Dies once, at the moment of that number, of those that are wanted; how many there were.
struct DieOnce {
  int at = -1;
  bool wants_effects = true;
  int count = 0;
  bool operator()(Moment moment) {
    if (moment == Moment::kBetweenEffects && !wants_effects) return false;
    return count++ == at;
  }
};

// A canary and a rollback, with a crash at that moment; the number of moments. Negative: none.
int RunWithACrashAt(int moment, bool wants_effects, std::unique_ptr<Disk> disk) {
  SCOPED_TRACE(absl::StrCat("killed at moment ", moment));
  Story story(kShortSteps, std::move(disk), {.calls_per_second = 30});
  DieOnce dies{.at = moment, .wants_effects = wants_effects};
  story.world.DieWhere([&](Moment at) { return dies(at); });
  EXPECT_TRUE(story.RunUntil(v1::COMPLETED));
  // A crash may have kept the command from being heard: its giver tries again.
  for (int i = 0; i < 3 && story.phase() != v1::ROLLED_BACK; ++i) {
    story.Give(CommandKind::kRollback);
    story.world.Run(absl::Seconds(2));
  }
  story.world.DieWhere({});
  story.world.Run(absl::Seconds(2));
  EXPECT_EQ(story.phase(), v1::ROLLED_BACK);
  EXPECT_EQ(story.share(), 0);
  EXPECT_EQ(story.world.processes(), moment < 0 ? 1 : 2);
  story.world.Kill("at the end");
  story.world.Run(absl::Seconds(2));
  EXPECT_EQ(story.phase(), v1::ROLLED_BACK);
  EXPECT_EQ(story.Broken(), "");
  return dies.count;
}

TEST(CrashTest, AtEveryWriteAndEffectOfAShortRolloutItGoesOnFromTheJournal) {
  const int moments = RunWithACrashAt(-1, /*wants_effects=*/true, std::make_unique<MemoryDisk>());
  EXPECT_GT(moments, 30);
  for (int moment = 0; moment < moments && !testing::Test::HasFailure(); ++moment) {
    RunWithACrashAt(moment, /*wants_effects=*/true, std::make_unique<MemoryDisk>());
  }
}

TEST(CrashTest, AtEveryWriteOfTheRealStoreItGoesOnFromTheJournal) {
  const auto disk = [] { return std::make_unique<SqliteDisk>(testing::TempDir()); };
  const int moments = RunWithACrashAt(-1, /*wants_effects=*/false, disk());
  EXPECT_GT(moments, 10);
  for (int moment = 0; moment < moments && !testing::Test::HasFailure(); ++moment) {
    RunWithACrashAt(moment, /*wants_effects=*/false, disk());
  }
}

}  // namespace
}  // namespace weir::simulator
