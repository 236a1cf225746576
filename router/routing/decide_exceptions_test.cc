// Calls that are not placed by the weights of now: previews and sequences. What a body says. And which are logged.

#include <limits>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "router/routing/decide_rig.h"

namespace weir::routing {
namespace {

using Kind = Decision::Kind;
using stats::Reason;

class DecideExceptionsTest : public testing::Test {
 protected:
  DecideExceptionsTest() : rig_(TwoModels()) {}
  ExperimentRoute& experiment() { return rig_.table().experiments[0]; }
  Decision Go(const ListedHeaders& headers) { return rig_.Go(headers); }

  static RouteTable TwoModels() {
    RouteTable table;
    table.models = {{"baseline", {}, {}, {}}, {"candidate", {}, {}, {}}};
    ExperimentRoute route;
    route.name = "e";
    route.match = {"*", ""};
    route.run = 4;
    route.key_sources = {{"x-user"}};
    route.variants = {{"baseline", 100}, {"candidate", 0}};
    route.variant_models = {0, 1};
    route.issues_tickets = true;
    table.experiments = {route};
    return table;
  }

  DecideRig rig_;
};

TEST_F(DecideExceptionsTest, APreviewGoesToTheCandidateAndEntersNoInference) {
  experiment().preview = {"x-preview", "green", 1};
  const Decision decision = Go({{"x-user", "u"}, {"x-preview", "green"}});
  EXPECT_EQ(decision.kind, Kind::kForward);
  EXPECT_EQ(decision.assigned, 1);
  EXPECT_EQ(decision.model, 1);
  EXPECT_EQ(decision.reason, Reason::kTargeted);
  EXPECT_FALSE(decision.enters_inference);
  EXPECT_FALSE(decision.wants_ticket);
}

TEST_F(DecideExceptionsTest, APreviewsValueIsComparedByteForByteAndAnyWillDoWhereNoneIsAskedFor) {
  experiment().preview = {"x-preview", "green", 1};
  for (const char* value : {"", "Green", "green ", "blue"}) {
    EXPECT_EQ(Go({{"x-user", "u"}, {"x-preview", value}}).reason, Reason::kAssigned) << value;
  }
  experiment().preview->value = "";
  EXPECT_EQ(Go({{"x-preview", "anything"}}).reason, Reason::kTargeted);
  EXPECT_EQ(Go({{"x-preview", ""}}).reason, Reason::kAssigned);
}

TEST_F(DecideExceptionsTest, APreviewThatOccursTwiceIsRefused) {
  experiment().preview = {"x-preview", "green", 1};
  EXPECT_EQ(Go({{"x-preview", "green"}, {"x-preview", "green"}}).kind, Kind::kRepeatedKey);
  experiment().preview.reset();
  EXPECT_EQ(Go({{"x-preview", "green"}, {"x-preview", "green"}}).kind, Kind::kForward);
}

TEST_F(DecideExceptionsTest, APreviewIsNeverDiverted) {
  experiment().preview = {"x-preview", "", 1};
  rig_.SetHealthy("candidate", false);
  EXPECT_EQ(Go({{"x-preview", "1"}}).kind, Kind::kUnavailable);
  EXPECT_EQ(Go({{"x-user", "u"}}).kind, Kind::kForward);
}

TEST_F(DecideExceptionsTest, ARememberedSequenceGoesWhereItWentAndTheRestByTheWeights) {
  experiment().sequence = config::SequenceKey{"x-sequence"};
  const Decision first = Go({{"x-user", "u"}, {"x-sequence", "s"}});
  ASSERT_NE(first.sequence, 0u);
  EXPECT_TRUE(first.enters_inference);
  rig_.sequences().known[{4, first.sequence}] = 1;
  const Decision next = Go({{"x-user", "u"}, {"x-sequence", "s"}});
  EXPECT_EQ(next.assigned, 1);
  EXPECT_EQ(next.by_rule, 0) << "what the weights say, all the same";
  EXPECT_EQ(next.reason, Reason::kAssigned);
  EXPECT_FALSE(next.enters_inference);
  EXPECT_FALSE(next.wants_ticket);
  EXPECT_EQ(Go({{"x-user", "v"}, {"x-sequence", "s"}}).assigned, 0);
  EXPECT_EQ(Go({{"x-user", "u"}, {"x-sequence", "t"}}).assigned, 0);
  EXPECT_EQ(Go({{"x-user", "u"}}).assigned, 0);
  experiment().run = 5;
  EXPECT_EQ(Go({{"x-user", "u"}, {"x-sequence", "s"}}).assigned, 0);
}

TEST_F(DecideExceptionsTest, ASequenceThatIsWhereTheWeightsWouldHaveItEntersInference) {
  experiment().sequence = config::SequenceKey{"x-sequence"};
  rig_.sequences().known[{4, Go({{"x-user", "u"}, {"x-sequence", "s"}}).sequence}] = 0;
  EXPECT_TRUE(Go({{"x-user", "u"}, {"x-sequence", "s"}}).enters_inference);
}

TEST_F(DecideExceptionsTest, ASequenceThatOccursTwiceIsRefused) {
  experiment().sequence = config::SequenceKey{"x-sequence"};
  EXPECT_EQ(Go({{"x-sequence", "s"}, {"x-sequence", "s"}}).kind, Kind::kRepeatedKey);
}

TEST_F(DecideExceptionsTest, WithoutAKeyTheSequenceIsTheUser) {
  experiment().sequence = config::SequenceKey{"x-sequence"};
  experiment().variants = {{"baseline", 50}, {"candidate", 50}};
  int to_candidate = 0;
  for (int i = 0; i < 2000; ++i) {
    const ListedHeaders headers = {{"x-sequence", std::to_string(i)}};
    const Decision decision = Go(headers);
    EXPECT_EQ(Go(headers).assigned, decision.assigned);
    EXPECT_FALSE(decision.is_keyless);
    to_candidate += decision.assigned;
  }
  EXPECT_NEAR(to_candidate, 1000, 5 * 22.4);
}

// --- What the body says.

const config::SequenceKey kTriton = {"", "sequence_id", "sequence_start", "sequence_end"};

class DecideByBodyTest : public DecideExceptionsTest {
 protected:
  DecideByBodyTest() {
    experiment().sequence = kTriton;
    experiment().parameters = {"sequence_end", "sequence_id", "sequence_start", "user_id"};
  }
  Decision GoWith(const std::vector<Parameter>& parameters, const std::string& user = "u") {
    return rig_.Go({{"x-user", user}}, parameters);
  }
  // What is remembered of the sequence that these parameters name.
  uint16_t& PlaceOf(const std::vector<Parameter>& parameters) {
    return rig_.sequences().known[{4, GoWith(parameters).sequence}];
  }
};

TEST_F(DecideByBodyTest, ACallWhoseRuleAsksForItsBodyWaitsForItAndNoOtherDoes) {
  EXPECT_EQ(Go({{"x-user", "u"}}).kind, Kind::kNeedsBody);
  EXPECT_EQ(Go({{"x-user", "u"}}).experiment, 0);
  EXPECT_EQ(rig_.Go({{"x-user", "u"}}, "/inference.GRPCInferenceService/ModelStreamInfer").kind, Kind::kNeedsBody);
  EXPECT_EQ(GoWith({}).kind, Kind::kForward);
  EXPECT_EQ(GoWith({}).sequence, 0u);
  // Their requests carry no parameters.
  EXPECT_EQ(rig_.Go({{"x-user", "u"}}, "/inference.GRPCInferenceService/ModelReady").kind, Kind::kForward);
  EXPECT_EQ(rig_.Go({{"x-user", "u"}}, "/shop.Recommender/ModelInfer").kind, Kind::kForward);
}

TEST_F(DecideByBodyTest, WhoIsForcedPreviewedOrRefusedDoesNotWait) {
  experiment().preview = {"x-preview", "", 1};
  EXPECT_EQ(Go({{"x-preview", "1"}}).kind, Kind::kForward);
  EXPECT_EQ(Go({{"x-preview", "1"}, {"x-preview", "1"}}).kind, Kind::kRepeatedKey);
  rig_.table().force_variant_header = {"x-force", {*config::ParseNetwork("127.0.0.0/8")}};
  EXPECT_EQ(Go({{"x-force", "candidate"}}).kind, Kind::kForward);
  EXPECT_EQ(Go({{"x-force", "nobody"}}).kind, Kind::kUnknownForced);
}

TEST_F(DecideByBodyTest, ARememberedSequenceGoesWhereItWentWhicheverKindOfNumberOrTextNamesIt) {
  PlaceOf({{"sequence_id", int64_t{42}}}) = 1;
  EXPECT_EQ(GoWith({{"sequence_id", int64_t{42}}}).assigned, 1);
  EXPECT_EQ(GoWith({{"sequence_id", uint64_t{42}}}).assigned, 1);
  EXPECT_EQ(GoWith({{"sequence_id", std::string_view("42")}}).assigned, 1);
  EXPECT_EQ(GoWith({{"sequence_id", int64_t{-42}}}).assigned, 0);
  EXPECT_EQ(GoWith({{"sequence_id", int64_t{42}}}, "another user").assigned, 0);
  EXPECT_EQ(GoWith({{"sequence_start", int64_t{42}}}).assigned, 0);
}

TEST_F(DecideByBodyTest, TheLongestNumbersAreTheirText) {
  const auto number = [&](auto value) { return GoWith({{"sequence_id", value}}).sequence; };
  EXPECT_EQ(number(std::numeric_limits<int64_t>::min()), number(std::string_view("-9223372036854775808")));
  EXPECT_EQ(number(std::numeric_limits<uint64_t>::max()), number(std::string_view("18446744073709551615")));
}

TEST_F(DecideByBodyTest, ZeroAndNothingAndYesNameNoSequence) {
  for (const Parameter& none : std::vector<Parameter>{{"sequence_id", int64_t{0}},
                                                      {"sequence_id", uint64_t{0}},
                                                      {"sequence_id", std::string_view("")},
                                                      {"sequence_id", true}}) {
    const Decision decision = GoWith({none, {"sequence_start", true}, {"sequence_end", true}});
    EXPECT_EQ(decision.kind, Kind::kForward);
    EXPECT_EQ(decision.sequence, 0u);
    EXPECT_FALSE(decision.begins_sequence);
    EXPECT_FALSE(decision.ends_sequence);
  }
  EXPECT_NE(GoWith({{"sequence_id", std::string_view("0")}}).sequence, 0u);
}

TEST_F(DecideByBodyTest, ASequenceThatBeginsAnewIsPlacedByTheRule) {
  PlaceOf({{"sequence_id", int64_t{42}}}) = 1;
  const Decision anew = GoWith({{"sequence_id", int64_t{42}}, {"sequence_start", true}});
  EXPECT_EQ(anew.assigned, 0);
  EXPECT_TRUE(anew.begins_sequence);
  EXPECT_TRUE(anew.enters_inference);
  EXPECT_EQ(GoWith({{"sequence_id", int64_t{42}}, {"sequence_start", false}}).assigned, 1);
  EXPECT_EQ(GoWith({{"sequence_id", int64_t{42}}, {"sequence_start", int64_t{1}}}).assigned, 1);
}

TEST_F(DecideByBodyTest, TheLastCallOfASequenceGoesWhereItWentAndSaysSo) {
  PlaceOf({{"sequence_id", int64_t{42}}}) = 1;
  const Decision last = GoWith({{"sequence_id", int64_t{42}}, {"sequence_end", true}});
  EXPECT_EQ(last.assigned, 1);
  EXPECT_TRUE(last.ends_sequence);
  EXPECT_FALSE(GoWith({{"sequence_id", int64_t{42}}}).ends_sequence);
}

TEST_F(DecideByBodyTest, TheKeyIsTheFirstPresentOfHeadersAndParameters) {
  experiment().sequence.reset();
  experiment().key_sources = {{"x-user"}, {"user_id", /*is_parameter=*/true}, {"x-session"}};
  const auto user = [&](const ListedHeaders& headers, std::string_view id) {
    return rig_.Go(headers, {{"user_id", id}}).user;
  };
  // With the header there is nothing to wait for.
  EXPECT_EQ(Go({{"x-user", "ann"}}).user, UserNumber("ann"));
  EXPECT_EQ(Go({{"x-session", "s"}}).kind, Kind::kNeedsBody);
  EXPECT_EQ(user({{"x-session", "s"}}, "bob"), UserNumber("bob"));
  EXPECT_EQ(user({{"x-user", "ann"}}, "bob"), UserNumber("ann"));
  EXPECT_EQ(user({{"x-session", "s"}}, ""), UserNumber("s"));
  EXPECT_EQ(rig_.Go({}, {{"user_id", int64_t{0}}}).user, UserNumber("0"));
  EXPECT_TRUE(rig_.Go({}, std::vector<Parameter>()).is_keyless);
  experiment().key_sources = {{"user_id", /*is_parameter=*/true}, {"x-user"}};
  EXPECT_EQ(user({{"x-user", "ann"}}, "bob"), UserNumber("bob"));
}

TEST_F(DecideExceptionsTest, TheLogHasAllCallsOfAUserOrNoneWhateverTheirVariant) {
  experiment().variants = {{"baseline", 50}, {"candidate", 50}};
  EXPECT_FALSE(Go({{"x-user", "u"}}).is_logged);
  rig_.table().log_sample = *config::Percent::FromDouble(10);
  int logged[2] = {0, 0};
  for (int i = 0; i < 20'000; ++i) {
    const ListedHeaders headers = {{"x-user", std::to_string(i)}};
    const Decision decision = Go(headers);
    EXPECT_EQ(Go(headers).is_logged, decision.is_logged);
    EXPECT_EQ(decision.user_bucket, BucketOf(decision.user));
    logged[decision.assigned] += decision.is_logged;
  }
  EXPECT_NEAR(logged[0], 1000, 5 * 31);
  EXPECT_NEAR(logged[1], 1000, 5 * 31);
  rig_.table().log_sample = config::Percent::All();
  EXPECT_TRUE(Go({{"x-user", "u"}}).is_logged);
  EXPECT_TRUE(Go({}).is_logged);
}

}  // namespace
}  // namespace weir::routing
