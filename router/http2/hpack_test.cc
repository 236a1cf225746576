#include "router/http2/hpack.h"

#include <iostream>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "router/http2/huffman.h"

namespace weir::http2 {
namespace {

// The fields of a list as text; nothing if the block cannot be decoded.
std::string Text(const HeaderList& list) {
  std::string text;
  for (const HeaderField field : list) {
    text.append(field.name).append("=").append(field.value).append(field.indexing == Indexing::kNever ? "!;" : ";");
  }
  return text;
}

class HpackTest : public ::testing::Test {
 protected:
  std::string Encode(HpackEncoder& encoder, const HeaderList& list) {
    std::string block(HpackEncoder::Bound(list), '\0');
    block.resize(encoder.Encode(list, reinterpret_cast<uint8_t*>(block.data())));
    return block;
  }
  std::string Decode(HpackDecoder& decoder, std::string_view block) {
    HeaderCollector collector({.list_bytes = 1 << 20, .fields = 1000, .decoded_bytes = 1 << 24});
    collector.Begin(BlockKind::kTrailers);
    if (decoder.Decode(block, collector) != HpackDecoder::Result::kOk) return "error";
    return Text(collector.list());
  }
  HpackEncoder encoder_{4096};
  HpackDecoder decoder_;
};

TEST_F(HpackTest, ARepeatedFieldShrinksToOneByteAndANeverIndexedOneDoesNot) {
  HeaderList list;
  list.Add("user-agent", "grpc-c++/1.51.1");
  EXPECT_GT(Encode(encoder_, list).size(), 10u);
  EXPECT_EQ(Encode(encoder_, list).size(), 1u);
  EXPECT_EQ(Encode(encoder_, list).size(), 1u);  // The reference that is remembered.
  HeaderList secret;
  secret.Add("x-user-id", "u1", Indexing::kNever);
  EXPECT_EQ(Encode(encoder_, secret), Encode(encoder_, secret));
  EXPECT_EQ(Encode(encoder_, list).size(), 1u);  // Nothing was evicted or moved.
}

TEST_F(HpackTest, SecretsAndWhatDiffersOnEveryCallAreNeverIndexed) {
  for (const char* name : {"authorization", "cookie", "set-cookie", "proxy-authorization", "x-api-key", "grpc-timeout",
                           "traceparent", "tracestate", "baggage", "grpc-trace-bin", "x-request-id", "x-correlation-id",
                           "x-b3-traceid", "x-b3-spanid", "x-weir-ticket"}) {
    HeaderList list;
    list.Add(name, "value");
    EXPECT_EQ(Decode(decoder_, Encode(encoder_, list)), std::string(name) + "=value!;");
    EXPECT_GT(Encode(encoder_, list).size(), 6u) << name;
  }
}

// The example blocks of RFC 7541, C.4: with Huffman's code and indexing.
TEST_F(HpackTest, DecodesTheExamplesOfTheRfc) {
  EXPECT_EQ(Decode(decoder_,
                   "\x40\x0a"
                   "custom-key"
                   "\x0d"
                   "custom-header"),
            "custom-key=custom-header;");
  EXPECT_EQ(Decode(decoder_, "\xbe"), "custom-key=custom-header;");
  // C.6.1's date, as a literal that is not indexed.
  EXPECT_EQ(Decode(decoder_,
                   "\x0f\x12\x96\xd0\x7a\xbe\x94\x10\x54\xd4\x44\xa8\x20\x05\x95\x04\x0b\x81\x66\xe0\x82\xa6"
                   "\x2d\x1b\xff"),
            "date=Mon, 21 Oct 2013 20:13:21 GMT;");
}

TEST_F(HpackTest, MalformedBlocksAreErrors) {
  const std::string cases[] = {
      std::string("\x80", 1),      // Index 0.
      "\xbe",                      // An entry that is not there.
      "\xff\xff\xff\xff\xff\x7f",  // An integer beyond all bounds.
      "\xff",                      // An integer cut off.
      std::string("\x00\x01", 2),  // A name cut off.
      std::string("\x00\x01x\x05"
                  "ab",
                  6),                                   // A value cut off.
      std::string("\x00\x01x", 3),                      // No value.
      std::string("\x00\x01x\x81\xfe", 5),              // A code cut off.
      std::string("\x00\x01x\x82\x1f\xff", 6),          // More than 7 bits of padding.
      std::string("\x00\x01x\x81\x18", 5),              // Padding of zeros.
      std::string("\x00\x01x\x84\xff\xff\xff\xff", 8),  // The end-of-string symbol.
      "\x3f\xe2\x1f",                                   // A table larger than allowed.
      "\x40\x01x\x01y\x20",                             // A table's size after a field.
      std::string("\x00\x01x\x01y\x20", 6),             // The same after a literal that is not indexed.
      std::string("\x88\x20", 2),                       // And after a reference.
      "\x40\x01",                                       // An indexed literal cut off.
  };
  for (const std::string& block : cases) {
    HpackDecoder decoder;
    EXPECT_EQ(Decode(decoder, block), "error") << testing::PrintToString(block);
  }
}

TEST_F(HpackTest, ATableSizeThatThePeerChangesTakesEffectInTheNextBlock) {
  HeaderList list;
  list.Add(":status", "200");
  list.Add("server", "weir");
  for (const uint32_t size : {0u, 4096u, 100u, 50u, 1'000'000u}) {
    Decode(decoder_, Encode(encoder_, list));
    encoder_.SetTableBytes(size);
    for (int i = 0; i < 3; ++i) {
      HeaderCollector collector({.list_bytes = 1000, .fields = 10, .decoded_bytes = 1000});
      collector.Begin(BlockKind::kResponse);
      ASSERT_EQ(decoder_.Decode(Encode(encoder_, list), collector), HpackDecoder::Result::kOk) << size;
      EXPECT_EQ(Text(collector.list()), ":status=200;server=weir;");
    }
  }
}

// The library writes the first field after a change of the table's size, with Huffman's code: its coder against ours.
TEST_F(HpackTest, TheLibrarysHuffmanCodeIsReadBack) {
  std::mt19937 rng(7);
  for (int i = 0; i < 3000; ++i) {
    std::string value;
    const size_t size = rng() % 60;
    const int range = i % 3 == 0 ? 10 : i % 3 == 1 ? 94 : 223;
    while (value.size() < size) {
      const char c = static_cast<char>(33 + rng() % range);
      if (c != 0x7f) value.push_back(c);
    }
    HeaderList list;
    list.Add("name-of-a-field", value, Indexing::kNever);
    encoder_.SetTableBytes(4096);
    ASSERT_EQ(Decode(decoder_, Encode(encoder_, list)), "name-of-a-field=" + value + "!;");
  }
}

TEST_F(HpackTest, EverySymbolHasItsCode) {
  for (int c = 0; c < 256; ++c) {
    // Short symbols around it make the library choose the code.
    const std::string value = std::string(40, '0') + static_cast<char>(c) + std::string(c % 8, '1');
    HpackEncoder encoder(4096);
    HeaderList list;
    list.Add("x", value, Indexing::kNever);
    encoder.SetTableBytes(4096);
    const std::string block = Encode(encoder, list);
    const size_t at = block.find('\x10') + 1;  // 0x10, the name, the value.
    const auto skip = [&](size_t from) { return from + 1 + (block[from] & 0x7f); };
    const size_t value_at = skip(at);
    ASSERT_TRUE((block[value_at] & 0x80) != 0) << c;
    const std::string_view encoded = std::string_view(block).substr(value_at + 1);
    std::string decoded(HuffmanBound(encoded.size()), '\0');
    const std::optional<size_t> size = DecodeHuffman(encoded, decoded.data());
    ASSERT_TRUE(size.has_value()) << c;
    ASSERT_EQ(decoded.substr(0, *size), value) << c;
  }
}

TEST_F(HpackTest, AnyListsSurviveWhileTheTableTurnsOver) {
  const unsigned seed = std::random_device()();
  std::cout << "seed " << seed << "\n";
  std::mt19937 rng(seed);
  for (int i = 0; i < 5000; ++i) {
    HeaderList list;
    for (size_t fields = rng() % 12; fields > 0; --fields) {
      const std::string name = "n" + std::to_string(rng() % 40);
      const std::string value = std::to_string(rng() % 5) + std::string(rng() % 8 == 0 ? rng() % 900 : 0, 'v');
      list.Add(name, value, rng() % 10 == 0 ? Indexing::kNever : Indexing::kAllowed);
    }
    if (rng() % 100 == 0) encoder_.SetTableBytes(rng() % 5000);
    ASSERT_EQ(Decode(decoder_, Encode(encoder_, list)), Text(list)) << i;
  }
}

}  // namespace
}  // namespace weir::http2
