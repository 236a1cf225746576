#include "router/dataplane/stream_table.h"

#include <map>
#include <random>

#include "gtest/gtest.h"

namespace weir::dataplane {
namespace {

// Against the obvious model, with long-lived streams among many short ones, as on a gRPC connection.
TEST(StreamTableTest, BehavesAsAMap) {
  const uint32_t seed = std::random_device()();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 rng(seed);
  std::vector<int> values(100'000);
  StreamTable<int> table;
  std::map<http2::StreamId, int*> model;
  http2::StreamId next = 1;
  for (int step = 0; step < 50'000; ++step) {
    if (model.size() < 40 && rng() % 2 == 0) {
      model[next] = &values[step];
      table.Insert(next, &values[step]);
      next += 2;
    } else if (!model.empty()) {
      auto victim = model.begin();
      std::advance(victim, rng() % 8 == 0 ? 0 : rng() % model.size());
      table.Erase(victim->first);
      model.erase(victim);
    }
    ASSERT_EQ(table.size(), model.size());
    const http2::StreamId probe = 1 + 2 * (rng() % (next / 2 + 1));
    const auto expected = model.find(probe);
    ASSERT_EQ(table.Find(probe), expected == model.end() ? nullptr : expected->second);
  }
  for (const auto& [stream, value] : model) EXPECT_EQ(table.Find(stream), value);
  EXPECT_EQ(table.TakeAll().size(), model.size());
  EXPECT_EQ(table.size(), 0u);
}

TEST(StreamTableTest, AnUnknownStreamIsNotFoundAndErasingItDoesNothing) {
  StreamTable<int> table;
  EXPECT_EQ(table.Find(1), nullptr);
  table.Erase(1);
  int value = 0;
  table.Insert(5, &value);
  table.Erase(7);
  EXPECT_EQ(table.Find(5), &value);
}

}  // namespace
}  // namespace weir::dataplane
