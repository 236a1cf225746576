// Calls that are not placed by the weights of now: previews and sequences. And which are logged.

#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "router/routing/decide.h"

namespace weir::routing {
namespace {

using Kind = Decision::Kind;
using stats::Reason;

class Headers : public HeaderView {
 public:
  Headers(std::initializer_list<std::pair<std::string, std::string>> fields) : fields_(fields) {}
  std::optional<std::string_view> Find(std::string_view name) const override {
    for (const auto& [field, value] : fields_) {
      if (field == name) return value;
    }
    return std::nullopt;
  }
  bool IsRepeated(std::string_view name) const override {
    int found = 0;
    for (const auto& [field, value] : fields_) found += field == name;
    return found > 1;
  }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

class Sequences : public SequenceView {
 public:
  std::optional<uint16_t> Find(uint32_t run, uint64_t sequence) const override {
    const auto found = known.find({run, sequence});
    return found == known.end() ? std::nullopt : std::optional<uint16_t>(found->second);
  }
  std::map<std::pair<uint32_t, uint64_t>, uint16_t> known;
};

class DecideExceptionsTest : public testing::Test {
 protected:
  DecideExceptionsTest() {
    table_.models = {{"baseline", {}, {}, {}}, {"candidate", {}, {}, {}}};
    ExperimentRoute route;
    route.name = "e";
    route.match = {"*", ""};
    route.run = 4;
    route.key_headers = {"x-user"};
    route.variants = {{"baseline", 100}, {"candidate", 0}};
    route.variant_models = {0, 1};
    route.issues_tickets = true;
    table_.experiments = {route};
  }
  ExperimentRoute& experiment() { return table_.experiments[0]; }
  Decision Go(const Headers& headers) {
    return Decide(table_, {"/s.S/M", &headers, &peer_, &sequences_}, std::span<const bool>(healthy_, 2), rng_);
  }

  RouteTable table_;
  Sequences sequences_;
  bool healthy_[2] = {true, true};
  std::array<uint8_t, 16> peer_{};
  std::mt19937_64 rng_{20};
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
  healthy_[1] = false;
  EXPECT_EQ(Go({{"x-preview", "1"}}).kind, Kind::kUnavailable);
  EXPECT_EQ(Go({{"x-user", "u"}}).kind, Kind::kForward);
}

TEST_F(DecideExceptionsTest, ARememberedSequenceGoesWhereItWentAndTheRestByTheWeights) {
  experiment().sequence_header = "x-sequence";
  const Decision first = Go({{"x-user", "u"}, {"x-sequence", "s"}});
  ASSERT_NE(first.sequence, 0u);
  EXPECT_TRUE(first.enters_inference);
  sequences_.known[{4, first.sequence}] = 1;
  const Decision next = Go({{"x-user", "u"}, {"x-sequence", "s"}});
  EXPECT_EQ(next.assigned, 1);
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
  experiment().sequence_header = "x-sequence";
  sequences_.known[{4, Go({{"x-user", "u"}, {"x-sequence", "s"}}).sequence}] = 0;
  EXPECT_TRUE(Go({{"x-user", "u"}, {"x-sequence", "s"}}).enters_inference);
}

TEST_F(DecideExceptionsTest, ASequenceThatOccursTwiceIsRefused) {
  experiment().sequence_header = "x-sequence";
  EXPECT_EQ(Go({{"x-sequence", "s"}, {"x-sequence", "s"}}).kind, Kind::kRepeatedKey);
}

TEST_F(DecideExceptionsTest, WithoutAKeyTheSequenceIsTheUser) {
  experiment().sequence_header = "x-sequence";
  experiment().variants = {{"baseline", 50}, {"candidate", 50}};
  int to_candidate = 0;
  for (int i = 0; i < 2000; ++i) {
    const Headers headers = {{"x-sequence", std::to_string(i)}};
    const Decision decision = Go(headers);
    EXPECT_EQ(Go(headers).assigned, decision.assigned);
    EXPECT_FALSE(decision.is_keyless);
    to_candidate += decision.assigned;
  }
  EXPECT_NEAR(to_candidate, 1000, 5 * 22.4);
}

TEST_F(DecideExceptionsTest, TheLogHasAllCallsOfAUserOrNoneWhateverTheirVariant) {
  experiment().variants = {{"baseline", 50}, {"candidate", 50}};
  EXPECT_FALSE(Go({{"x-user", "u"}}).is_logged);
  table_.log_sample = *config::Percent::FromDouble(10);
  int logged[2] = {0, 0};
  for (int i = 0; i < 20'000; ++i) {
    const Headers headers = {{"x-user", std::to_string(i)}};
    const Decision decision = Go(headers);
    EXPECT_EQ(Go(headers).is_logged, decision.is_logged);
    EXPECT_EQ(decision.user_bucket, BucketOf(decision.user));
    logged[decision.assigned] += decision.is_logged;
  }
  EXPECT_NEAR(logged[0], 1000, 5 * 31);
  EXPECT_NEAR(logged[1], 1000, 5 * 31);
  table_.log_sample = config::Percent::All();
  EXPECT_TRUE(Go({{"x-user", "u"}}).is_logged);
  EXPECT_TRUE(Go({}).is_logged);
}

}  // namespace
}  // namespace weir::routing
