#include "router/dataplane/sequence_pins.h"

#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"
#include "router/dataplane/call_simulation.h"

namespace weir::dataplane {
namespace {

constexpr uint32_t kRun = 7;

class SequencePinsTest : public testing::Test {
 protected:
  absl::Time now_ = absl::FromUnixSeconds(1'700'000'000);
  SequencePins pins_{&now_, 3};
};

TEST_F(SequencePinsTest, ASequenceStaysWhereItsFirstCallWent) {
  EXPECT_EQ(pins_.Find(kRun, 1), std::nullopt);
  pins_.Keep(kRun, 1, 0);
  pins_.Keep(kRun, 1, 1);
  EXPECT_EQ(pins_.Find(kRun, 1), 0);
  EXPECT_EQ(pins_.Find(kRun + 1, 1), std::nullopt);  // Another run is another sequence.
}

TEST_F(SequencePinsTest, BeyondItsBoundTheOneSilentForLongestIsForgotten) {
  for (const uint64_t sequence : {1, 2, 3}) pins_.Keep(kRun, sequence, 1);
  pins_.Keep(kRun, 1, 1);  // Heard of again.
  pins_.Keep(kRun, 4, 1);
  EXPECT_EQ(pins_.size(), 3u);
  EXPECT_EQ(pins_.Find(kRun, 2), std::nullopt);
  for (const uint64_t sequence : {1, 3, 4}) EXPECT_EQ(pins_.Find(kRun, sequence), 1) << sequence;
}

TEST_F(SequencePinsTest, ASilentSequenceIsForgottenAndItsPlaceIsFree) {
  pins_.Keep(kRun, 1, 1);
  now_ += config::limits::kSequenceIdle;
  EXPECT_EQ(pins_.Find(kRun, 1), 1);
  now_ += absl::Seconds(1);
  EXPECT_EQ(pins_.Find(kRun, 1), std::nullopt);
  pins_.Keep(kRun, 2, 0);
  EXPECT_EQ(pins_.size(), 1u);
  pins_.Keep(kRun, 1, 0);
  EXPECT_EQ(pins_.Find(kRun, 1), 0);
}

TEST_F(SequencePinsTest, OfTwoWorkersThatKnowASequenceTheEarlierIsBelieved) {
  SequencePins other(&now_, 3);
  pins_.Keep(kRun, 1, 1);
  pins_.Keep(kRun, 2, 1);
  now_ += absl::Seconds(1);
  other.Keep(kRun, 1, 0);
  other.Learn(pins_.Share(kRun));
  pins_.Learn(other.Share(kRun));
  for (const uint64_t sequence : {1, 2}) {
    EXPECT_EQ(pins_.Find(kRun, sequence), 1);
    EXPECT_EQ(other.Find(kRun, sequence), 1);
  }
}

TEST_F(SequencePinsTest, ASequenceThatBeginsAnewIsPlacedAnew) {
  EXPECT_TRUE(pins_.Keep(kRun, 1, 0).is_first);
  EXPECT_FALSE(pins_.Keep(kRun, 1, 1).is_first);
  EXPECT_TRUE(pins_.Keep(kRun, 1, 1, /*begins_anew=*/true).is_first);
  EXPECT_EQ(pins_.Find(kRun, 1), 1);
  EXPECT_EQ(pins_.size(), 1u);
}

TEST_F(SequencePinsTest, ASequenceThatEndedIsForgottenAndItsPlaceIsFree) {
  pins_.Keep(kRun, 1, 0);
  pins_.Keep(kRun, 2, 0);
  pins_.End(pins_.Keep(kRun, 1, 0).use);
  EXPECT_EQ(pins_.Find(kRun, 1), std::nullopt);
  EXPECT_EQ(pins_.Find(kRun, 2), 0);
  EXPECT_EQ(pins_.size(), 1u);
  EXPECT_TRUE(pins_.Keep(kRun, 1, 1).is_first);
}

TEST_F(SequencePinsTest, TheEndOfOneUseIsNotThatOfTheNext) {
  const SequenceUse first = pins_.Keep(kRun, 1, 0).use;
  const SequenceUse second = pins_.Keep(kRun, 1, 1, /*begins_anew=*/true).use;
  pins_.Move(first, 0);
  pins_.End(first);
  EXPECT_EQ(pins_.Find(kRun, 1), 1);
  pins_.End(second);
  EXPECT_EQ(pins_.Find(kRun, 1), std::nullopt);
  pins_.End(second);
  pins_.Move(second, 1);
  EXPECT_EQ(pins_.size(), 0u);
  EXPECT_TRUE(pins_.Keep(kRun, 1, 1).is_first);
  pins_.End(second);  // Of a use long before.
  EXPECT_EQ(pins_.Find(kRun, 1), 1);
}

TEST_F(SequencePinsTest, OfTwoWorkersThatKnowASequenceTheLaterUseIsBelieved) {
  SequencePins other(&now_, 3);
  other.Keep(kRun, 1, 0);
  pins_.Keep(kRun, 2, 0, /*begins_anew=*/true);
  now_ += absl::Seconds(1);
  pins_.Keep(kRun, 1, 1, /*begins_anew=*/true);
  other.Keep(kRun, 2, 1, /*begins_anew=*/true);
  other.Learn(pins_.Share(kRun));
  pins_.Learn(other.Share(kRun));
  for (const SequencePins* pins : {&pins_, &other}) {
    EXPECT_EQ(pins->Find(kRun, 1), 1);
    EXPECT_EQ(pins->Find(kRun, 2), 1);
  }
}

TEST_F(SequencePinsTest, TheEndOfAUseBeforeIsNotThatOfALearntOne) {
  SequencePins other(&now_, 3);
  const SequenceUse before = pins_.Keep(kRun, 1, 0).use;
  now_ += absl::Seconds(1);
  other.Keep(kRun, 1, 1, /*begins_anew=*/true);
  pins_.Learn(other.Share(kRun));
  pins_.End(before);
  EXPECT_EQ(pins_.Find(kRun, 1), 1);
}

TEST_F(SequencePinsTest, WhatIsOnlyLearntIsNotToldOnSoThatAnEndedSequenceStaysEnded) {
  SequencePins other(&now_, 3);
  const SequenceUse use = pins_.Keep(kRun, 1, 1).use;
  other.Learn(pins_.Share(kRun));
  EXPECT_TRUE(other.Share(kRun).empty());
  pins_.End(use);
  pins_.Learn(other.Share(kRun));
  EXPECT_EQ(pins_.Find(kRun, 1), std::nullopt);
  other.Keep(kRun, 1, 1);  // It went on there after all.
  EXPECT_EQ(other.Share(kRun).size(), 1u);
}

TEST_F(SequencePinsTest, WhatIsLearntTakesNobodysPlace) {
  SequencePins other(&now_, 8);
  for (uint64_t sequence = 10; sequence < 18; ++sequence) other.Keep(kRun, sequence, 0);
  pins_.Keep(kRun, 1, 1);
  pins_.Learn(other.Share(kRun));
  EXPECT_EQ(pins_.size(), 3u);
  EXPECT_EQ(pins_.Find(kRun, 1), 1);
}

TEST(RunsThatMovedTest, AreThoseThatKnowSequencesAndHaveOtherWeightsNow) {
  routing::RouteTable before;
  before.experiments.resize(2);
  before.experiments[0].run = 1;
  before.experiments[0].sequence = config::SequenceKey{"x-sequence"};
  before.experiments[0].variants = {{"a", 1}, {"b", 0}};
  before.experiments[1].run = 2;
  routing::RouteTable after = before;
  EXPECT_TRUE(RunsThatMoved(before, after).empty());
  after.experiments[1].variants = after.experiments[0].variants = {{"a", 1}, {"b", 1}};
  EXPECT_EQ(RunsThatMoved(before, after), std::vector<uint32_t>{1});
  after.experiments[0].run = 3;
  EXPECT_TRUE(RunsThatMoved(before, after).empty());
}

// --- Within calls.

class SequenceOfCallsTest : public testing::Test {
 protected:
  SequenceOfCallsTest() { calls_.table().experiments[0].sequence = config::SequenceKey{"x-sequence"}; }
  void SetWeights(uint32_t baseline, uint32_t candidate) {
    calls_.table().experiments[0].variants = {{"baseline", baseline}, {"candidate", candidate}};
  }
  // A whole call; the model that got it.
  size_t Call(std::string_view sequence, std::string_view user = "u") {
    for (size_t i = 0; i < 2; ++i) calls_.model(i).Take();
    calls_.Ask("/exp.S/M", Message("x"), true, {"x-user", user, "x-sequence", sequence});
    for (size_t i = 0; i < 2; ++i) {
      if (CallEvents(calls_.model(i)).empty()) continue;
      const http2::StreamId stream = 2 * asked_[i]++ + 1;
      calls_.model(i).session().SendHeaders(stream, http2::Fields({":status", "200", "grpc-status", "0"}), true);
      calls_.Run();
      return i;
    }
    return 99;
  }

  // Of all users.
  int64_t uncompared(uint16_t variant) {
    const auto& by_user = calls_.inference(variant).uncompared();
    return std::accumulate(by_user.begin(), by_user.end(), int64_t{0});
  }

  CallSimulation calls_;
  int asked_[2] = {0, 0};
};

TEST_F(SequenceOfCallsTest, ChangedWeightsMoveNewSequencesAndNotThoseUnderWay) {
  EXPECT_EQ(Call("one"), 1u);
  SetWeights(100, 0);
  EXPECT_EQ(Call("one"), 1u);
  EXPECT_EQ(Call("two"), 0u);
  EXPECT_EQ(Call("one", "somebody else"), 0u);  // Who has an own sequence of that name.
  SetWeights(0, 100);
  EXPECT_EQ(Call("two"), 0u);
}

TEST_F(SequenceOfCallsTest, ACallThatTheWeightsWouldMoveEntersNoInference) {
  Call("one");
  EXPECT_EQ(calls_.inference(1).started(), 1);
  SetWeights(100, 0);
  Call("one");
  EXPECT_EQ(calls_.inference(1).started(), 1);
  EXPECT_EQ(calls_.inference(0).started(), 0);
  EXPECT_EQ(uncompared(0), 1) << "to whom the weights give its user now";
  EXPECT_EQ(uncompared(1), 0);
  EXPECT_EQ(calls_.served(1).by_reason[static_cast<int>(stats::Reason::kAssigned)], 2);
}

TEST_F(SequenceOfCallsTest, AfterARollbackASequenceGoesOnUntilTheDrainIsOver) {
  EXPECT_EQ(Call("one"), 1u);
  SetWeights(1, 0);
  calls_.table().experiments[0].drained_by = calls_.now + absl::Seconds(5);
  calls_.AdoptTable();
  EXPECT_EQ(Call("one"), 1u);
  EXPECT_EQ(Call("new"), 0u);
  calls_.Advance(absl::Seconds(5));
  EXPECT_EQ(Call("one"), 0u);
}

TEST_F(SequenceOfCallsTest, ASequenceThatWasDivertedAtItsBeginningStaysThere) {
  calls_.models_.SetHealthy(1, false);
  EXPECT_EQ(Call("one"), 0u);
  calls_.models_.SetHealthy(1, true);
  EXPECT_EQ(Call("one"), 0u);
  EXPECT_EQ(uncompared(1), 2) << "the rule gives its user the candidate all the time";
  EXPECT_EQ(Call("two"), 1u);
  EXPECT_EQ(calls_.inference(1).started(), 1);
  EXPECT_EQ(uncompared(1), 2);
  EXPECT_TRUE(calls_.inference(0).empty());
}

TEST_F(SequenceOfCallsTest, ACallThatIsBothBoundAndDivertedIsAssignedOnce) {
  Call("one");
  SetWeights(100, 0);
  calls_.models_.SetHealthy(1, false);
  EXPECT_EQ(Call("one"), 0u);
  EXPECT_EQ(uncompared(0), 1);
  EXPECT_EQ(uncompared(1), 0);
  EXPECT_EQ(calls_.inference(0).started(), 0);
}

TEST_F(SequenceOfCallsTest, WithoutAKeyTheSequenceIsTheUser) {
  SetWeights(50, 50);
  for (int i = 0; i < 40; ++i) {
    const std::string sequence = std::to_string(i);
    const size_t first = Call(sequence, "");
    calls_.services_.sequences.Forget(kRun);  // As another worker, which has heard nothing.
    EXPECT_EQ(Call(sequence, ""), first);
  }
  EXPECT_EQ(calls_.served(0).keyless + calls_.served(1).keyless, 0);
}

}  // namespace
}  // namespace weir::dataplane
