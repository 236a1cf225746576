#include "router/http2/header_rules.h"

#include <string>
#include <utility>

#include "gtest/gtest.h"

namespace weir::http2 {
namespace {

TEST(HeaderRulesTest, ANameIsMadeOfLowerCaseTokenCharacters) {
  for (int c = 0; c < 256; ++c) {
    const bool is_token = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                          (c != 0 && std::string("!#$%&'*+-.^_`|~").find(static_cast<char>(c)) != std::string::npos);
    EXPECT_EQ(IsLegalName("x" + std::string(1, static_cast<char>(c))), is_token) << c;
  }
  EXPECT_FALSE(IsLegalName(""));
}

TEST(HeaderRulesTest, AnyPlaceOfAValueIsCheckedForControlCharacters) {
  for (size_t size = 1; size < 20; ++size) {
    for (size_t at = 0; at < size; ++at) {
      for (int c = 0; c < 256; ++c) {
        std::string value(size, 'v');
        value[at] = static_cast<char>(c);
        const bool is_legal = (c >= 0x20 && c != 0x7f) || c == '\t';
        ASSERT_EQ(HasLegalCharacters(value), is_legal) << size << " " << at << " " << c;
      }
    }
  }
}

TEST(HeaderRulesTest, AValueHasNoBlanksAtItsEnds) {
  EXPECT_TRUE(IsLegalValue(""));
  EXPECT_TRUE(IsLegalValue("a b\tc"));
  EXPECT_FALSE(IsLegalValue(" a"));
  EXPECT_FALSE(IsLegalValue("a\t"));
  EXPECT_FALSE(IsLegalValue(" "));
}

TEST(HeaderRulesTest, ABinaryValueIsBase64PaddedOrNotAloneOrJoined) {
  for (const char* good : {"", "AAH/", "AA==", "AA", "AAA=", "a+/9", "AA==,AA,AAA=", "AA, AA"}) {
    EXPECT_TRUE(IsBinaryValue(good)) << good;
  }
  for (const char* bad : {"A!", "AA=A", "A===", "a-b_", "\x80", "AA;AA"}) EXPECT_FALSE(IsBinaryValue(bad)) << bad;
}

TEST(HeaderCollectorTest, BinaryMetadataIsCheckedInRequestsAloneAndWhereverItsCharactersWereKnown) {
  for (const bool is_legal : {false, true}) {
    for (const BlockKind kind : {BlockKind::kRequest, BlockKind::kTrailers}) {
      HeaderCollector collector({.list_bytes = 1000, .fields = 10, .decoded_bytes = 1000});
      collector.Begin(kind);
      if (kind == BlockKind::kRequest) {
        for (const auto& [name, value] : {std::pair{":method", "POST"}, {":scheme", "http"}, {":path", "/s/m"}}) {
          collector.Add(name, value, Indexing::kAllowed);
        }
      }
      collector.Add("key-bin", "no base64!", Indexing::kAllowed, is_legal);
      EXPECT_EQ(collector.Finish(),
                kind == BlockKind::kRequest ? HeaderCollector::Verdict::kMalformed : HeaderCollector::Verdict::kValid);
    }
  }
}

TEST(HeaderCollectorTest, KeepsNothingOfABlockOnceItIsTooLarge) {
  HeaderCollector collector({.list_bytes = 100, .fields = 10, .decoded_bytes = 1000});
  collector.Begin(BlockKind::kTrailers);
  EXPECT_TRUE(collector.Add("a", "1", Indexing::kAllowed));
  EXPECT_TRUE(collector.Add("b", std::string(100, 'x'), Indexing::kAllowed));
  EXPECT_TRUE(collector.Add("c", "3", Indexing::kAllowed));
  EXPECT_EQ(collector.list().size(), 1u);
  EXPECT_EQ(collector.Finish(), HeaderCollector::Verdict::kTooLarge);
  EXPECT_FALSE(collector.Add("d", std::string(900, 'x'), Indexing::kAllowed));
  collector.Begin(BlockKind::kTrailers);
  EXPECT_EQ(collector.Finish(), HeaderCollector::Verdict::kValid);
}

}  // namespace
}  // namespace weir::http2
