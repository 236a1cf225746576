#include "router/http2/headers.h"

#include <string>
#include <utility>

#include "gtest/gtest.h"

namespace weir::http2 {
namespace {

TEST(HeaderListTest, KeepsFieldsInOrderWithDuplicatesAndBytes) {
  HeaderList list;
  const std::string binary("\0\xff a", 4);
  list.Add("x-a", "1");
  list.Add("x-a", binary, Indexing::kNever);
  list.Add("x-b", "");
  ASSERT_EQ(list.size(), 3u);
  EXPECT_EQ(list[0].value, "1");
  EXPECT_EQ(list[1].value, binary);
  EXPECT_EQ(list[1].indexing, Indexing::kNever);
  EXPECT_EQ(list[2].name, "x-b");
  EXPECT_EQ(list[2].value, "");
}

TEST(HeaderListTest, FindGivesTheFirstOfTheName) {
  HeaderList list;
  list.Add("k", "1");
  list.Add("k", "2");
  EXPECT_EQ(list.Find("k"), "1");
  EXPECT_EQ(list.Find("absent"), std::nullopt);
}

TEST(HeaderListTest, CountsItsSizeAsTheProtocolDoes) {
  HeaderList list;
  list.Add("name", "value");
  EXPECT_EQ(list.list_size(), 4u + 5u + 32u);
}

TEST(HeaderListTest, ACopyIsDeepAndAMovedFromListIsReusable) {
  HeaderList list;
  list.Add("k", "v");
  HeaderList copy = list;
  HeaderList moved = std::move(list);
  list.Clear();
  list.Add("other", "w");
  EXPECT_EQ(copy.Find("k"), "v");
  EXPECT_EQ(moved.Find("k"), "v");
  EXPECT_EQ(list.size(), 1u);
}

}  // namespace
}  // namespace weir::http2
