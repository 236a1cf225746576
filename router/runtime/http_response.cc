#include "router/runtime/http_response.h"

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace weir::runtime {
namespace {

absl::Status NotHttp(const char* why) {
  return absl::InvalidArgumentError(absl::StrCat("its answer is not HTTP: ", why));
}

// All of `text`, in that base; nullopt for anything else, and for more than any body could have.
std::optional<size_t> ParseSize(std::string_view text, int base) {
  size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// "HTTP/1.1 200 OK"
std::optional<int> StatusOf(const std::string& line) {
  const bool has_form = line.size() >= 12 && line.starts_with("HTTP/1.") && absl::ascii_isdigit(line[7]) &&
                        line[8] == ' ' && (line.size() == 12 || line[12] == ' ');
  if (!has_form) return std::nullopt;
  const std::optional<size_t> status = ParseSize(std::string_view(line).substr(9, 3), 10);
  if (!status || *status < 100 || *status > 599) return std::nullopt;
  return static_cast<int>(*status);
}

}  // namespace

absl::Status HttpResponseReader::Read(std::string_view bytes) {
  if (is_whole()) return absl::OkStatus();
  input_.append(bytes);
  for (bool goes_on = true; goes_on && !is_whole();) {
    if (absl::Status status = Step(goes_on); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status HttpResponseReader::Close() {
  if (stage_ == Stage::kUntilClose) stage_ = Stage::kWhole;
  if (is_whole()) return absl::OkStatus();
  return absl::UnavailableError("closed the connection before its answer was whole");
}

absl::Status HttpResponseReader::Step(bool& goes_on) {
  switch (stage_) {
    case Stage::kHead:
      return ReadHead(goes_on);
    case Stage::kChunkSize:
      return ReadChunkSize(goes_on);
    case Stage::kTrailers:
      return ReadTrailer(goes_on);
    case Stage::kChunkEnd:
      goes_on = input_.size() >= 2;
      if (!goes_on) return absl::OkStatus();
      if (!input_.starts_with("\r\n")) return NotHttp("a chunk is longer than it says");
      input_.erase(0, 2);
      stage_ = Stage::kChunkSize;
      return absl::OkStatus();
    default:
      return ReadBody(goes_on);
  }
}

// Without its CRLF.
std::optional<std::string> HttpResponseReader::TakeLine() {
  const size_t end = input_.find("\r\n");
  if (end == std::string::npos) return std::nullopt;
  std::string line = input_.substr(0, end);
  input_.erase(0, end + 2);
  line_bytes_ += line.size() + 2;
  return line;
}

absl::Status HttpResponseReader::ReadHead(bool& goes_on) {
  const size_t end = input_.find("\r\n\r\n");
  const size_t size = end == std::string::npos ? input_.size() : end + 4;
  if (line_bytes_ + size > limits_.head_bytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the headers of its answer exceed ", limits_.head_bytes, " bytes"));
  }
  goes_on = end != std::string::npos;
  if (!goes_on) return absl::OkStatus();
  const std::optional<int> status = StatusOf(TakeLine().value_or(""));
  if (!status) return NotHttp("its status line is none");
  Framing framing;
  for (std::string line = *TakeLine(); !line.empty(); line = *TakeLine()) {
    if (absl::Status header = TakeHeader(line, framing); !header.ok()) return header;
  }
  if (*status == 101) return NotHttp("it switches protocols");
  if (*status < 200) return absl::OkStatus();
  response_.status = *status;
  return BeginBody(framing);
}

absl::Status HttpResponseReader::TakeHeader(const std::string& line, Framing& framing) const {
  const size_t colon = line.find(':');
  const std::string name = absl::AsciiStrToLower(line.substr(0, std::min(colon, line.size())));
  if (colon == std::string::npos || name.empty() || name.find_first_of(" \t") != std::string::npos) {
    return NotHttp("a header has no name");
  }
  const std::string value(absl::StripAsciiWhitespace(line.substr(colon + 1)));
  if (name == "transfer-encoding") {
    if (!absl::EqualsIgnoreCase(value, "chunked") || framing.is_chunked) return NotHttp("its coding is not chunked");
    framing.is_chunked = true;
  } else if (name == "content-length") {
    const std::optional<size_t> length = ParseSize(value, 10);
    if (!length || framing.length) return NotHttp("its length is no number, or given twice");
    framing.length = length;
  }
  return absl::OkStatus();
}

absl::Status HttpResponseReader::BeginBody(const Framing& framing) {
  if (framing.is_chunked && framing.length) return NotHttp("it is chunked and has a length");
  if (response_.status == 204 || response_.status == 304) {
    stage_ = Stage::kWhole;
  } else if (framing.is_chunked) {
    stage_ = Stage::kChunkSize;
  } else if (!framing.length) {
    stage_ = Stage::kUntilClose;
  } else {
    left_ = *framing.length;
    stage_ = left_ == 0 ? Stage::kWhole : Stage::kLength;
  }
  return absl::OkStatus();
}

// "1f;extension"
absl::Status HttpResponseReader::ReadChunkSize(bool& goes_on) {
  const std::optional<std::string> line = TakeLine();
  goes_on = line.has_value();
  if (line_bytes_ + (goes_on ? 0 : input_.size()) > limits_.head_bytes + limits_.body_bytes) {
    return absl::ResourceExhaustedError("its answer has too many chunks");
  }
  if (!goes_on) return absl::OkStatus();
  const std::string digits(absl::StripAsciiWhitespace(line->substr(0, line->find(';'))));
  const std::optional<size_t> size = ParseSize(digits, 16);
  if (!size) return NotHttp("a chunk has no size");
  left_ = *size;
  stage_ = left_ == 0 ? Stage::kTrailers : Stage::kChunk;
  return absl::OkStatus();
}

absl::Status HttpResponseReader::ReadTrailer(bool& goes_on) {
  const std::optional<std::string> line = TakeLine();
  goes_on = line.has_value();
  if (line_bytes_ + (goes_on ? 0 : input_.size()) > limits_.head_bytes + limits_.body_bytes) {
    return absl::ResourceExhaustedError("its answer has too many trailers");
  }
  if (goes_on && line->empty()) stage_ = Stage::kWhole;
  return absl::OkStatus();
}

absl::Status HttpResponseReader::ReadBody(bool& goes_on) {
  const bool is_bounded = stage_ != Stage::kUntilClose;
  const size_t size = is_bounded ? std::min(left_, input_.size()) : input_.size();
  const size_t whole = is_bounded && stage_ == Stage::kLength ? left_ : size;  // A length tells beforehand.
  if (response_.body.size() + whole > limits_.body_bytes || (is_bounded && left_ > limits_.body_bytes)) {
    return absl::ResourceExhaustedError(absl::StrCat("its answer exceeds ", limits_.body_bytes, " bytes"));
  }
  response_.body.append(input_, 0, size);
  input_.erase(0, size);
  goes_on = false;
  if (!is_bounded) return absl::OkStatus();
  left_ -= size;
  if (left_ > 0) return absl::OkStatus();
  goes_on = true;
  stage_ = stage_ == Stage::kLength ? Stage::kWhole : Stage::kChunkEnd;
  return absl::OkStatus();
}

}  // namespace weir::runtime
