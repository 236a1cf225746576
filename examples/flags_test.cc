#include "examples/flags.h"

#include "gtest/gtest.h"

namespace weir::examples {
namespace {

class FlagsTest : public testing::Test {
 protected:
  FlagsTest() {
    flags_.Add("target", &target_, "where to");
    flags_.Add("users", &users_, "how many");
    flags_.Add("rate", &rate_, "calls per second");
    flags_.Add("for", &duration_, "how long");
    flags_.Add("json", &json_, "as JSON");
  }
  std::string MessageOf(const std::vector<std::string>& arguments) {
    return std::string(flags_.Parse(arguments).message());
  }

  std::string target_ = "here";
  int64_t users_ = 5;
  double rate_ = 1.5;
  absl::Duration duration_ = absl::Seconds(1);
  bool json_ = false;
  Flags flags_;
};

TEST_F(FlagsTest, WhatIsNotGivenKeepsItsDefault) {
  ASSERT_TRUE(flags_.Parse({"--users", "7"}).ok());
  EXPECT_EQ(users_, 7);
  EXPECT_EQ(target_, "here");
  EXPECT_EQ(rate_, 1.5);
  EXPECT_FALSE(json_);
}

TEST_F(FlagsTest, AValueMayFollowAnEqualsSignOrBeTheNextWord) {
  ASSERT_TRUE(flags_.Parse({"--target=a=b", "--rate", "0.25", "--json", "--for", "1m30s"}).ok());
  EXPECT_EQ(target_, "a=b");
  EXPECT_EQ(rate_, 0.25);
  EXPECT_EQ(duration_, absl::Seconds(90));
  EXPECT_TRUE(json_);
}

TEST_F(FlagsTest, WhatIsWrongIsSaidWithTheWordAtFault) {
  EXPECT_EQ(MessageOf({"--tarket", "x"}), "--tarket: no such flag");
  EXPECT_EQ(MessageOf({"target"}), "target: expected a flag, which begins with --");
  EXPECT_EQ(MessageOf({"--users"}), "--users: expected a whole number of at least 0 after it");
  EXPECT_EQ(MessageOf({"--users", "-3"}), "--users: expected a whole number of at least 0, got '-3'");
  EXPECT_EQ(MessageOf({"--rate=nan"}), "--rate=nan: expected a number of at least 0, got 'nan'");
  EXPECT_EQ(MessageOf({"--for", "5"}), "--for: expected a time such as 250ms or 1m30s, got '5'");
  EXPECT_EQ(MessageOf({"--json=yes"}), "--json=yes: takes no value");
}

TEST_F(FlagsTest, TheUsageTellsEachFlagWithItsDefault) {
  EXPECT_NE(flags_.Usage().find("--users            how many (5)\n"), std::string::npos) << flags_.Usage();
}

}  // namespace
}  // namespace weir::examples
