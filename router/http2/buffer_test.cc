#include "router/http2/buffer.h"

#include <iostream>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace weir::http2 {
namespace {

std::string Content(const Output& output) {
  std::vector<iovec> vectors(100000);
  const size_t n = output.Gather(vectors);
  std::string all;
  for (size_t i = 0; i < n; ++i) all.append(static_cast<const char*>(vectors[i].iov_base), vectors[i].iov_len);
  return all;
}

TEST(OutputTest, SmallPiecesLieSideBySideInOneVector) {
  Output output;
  output.Append("abc");
  output.Append(Slice::Copy("def"));
  iovec vectors[4];
  EXPECT_EQ(output.Gather(vectors), 1u);
  EXPECT_EQ(Content(output), "abcdef");
}

TEST(OutputTest, ALargeSliceIsReferencedAndNotCopied) {
  const Slice large = Slice::Copy(std::string(10000, 'x'));
  Output output;
  output.Append("head");
  output.Append(large);
  iovec vectors[4];
  ASSERT_EQ(output.Gather(vectors), 2u);
  EXPECT_EQ(vectors[1].iov_base, large.data());
}

TEST(OutputTest, BlocksArePinnedOnlyUpToTheBound) {
  Output output(4096, 100000);
  for (int i = 0; i < 50; ++i) {
    Block* block = Block::Make(60000);
    output.Append(Slice(block, block->data(), 3000));
    block->Unref();
  }
  EXPECT_EQ(output.size(), 150000u);
  EXPECT_LE(output.pinned_bytes(), 100000u);
}

TEST(OutputTest, SlicesOfOneBlockPinItOnce) {
  Output output(4096, 100000);
  Block* block = Block::Make(60000);
  for (int i = 0; i < 10; ++i) output.Append(Slice(block, block->data() + 5000 * i, 5000));
  EXPECT_EQ(output.pinned_bytes(), block->capacity());
  output.Drop(45000);
  EXPECT_EQ(output.pinned_bytes(), block->capacity());
  output.Drop(5000);
  EXPECT_EQ(output.pinned_bytes(), 0u);
  EXPECT_FALSE(block->is_shared());
  block->Unref();
}

TEST(OutputTest, AnyMixOfAppendsMovesAndDropsKeepsTheBytesInOrder) {
  const unsigned seed = std::random_device()();
  std::cout << "seed " << seed << "\n";
  std::mt19937 rng(seed);
  Output from(1024, 20000), to(1024, 20000);
  std::string in_from, in_to;
  for (int i = 0; i < 20000; ++i) {
    std::string bytes(rng() % (rng() % 8 == 0 ? 6000 : 300), static_cast<char>(rng()));
    if (from.size() > 100000) bytes.clear();
    if (rng() % 2)
      from.Append(bytes);
    else
      from.Append(Slice::Copy(bytes));
    in_from += bytes;
    const size_t moved = rng() % (std::min<size_t>(from.size(), 3000) + 1);
    from.MoveTo(to, moved);
    in_to += in_from.substr(0, moved);
    in_from.erase(0, moved);
    const size_t dropped = rng() % (std::min<size_t>(to.size(), 3000) + 1);
    to.Drop(dropped);
    in_to.erase(0, dropped);
    ASSERT_EQ(to.size(), in_to.size());
    if (i % 500 == 0) {
      ASSERT_EQ(Content(from), in_from);
      ASSERT_EQ(Content(to), in_to);
    }
  }
  EXPECT_EQ(Content(from), in_from);
  EXPECT_EQ(Content(to), in_to);
  EXPECT_LE(to.pinned_bytes(), 20000u);
}

TEST(OutputTest, ReservedRoomIsContiguousAndOnlyWhatIsCommittedCounts) {
  Output output(16, 0);
  output.Append("0123456789");
  uint8_t* room = output.Reserve(12);
  for (int i = 0; i < 12; ++i) room[i] = static_cast<uint8_t>('a' + i);
  output.Commit(3);
  output.Append("!");
  EXPECT_EQ(Content(output), "0123456789abc!");
  EXPECT_EQ(output.appended(), 14u);
  output.Drop(2);
  EXPECT_EQ(output.dropped(), 2u);
}

}  // namespace
}  // namespace weir::http2
