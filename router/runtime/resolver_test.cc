#include "router/runtime/resolver.h"

#include <atomic>
#include <future>

#include "gtest/gtest.h"

namespace weir::runtime {
namespace {

Resolver::Addresses Ask(Resolver& resolver, const std::string& host) {
  std::promise<Resolver::Addresses> promise;
  resolver.Resolve(host, 8001, [&](Resolver::Addresses answer) { promise.set_value(std::move(answer)); });
  return promise.get_future().get();
}

TEST(ResolverTest, ResolvesAnAddressWithItsPort) {
  Resolver resolver;
  const auto addresses = Ask(resolver, "127.0.0.1");
  ASSERT_TRUE(addresses.ok()) << addresses.status();
  ASSERT_EQ(addresses->size(), 1u);
  EXPECT_EQ(addresses->front().ToString(), "127.0.0.1:8001");
}

TEST(ResolverTest, AnUnknownNameIsUnavailableAndNamed) {
  Resolver resolver;
  const auto addresses = Ask(resolver, "no such host");
  ASSERT_FALSE(addresses.ok());
  EXPECT_TRUE(absl::IsUnavailable(addresses.status()));
  EXPECT_NE(addresses.status().message().find("no such host"), std::string::npos);
}

TEST(ResolverTest, EveryQuestionIsAnsweredEvenWhenItStops) {
  std::atomic<int> answers = 0;
  {
    Resolver resolver;
    for (int i = 0; i < 100; ++i) resolver.Resolve("127.0.0.1", 1, [&](Resolver::Addresses) { ++answers; });
  }
  EXPECT_EQ(answers, 100);
}

}  // namespace
}  // namespace weir::runtime
