#include "config/plain_text.h"

#include <cstdint>
#include <iterator>
#include <string>

#include "config/utf8.h"
#include "gtest/gtest.h"

namespace weir::config {
namespace {

std::string Utf8Of(uint32_t point) {
  const auto byte = [](uint32_t bits) { return static_cast<char>(bits); };
  if (point < 0x80) return {byte(point)};
  if (point < 0x800) return {byte(0xc0 | point >> 6), byte(0x80 | (point & 0x3f))};
  if (point < 0x10000) {
    return {byte(0xe0 | point >> 12), byte(0x80 | (point >> 6 & 0x3f)), byte(0x80 | (point & 0x3f))};
  }
  return {byte(0xf0 | point >> 18), byte(0x80 | (point >> 12 & 0x3f)), byte(0x80 | (point >> 6 & 0x3f)),
          byte(0x80 | (point & 0x3f))};
}

TEST(PlainTextTest, EveryCharacterStaysButControlsAndSurrogates) {
  for (uint32_t point = 0; point <= 0x10ffff; ++point) {
    const std::string character = Utf8Of(point);
    const bool is_control = point < 0x20 || (point >= 0x7f && point <= 0x9f);
    const bool is_surrogate = point >= 0xd800 && point <= 0xdfff;
    ASSERT_EQ(Utf8Length(character, 0), is_surrogate ? 0 : character.size()) << point;
    ASSERT_EQ(IsPlainText(character), !is_control && !is_surrogate) << point;
    ASSERT_EQ(ToPlainText(character), is_control ? " " : is_surrogate ? "???" : character) << point;
  }
}

TEST(PlainTextTest, WhatIsNoCharacterIsReplacedByteByByte) {
  for (const std::string bad : {"\xff", "\x80", "\xc0\x80", "\xe0\x80\x80", "\xf0\x80\x80\x80", "\xf4\x90\x80\x80",
                                "\xf5\x80\x80\x80", "\xc3", "\xe2\x82", "\xf0\x9f\x9c"}) {
    EXPECT_FALSE(IsPlainText(bad)) << testing::PrintToString(bad);
    EXPECT_EQ(ToPlainText("a" + bad + "b"), "a" + std::string(bad.size(), '?') + "b") << testing::PrintToString(bad);
  }
}

TEST(PlainTextTest, ALineIsOneLineWhateverItHolds) {
  EXPECT_EQ(ToPlainText("fine\nforged: \x1b[2J\tÜ \xc2\x9b"
                        "31m"),
            "fine forged:  [2J Ü  31m");
  EXPECT_EQ(ToPlainText(std::string("a\0b", 3)), "a b");
  EXPECT_EQ(ToPlainText(""), "");
}

TEST(PlainTextTest, ABeginningCutsNoCharacter) {
  const std::string text = "aÜ用🜁";  // 1, 2, 3 and 4 bytes.
  const size_t expected[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10};
  for (size_t bytes = 0; bytes < std::size(expected); ++bytes) {
    EXPECT_EQ(Beginning(text, bytes).size(), expected[bytes]) << bytes;
  }
  EXPECT_EQ(Beginning("\x80\x80\x80", 2), "") << "of what is no character nothing need stay";
}

}  // namespace
}  // namespace weir::config
