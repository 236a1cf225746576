#include "router/dataplane/own_reply.h"

namespace weir::dataplane {
namespace {

constexpr size_t kPrefixBytes = 5;

}  // namespace

std::string FrameMessage(std::string_view message) {
  std::string framed(kPrefixBytes, '\0');
  for (size_t i = 1, size = message.size(); i < kPrefixBytes; ++i) {
    framed[i] = static_cast<char>(size >> (8 * (kPrefixBytes - 1 - i)));
  }
  return framed.append(message);
}

MessageReader::Result MessageReader::Next(std::string& message) {
  if (buffer_.size() < kPrefixBytes) return Result::kIncomplete;
  if (buffer_.front() != 0) return Result::kCompressed;
  size_t size = 0;
  for (size_t i = 1; i < kPrefixBytes; ++i) size = size << 8 | static_cast<uint8_t>(buffer_[i]);
  if (size > max_message_bytes_) return Result::kTooLarge;
  if (buffer_.size() < kPrefixBytes + size) return Result::kIncomplete;
  message.assign(buffer_, kPrefixBytes, size);
  buffer_.erase(0, kPrefixBytes + size);
  return Result::kMessage;
}

void SendOwnHeaders(ClientSession& client, http2::StreamId stream) {
  http2::HeaderList headers;
  headers.Add(":status", "200");
  headers.Add("content-type", "application/grpc");
  client.port().Writing().SendHeaders(stream, headers, false);
}

void SendOwnTrailers(ClientSession& client, http2::StreamId stream, GrpcCode code, std::string_view message) {
  http2::HeaderList trailers;
  FillErrorTrailers(code, message, trailers);
  client.port().Writing().SendHeaders(stream, trailers, true);
}

void SendOwnError(ClientSession& client, http2::StreamId stream, GrpcCode code, std::string_view message) {
  http2::HeaderList reply;
  FillErrorReply(code, message, reply);
  client.port().Writing().SendHeaders(stream, reply, true);
}

}  // namespace weir::dataplane
