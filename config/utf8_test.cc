#include "config/utf8.h"

#include <gtest/gtest.h>

namespace weir::config {
namespace {

TEST(Utf8Test, EveryLengthOfCharacterIsText) { EXPECT_TRUE(IsUtf8("a\u00e9\u20ac\U0001f600")); }

TEST(Utf8Test, StrayCutOverlongAndSurrogateBytesAreNoText) {
  for (const char* text :
       {"\xff", "a\xe9", "\x80", "\xe2\x82", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80"}) {
    EXPECT_FALSE(IsUtf8(text)) << Readable(text);
  }
}

TEST(Utf8Test, WhatIsNoTextIsShownByItsBytes) {
  EXPECT_EQ(Readable("caf\u00e9.yaml"), "caf\u00e9.yaml");
  EXPECT_EQ(Readable("caf\xe9.yaml"), "caf\\xe9.yaml");
}

}  // namespace
}  // namespace weir::config
