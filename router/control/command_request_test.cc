#include "router/control/command_request.h"

#include <gtest/gtest.h>

#include <string>

namespace weir::control {
namespace {

v1::CommandRequest Of(v1::CommandRequest::Kind kind) {
  v1::CommandRequest request;
  request.set_kind(kind);
  request.set_experiment("income");
  request.set_actor("ann");
  return request;
}

TEST(CommandOfTest, EveryKindIsTheOneOfItsName) {
  for (int kind = v1::CommandRequest::START; kind <= v1::CommandRequest::Kind_MAX; ++kind) {
    const auto named = static_cast<v1::CommandRequest::Kind>(kind);
    const auto command = CommandOf(Of(named));
    ASSERT_TRUE(command.ok()) << command.status();
    std::string name = experiment::NameOf(command->kind);
    for (char& c : name) c = c == '-' ? '_' : static_cast<char>(std::toupper(c));
    EXPECT_EQ(name, v1::CommandRequest::Kind_Name(named));
  }
}

TEST(CommandOfTest, WhatWasSaidArrives) {
  v1::CommandRequest request = Of(v1::CommandRequest::SET_WEIGHT);
  request.add_roles("operator");
  request.set_comment("slowly");
  request.set_percent(12.5);
  request.set_full(true);
  const auto command = CommandOf(request);
  ASSERT_TRUE(command.ok()) << command.status();
  EXPECT_EQ(command->actor, "ann");
  EXPECT_EQ(command->roles, std::vector<std::string>{"operator"});
  EXPECT_EQ(command->comment, "slowly");
  EXPECT_EQ(command->weight, *config::Percent::FromDouble(12.5));
  EXPECT_TRUE(command->is_full);
}

TEST(CommandOfTest, WhatIsNoCommandIsRefused) {
  EXPECT_TRUE(absl::IsInvalidArgument(CommandOf(Of(v1::CommandRequest::KIND_UNSPECIFIED)).status()));
  v1::CommandRequest nameless = Of(v1::CommandRequest::PAUSE), nobody = nameless, windy = nameless, over = nameless;
  nameless.clear_experiment();
  nobody.clear_actor();
  windy.set_comment(std::string(1025, 'x'));
  over.set_percent(100.5);
  for (const v1::CommandRequest& request : {nameless, nobody, windy, over}) {
    EXPECT_TRUE(absl::IsInvalidArgument(CommandOf(request).status())) << request.DebugString();
  }
}

TEST(CommandOfTest, ATextThatWouldForgeALineOrCommandATerminalIsRefused) {
  for (const char* bad : {"one\ntwo", "\x1b[2J", "\x7f",
                          "\xc2\x9b"
                          "31m",
                          "a\tb", "\r", "half \xc3", "\xff"}) {
    v1::CommandRequest actor = Of(v1::CommandRequest::PAUSE), comment = actor, role = actor, experiment = actor;
    actor.set_actor(bad);
    comment.set_comment(bad);
    role.add_roles("operator");
    role.add_roles(bad);
    experiment.set_experiment(bad);
    for (const v1::CommandRequest& request : {actor, comment, role, experiment}) {
      EXPECT_TRUE(absl::IsInvalidArgument(CommandOf(request).status())) << testing::PrintToString(bad);
    }
  }
  v1::CommandRequest fine = Of(v1::CommandRequest::PAUSE);
  fine.set_actor("Jürgen 用户");
  fine.set_comment("p99 > 200 ms, \"why?\" 🜁");
  EXPECT_TRUE(CommandOf(fine).ok());
}

constexpr v1::CommandRequest::Kind kShutting[] = {v1::CommandRequest::ABORT, v1::CommandRequest::ROLLBACK,
                                                  v1::CommandRequest::REJECT};

TEST(CommandOfTest, NoTextKeepsAGateOpen) {
  for (const v1::CommandRequest::Kind kind : kShutting) {
    v1::CommandRequest request = Of(kind);
    request.set_actor("ann\t" + std::string(300, 'a'));
    request.set_comment("slow\nand \xff wrong, " + std::string(1005, '.') + "\xc3\xbc and on");
    for (int i = 0; i < 40; ++i) request.add_roles("r\x1b" + std::string(300, 'r'));
    request.set_percent(1000);
    const auto command = CommandOf(request);
    ASSERT_TRUE(command.ok()) << command.status();
    EXPECT_EQ(command->actor, "ann " + std::string(252, 'a'));
    // Cut before the character that would be halved.
    EXPECT_EQ(command->comment, "slow and ? wrong, " + std::string(1005, '.'));
    EXPECT_EQ(command->roles, std::vector<std::string>(32, "r " + std::string(254, 'r')));
  }
}

TEST(CommandOfTest, AGateIsShutByWhoeverHasNoNameToo) {
  for (const char* nameless : {"", "  ", "\n"}) {
    v1::CommandRequest request = Of(v1::CommandRequest::ROLLBACK);
    request.set_actor(nameless);
    const auto command = CommandOf(request);
    ASSERT_TRUE(command.ok()) << command.status();
    EXPECT_EQ(command->actor, "unnamed");
  }
}

TEST(CommandOfTest, SpacesAroundANameMakeNobodyElseOfIt) {
  for (int kind = v1::CommandRequest::START; kind <= v1::CommandRequest::Kind_MAX; ++kind) {
    v1::CommandRequest request = Of(static_cast<v1::CommandRequest::Kind>(kind));
    request.set_actor("  ann lee ");
    request.add_roles(" operator ");
    const auto command = CommandOf(request);
    ASSERT_TRUE(command.ok()) << command.status();
    EXPECT_EQ(command->actor, "ann lee");
    EXPECT_EQ(command->roles, std::vector<std::string>{"operator"});
  }
  v1::CommandRequest nobody = Of(v1::CommandRequest::APPROVE);
  nobody.set_actor("  ");
  EXPECT_TRUE(absl::IsInvalidArgument(CommandOf(nobody).status()));
}

}  // namespace
}  // namespace weir::control
