// An answer of HTTP/1.1 as it comes in: bytes go in, and a value is there once it is whole. No socket.
//
// Strict where leniency would be a guess (RFC 9112): lines end in CRLF, a length is given once, of codings there is
// only `chunked`. Interim answers (1xx) are passed over.

#ifndef WEIR_ROUTER_RUNTIME_HTTP_RESPONSE_H_
#define WEIR_ROUTER_RUNTIME_HTTP_RESPONSE_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace weir::runtime {

struct HttpResponse {
  int status = 0;
  std::string body;
  bool operator==(const HttpResponse&) const = default;
};

struct HttpLimits {
  size_t head_bytes = 0;  // The status line and headers, of interim answers too; of a chunked body, its trailers.
  size_t body_bytes = 0;
};

class HttpResponseReader {
 public:
  explicit HttpResponseReader(HttpLimits limits) : limits_(limits) {}

  // What came, in pieces of any size. An error (InvalidArgument: it is no HTTP; ResourceExhausted: beyond the limits)
  // is the last word. What follows a whole answer is not looked at.
  absl::Status Read(std::string_view bytes);
  // The peer has closed: OK where that ends the answer, else why it is not whole.
  absl::Status Close();

  bool is_whole() const { return stage_ == Stage::kWhole; }
  // Once whole.
  HttpResponse& response() { return response_; }

 private:
  enum class Stage { kHead, kLength, kUntilClose, kChunkSize, kChunk, kChunkEnd, kTrailers, kWhole };
  struct Framing {
    std::optional<size_t> length;
    bool is_chunked = false;
  };

  // Each takes from the front of `input_`; false where it needs more.
  absl::Status Step(bool& goes_on);
  absl::Status ReadHead(bool& goes_on);
  absl::Status ReadChunkSize(bool& goes_on);
  absl::Status ReadTrailer(bool& goes_on);
  absl::Status ReadBody(bool& goes_on);
  absl::Status TakeHeader(const std::string& line, Framing& framing) const;
  absl::Status BeginBody(const Framing& framing);
  std::optional<std::string> TakeLine();

  const HttpLimits limits_;
  Stage stage_ = Stage::kHead;
  std::string input_;      // Not looked at yet.
  size_t line_bytes_ = 0;  // Of all lines so far, against head_bytes.
  size_t left_ = 0;        // Of the body, or of the chunk.
  HttpResponse response_;
};

}  // namespace weir::runtime

#endif  // WEIR_ROUTER_RUNTIME_HTTP_RESPONSE_H_
