#include "router/http2/frame.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace weir::http2 {
namespace {

std::string Bytes(FrameType type, uint8_t flags, StreamId stream, std::string_view payload) {
  std::string bytes(kFrameHeadBytes, '\0');
  WriteFrameHead({static_cast<uint32_t>(payload.size()), type, flags, stream},
                 reinterpret_cast<uint8_t*>(bytes.data()));
  return bytes.append(payload);
}

// Everything that a reader finds in `bytes`, given in pieces of `piece`: "type:payload" and, for DATA, "head" and
// bytes.
std::string Found(const std::string& bytes, size_t piece) {
  FrameReader reader(100);
  std::string found;
  for (size_t at = 0; at < bytes.size(); at += piece) {
    Slice slice = Slice::Copy(bytes.substr(at, piece));
    for (bool more = true; more;) {
      switch (reader.Next(slice)) {
        case FrameReader::Step::kNeedMore:
          more = false;
          EXPECT_TRUE(slice.empty());
          break;
        case FrameReader::Step::kFrame:
          found += std::to_string(static_cast<int>(reader.head().type)) + ":" + std::string(reader.payload()) + ";";
          break;
        case FrameReader::Step::kDataHead:
          found += "head" + std::to_string(reader.data_size()) + ":";
          break;
        case FrameReader::Step::kDataPiece:
          found += reader.piece().view();
          if (reader.data_size() == 0) found += ";";
          break;
        case FrameReader::Step::kTooLong:
          return found + "too long";
        case FrameReader::Step::kBadPadding:
          return found + "bad padding";
      }
    }
  }
  return found;
}

TEST(FrameTest, AHeadSurvivesWritingAndReading) {
  const FrameHead head{.length = 0xabcdef, .type = FrameType::kGoAway, .flags = 0x5a, .stream = kMaxStreamId};
  uint8_t bytes[kFrameHeadBytes];
  WriteFrameHead(head, bytes);
  const FrameHead read = ReadFrameHead(bytes);
  EXPECT_EQ(read.length, head.length);
  EXPECT_EQ(read.type, head.type);
  EXPECT_EQ(read.flags, head.flags);
  EXPECT_EQ(read.stream, head.stream);
}

TEST(FrameTest, TheReservedBitOfAStreamIsIgnored) {
  const uint8_t bytes[] = {0, 0, 0, 0, 0, 0x80, 0, 0, 3};
  EXPECT_EQ(ReadFrameHead(bytes).stream, 3u);
}

TEST(FrameReaderTest, FindsTheSameFramesInAnyPieces) {
  const std::string bytes = Bytes(FrameType::kPing, 0, 0, "12345678") + Bytes(FrameType::kSettings, 0, 0, "") +
                            Bytes(FrameType::kData, 0, 1, "some data") + Bytes(FrameType::kData, 0, 1, "") +
                            Bytes(FrameType::kData, flags::kPadded, 1,
                                  "\x03"
                                  "dataPAD") +
                            Bytes(FrameType::kData, flags::kPadded, 1,
                                  "\x03"
                                  "PAD") +
                            Bytes(FrameType::kHeaders, 0, 1, "h") + Bytes(FrameType::kPing, 0, 0, "abcdefgh");
  for (size_t piece = 1; piece <= bytes.size(); ++piece) {
    EXPECT_EQ(Found(bytes, piece), "6:12345678;4:;head9:some data;head0:head4:data;head0:1:h;6:abcdefgh;") << piece;
  }
}

TEST(FrameReaderTest, RefusesLongFramesAndBadPaddingAtTheirHead) {
  EXPECT_EQ(Found(Bytes(FrameType::kData, 0, 1, std::string(101, 'x')), 9), "too long");
  EXPECT_EQ(Found(Bytes(FrameType::kData, flags::kPadded, 1, ""), 1), "bad padding");
  EXPECT_EQ(Found(Bytes(FrameType::kData, flags::kPadded, 1,
                        "\x05"
                        "abcd"),
                  1),
            "bad padding");
}

TEST(FrameReaderTest, DataIsPassedOnByReference) {
  FrameReader reader(1000);
  Slice slice = Slice::Copy(Bytes(FrameType::kData, 0, 1, "payload"));
  const uint8_t* begin = slice.data();
  ASSERT_EQ(reader.Next(slice), FrameReader::Step::kDataHead);
  ASSERT_EQ(reader.Next(slice), FrameReader::Step::kDataPiece);
  EXPECT_EQ(reader.piece().data(), begin + kFrameHeadBytes);
}

}  // namespace
}  // namespace weir::http2
