#include "router/http2/stream.h"

#include <iostream>
#include <map>
#include <random>
#include <set>
#include <string>

#include "gtest/gtest.h"

namespace weir::http2 {
namespace {

TEST(StreamTableTest, UnderAnyOrderOfOpeningAndClosingFindsExactlyWhatIsOpen) {
  const unsigned seed = std::random_device()();
  std::cout << "seed " << seed << "\n";
  std::mt19937 rng(seed);
  StreamTable table;
  std::map<StreamId, Stream*> open;
  StreamId next = 1;
  for (int i = 0; i < 200'000; ++i) {
    if (open.size() < 300 && rng() % 2 == 0) {
      Stream& stream = table.Open(next);
      EXPECT_TRUE(stream.queue.empty());
      stream.queue.Append("left over");
      stream.is_end_queued = true;
      open[next] = &stream;
      next += rng() % 50 == 0 ? 1 + 2 * (rng() % 100'000) + 1 : 2;
    } else if (!open.empty()) {
      auto victim = open.lower_bound(static_cast<StreamId>(rng() % next));
      if (victim == open.end()) victim = open.begin();
      table.Close(*victim->second);
      open.erase(victim);
    }
    const StreamId any = static_cast<StreamId>(rng() % next) | 1;
    ASSERT_EQ(table.Find(any), open.contains(any) ? open[any] : nullptr);
    ASSERT_EQ(table.size(), open.size());
  }
  std::set<StreamId> visited;
  table.ForEach([&](Stream& stream) { visited.insert(stream.id); });
  EXPECT_EQ(visited.size(), open.size());
  for (const auto& [id, stream] : open) EXPECT_EQ(table.Find(id), stream);
}

TEST(StreamTableTest, AStreamThatIsUsedAgainRemembersNothing) {
  StreamTable table;
  Stream& first = table.Open(1);
  first.is_head_received = first.is_local_ended = first.is_reset_after_end = first.has_trailers = true;
  first.body_left = 7;
  first.consumed = 9;
  first.trailers.Add("k", "v");
  first.queue.Append("bytes");
  table.Close(first);
  Stream& second = table.Open(3);
  ASSERT_EQ(&second, &first);
  EXPECT_FALSE(second.is_head_received || second.is_local_ended || second.is_reset_after_end || second.has_trailers);
  EXPECT_EQ(second.body_left, -1);
  EXPECT_EQ(second.consumed, 0u);
  EXPECT_TRUE(second.trailers.empty());
  EXPECT_TRUE(second.queue.empty());
}

TEST(ClosedStreamsTest, RemembersTheFateOfTheLatestStreams) {
  using Fate = ClosedStreams::Fate;
  ClosedStreams closed;
  closed.Opened(1);
  closed.Opened(9);
  closed.Closed(9, Fate::kResetByUs);
  closed.Opened(11);
  closed.Closed(11, Fate::kResetByPeer);
  EXPECT_EQ(closed.Of(1), Fate::kEnded);
  EXPECT_EQ(closed.Of(3), Fate::kSkipped);
  EXPECT_EQ(closed.Of(9), Fate::kResetByUs);
  EXPECT_EQ(closed.Of(11), Fate::kResetByPeer);
  closed.Opened(1'000'001);
  EXPECT_EQ(closed.Of(11), Fate::kForgotten);
  EXPECT_EQ(closed.Of(999'999), Fate::kSkipped);
  closed.Closed(11, Fate::kResetByUs);  // Too late to matter.
  EXPECT_EQ(closed.Of(11), Fate::kForgotten);
  closed.Opened(kMaxStreamId);
  EXPECT_EQ(closed.Of(1'000'001), Fate::kForgotten);
  EXPECT_EQ(closed.Of(kMaxStreamId - 2), Fate::kSkipped);
  EXPECT_EQ(closed.Of(kMaxStreamId), Fate::kEnded);
}

TEST(ClosedStreamsTest, AllOfTheFirstStreamsAreKnown) {
  ClosedStreams closed;
  closed.Opened(101);
  for (StreamId id = 1; id < 101; id += 2) EXPECT_EQ(closed.Of(id), ClosedStreams::Fate::kSkipped) << id;
}

}  // namespace
}  // namespace weir::http2
