#include "router/runtime/crypto.h"

#include <set>

#include "absl/strings/escaping.h"
#include "gtest/gtest.h"

namespace weir::runtime {
namespace {

std::string HexOfMac(std::string_view key, std::string_view message) {
  const HmacKey::Mac mac = HmacKey(key).Sign(message);
  return absl::BytesToHexString({reinterpret_cast<const char*>(mac.data()), mac.size()});
}

TEST(Sha256Test, MatchesTheVectorsOfFips180) {
  EXPECT_EQ(absl::BytesToHexString(Sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(absl::BytesToHexString(Sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(absl::BytesToHexString(Sha256(std::string(1'000'000, 'a'))),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(HmacKeyTest, MatchesTheVectorsOfRfc4231) {
  EXPECT_EQ(HexOfMac(std::string(20, '\x0b'), "Hi There"),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(HexOfMac("Jefe", "what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(HexOfMac(std::string(20, '\xaa'), std::string(50, '\xdd')),
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
}

TEST(HmacKeyTest, AKeyLongerThanABlockIsHashedFirst) {
  EXPECT_EQ(HexOfMac(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First"),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(HmacKeyTest, AgreesWithTheDefinitionForEveryLengthAroundTheBlockEdges) {
  const std::string key(32, 'k');
  std::string inner_pad(64, '\x36'), outer_pad(64, '\x5c');
  for (size_t i = 0; i < key.size(); ++i) inner_pad[i] ^= key[i], outer_pad[i] ^= key[i];
  for (size_t size = 0; size <= 200; ++size) {
    const std::string message(size, static_cast<char>('a' + size % 26));
    const std::string expected = Sha256(outer_pad + Sha256(inner_pad + message));
    EXPECT_EQ(HexOfMac(key, message), absl::BytesToHexString(expected)) << "size " << size;
  }
}

TEST(IsEqualInConstantTimeTest, OnlyEqualBytesAreEqual) {
  EXPECT_TRUE(IsEqualInConstantTime("", ""));
  EXPECT_TRUE(IsEqualInConstantTime("secret", "secret"));
  EXPECT_FALSE(IsEqualInConstantTime("secret", "secreT"));
  EXPECT_FALSE(IsEqualInConstantTime("secret", "secre"));
}

TEST(RandomBytesTest, NeverRepeats) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(RandomBytes(16));
  EXPECT_EQ(seen.size(), 1000u);
  EXPECT_EQ(RandomBytes(0), "");
}

}  // namespace
}  // namespace weir::runtime
