#include "router/dataplane/replay_buffer.h"

#include <set>
#include <string>

#include "gtest/gtest.h"

namespace weir::dataplane {
namespace {

using http2::Block;
using http2::Slice;

std::string WholeOf(const ReplayBuffer& replay) {
  std::string whole;
  for (const Slice& piece : replay.pieces()) whole.append(piece.view());
  return whole;
}

// Bytes as one recv brings them: a few of a large block.
Slice Received(std::string_view bytes) {
  Block* block = Block::Make(limits::kReceiveBlockBytes);
  std::copy(bytes.begin(), bytes.end(), block->data());
  Slice slice(block, block->data(), bytes.size());
  block->Unref();
  return slice;
}

TEST(ReplayBufferTest, SmallPiecesHoldNoneOfTheBlocksTheyCameInHoweverManyTheyAre) {
  ReplayBuffer replay;
  std::string sent;
  for (size_t i = 0; i < 20'000; ++i) {
    const Slice piece = Received(std::string(1 + i % 3, static_cast<char>('a' + i % 26)));
    sent.append(piece.view());
    EXPECT_NE(replay.Keep(piece).block(), piece.block());
    ASSERT_FALSE(piece.block()->is_shared()) << i;
  }
  EXPECT_TRUE(replay.is_whole());
  EXPECT_EQ(WholeOf(replay), sent);
  EXPECT_LE(replay.pieces().size(), 8u);
}

TEST(ReplayBufferTest, FewLargePiecesAreReferencedAndManyAreGivenUp) {
  ReplayBuffer replay;
  const std::string large(3'000, 'l');
  int kept = 0;
  for (; replay.is_whole() && kept < 100; ++kept) replay.Keep(Received(large));
  EXPECT_EQ(kept, 9);
  EXPECT_TRUE(replay.pieces().empty());
}

TEST(ReplayBufferTest, WhatNothingElseHoldsIsKeptBeyondTheBoundAndByFewReferences) {
  ReplayBuffer replay;
  std::string sent;
  std::set<const Block*> own;
  for (int i = 0; i < 40; ++i) {
    const Slice piece = Received(std::string(3'000, static_cast<char>('a' + i % 26)));
    sent.append(piece.view());
    replay.Keep(piece, /*is_only_copy=*/true);
    if (!piece.block()->is_shared()) own.insert(replay.pieces().back().block());
  }
  EXPECT_GT(sent.size(), limits::kReplayBytes);
  EXPECT_EQ(WholeOf(replay), sent);
  EXPECT_LE(own.size(), 8u);
  replay.Keep(Received("x"));  // Somebody has it now.
  EXPECT_FALSE(replay.is_whole());
}

TEST(ReplayBufferTest, IsEmptyAgainForTheNextRequest) {
  ReplayBuffer replay;
  replay.Keep(Received(std::string(50'000, 'x')));
  replay.Keep(Received("y"));
  replay.Drop();
  replay.Reset();
  EXPECT_TRUE(replay.is_whole());
  EXPECT_TRUE(replay.pieces().empty());
  replay.Keep(Received("z"));
  EXPECT_EQ(WholeOf(replay), "z");
}

}  // namespace
}  // namespace weir::dataplane
