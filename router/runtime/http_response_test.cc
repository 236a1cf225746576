#include "router/runtime/http_response.h"

#include <string>

#include "absl/status/statusor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace weir::runtime {
namespace {

using ::testing::HasSubstr;

constexpr HttpLimits kLimits{.head_bytes = 1000, .body_bytes = 100};

// The answer, or why there is none, read in pieces of that size.
absl::StatusOr<HttpResponse> Read(const std::string& bytes, size_t piece = 1000, bool is_closed = true) {
  HttpResponseReader reader(kLimits);
  for (size_t at = 0; at < bytes.size(); at += piece) {
    if (absl::Status status = reader.Read(bytes.substr(at, piece)); !status.ok()) return status;
  }
  if (!reader.is_whole() && !is_closed) return absl::UnavailableError("not whole");
  if (absl::Status status = reader.Close(); !status.ok()) return status;
  return reader.response();
}

std::string ErrorOf(const std::string& bytes) { return std::string(Read(bytes).status().message()); }

TEST(HttpResponseTest, ReadsABodyOfAGivenLength) {
  EXPECT_EQ(Read("HTTP/1.1 200 OK\r\ncontent-length: 5\r\nx: y\r\n\r\nhello", 1000, false).value(),
            (HttpResponse{200, "hello"}));
  EXPECT_EQ(Read("HTTP/1.1 404 Not Found\r\nContent-Length:0\r\n\r\n", 1000, false).value(), (HttpResponse{404, ""}));
}

TEST(HttpResponseTest, ReadsChunksAndPassesOverTrailers) {
  EXPECT_EQ(Read("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nt: u\r\n\r\n",
                 1000, false)
                .value(),
            (HttpResponse{200, "hello"}));
}

TEST(HttpResponseTest, WithoutALengthTheCloseEndsTheBody) {
  EXPECT_EQ(Read("HTTP/1.0 200\r\n\r\nhello").value(), (HttpResponse{200, "hello"}));
}

TEST(HttpResponseTest, PassesOverInterimAnswers) {
  EXPECT_EQ(
      Read("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 \r\nx: y\r\n\r\nHTTP/1.1 204 No\r\n\r\n", 1000, false).value(),
      (HttpResponse{204, ""}));
}

TEST(HttpResponseTest, WhatFollowsAWholeAnswerIsNotLookedAt) {
  EXPECT_EQ(Read("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhello").value(), (HttpResponse{200, "he"}));
}

TEST(HttpResponseTest, PiecesOfAnySizeMakeTheSameAnswer) {
  const std::string bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n";
  for (size_t piece = 1; piece < bytes.size(); ++piece) {
    EXPECT_EQ(Read(bytes, piece, false).value(), (HttpResponse{200, "hello"})) << piece;
  }
}

TEST(HttpResponseTest, WhatIsNotHttpIsRefused) {
  const std::pair<const char*, const char*> kWrong[] = {
      {"SSH-2.0-OpenSSH\r\n\r\n", "status line"},
      {"HTTP/1.1 99 X\r\n\r\n", "status line"},
      {"HTTP/1.1 2000 X\r\n\r\n", "status line"},
      {"HTTP/2 200\r\n\r\n", "status line"},
      {"\r\n\r\n", "status line"},
      {"HTTP/1.1 101 Switching\r\n\r\n", "switches protocols"},
      {"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "header has no name"},
      {"HTTP/1.1 200 OK\r\nname : v\r\n\r\n", "header has no name"},
      {"HTTP/1.1 200 OK\r\n folded: v\r\n\r\n", "header has no name"},
      {"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n", "length is no number"},
      {"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\na", "given twice"},
      {"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n", "chunked and has a length"},
      {"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n", "coding is not chunked"},
      {"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nx\r\n", "chunk has no size"},
      {"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nabc", "longer than it says"},
  };
  for (const auto& [bytes, why] : kWrong) {
    EXPECT_EQ(Read(bytes).status().code(), absl::StatusCode::kInvalidArgument) << bytes;
    EXPECT_THAT(ErrorOf(bytes), HasSubstr(why)) << bytes;
  }
}

TEST(HttpResponseTest, WhatIsCutShortIsNoAnswer) {
  for (const char* bytes : {"", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhell",
                            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n"}) {
    EXPECT_EQ(Read(bytes).status().code(), absl::StatusCode::kUnavailable) << bytes;
  }
}

TEST(HttpResponseTest, HeadAndBodyAreBounded) {
  const std::string head = "HTTP/1.1 200 OK\r\n";
  const std::string chunked = head + "transfer-encoding: chunked\r\n\r\n";
  std::string many_chunks = chunked;
  for (int i = 0; i < 400; ++i) many_chunks += "000001\r\na\r\n";
  for (const std::string& bytes :
       {head + "x: " + std::string(1000, 'y'), head + "content-length: 101\r\n\r\n",
        head + "content-length: 18446744073709551615\r\n\r\n", head + "\r\n" + std::string(101, 'b'),
        chunked + "65\r\n", chunked + "ffffffffffffffff\r\n", many_chunks, chunked + std::string(1200, '0'),
        chunked + "0\r\n" + std::string(1200, 't')}) {
    EXPECT_EQ(Read(bytes).status().code(), absl::StatusCode::kResourceExhausted) << bytes.substr(0, 80);
  }
}

}  // namespace
}  // namespace weir::runtime
