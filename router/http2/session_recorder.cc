#include "router/http2/session_recorder.h"

#include <algorithm>

namespace weir::http2 {

SessionRecorder::SessionRecorder(Role role, const SessionOptions& options)
    : session_(Session::Create(role, options, this)) {}

std::string SessionRecorder::body(StreamId stream) const {
  for (const auto& [id, body] : bodies_) {
    if (id == stream) return body;
  }
  return "";
}

absl::Status SessionRecorder::Receive(std::string_view bytes) { return session_->Receive(Slice::Copy(bytes), now); }

std::string SessionRecorder::TakeOutput(size_t limit) {
  session_->Pump();
  Output& output = session_->output();
  std::string all;
  iovec vectors[64];
  while (!output.empty() && all.size() < limit) {
    size_t taken = 0;
    for (size_t i = 0, n = output.Gather(vectors); i < n; ++i) {
      const size_t part = std::min(vectors[i].iov_len, limit - all.size());
      all.append(static_cast<const char*>(vectors[i].iov_base), part);
      taken += part;
    }
    output.Drop(taken);
    session_->Pump();
  }
  return all;
}

void SessionRecorder::OnHeaders(StreamId stream, HeaderList& headers, bool end_stream) {
  std::string line = "H" + std::to_string(stream);
  for (const HeaderField field : headers) {
    line.append(" ").append(field.name).append("=").append(field.value);
    if (field.indexing == Indexing::kNever) line.append("!");
  }
  events_.push_back(line + (end_stream ? "$" : ""));
  last_data_ = 0;
  if (on_headers) on_headers(stream, headers, end_stream);
}

void SessionRecorder::OnData(StreamId stream, Slice data, uint32_t flow_bytes, bool end_stream) {
  received_bytes_ += data.size();
  const auto is_of = [&](const auto& body) { return body.first == stream; };
  auto body = std::find_if(bodies_.begin(), bodies_.end(), is_of);
  if (body == bodies_.end()) body = bodies_.insert(bodies_.end(), {stream, ""});
  body->second.append(data.view());
  if (last_data_ != stream) events_.push_back("D" + std::to_string(stream) + " ");
  events_.back().append(data.view()).append(end_stream ? "$" : "");
  last_data_ = end_stream ? 0 : stream;
  if (on_data) on_data(stream, data, end_stream);
  if (is_consuming) session_->Consume(stream, flow_bytes);
}

void SessionRecorder::OnReset(StreamId stream, ErrorCode code, bool by_peer) {
  events_.push_back("R" + std::to_string(stream) + " " + std::to_string(static_cast<uint32_t>(code)) +
                    (by_peer ? " peer" : ""));
  last_data_ = 0;
}

void SessionRecorder::OnDataSent(StreamId stream, size_t bytes) {
  if (is_recording_sent) events_.push_back("S" + std::to_string(stream) + " " + std::to_string(bytes)), last_data_ = 0;
  if (on_sent) on_sent(stream, bytes);
}

void SessionRecorder::OnGoAway(StreamId last_stream, ErrorCode code, std::string_view debug_data) {
  events_.push_back("G" + std::to_string(last_stream) + " " + std::to_string(static_cast<uint32_t>(code)) + " " +
                    std::string(debug_data));
  last_data_ = 0;
}

void SessionRecorder::OnSettings() { events_.push_back("settings"), last_data_ = 0; }

void SessionRecorder::OnPingAck(uint64_t payload) {
  events_.push_back("pong " + std::to_string(payload)), last_data_ = 0;
}

HeaderList Fields(const std::vector<std::string_view>& names_and_values) {
  HeaderList list;
  for (size_t i = 0; i + 1 < names_and_values.size(); i += 2) list.Add(names_and_values[i], names_and_values[i + 1]);
  return list;
}

HeaderList Request(std::string_view path) {
  return Fields({":method", "POST", ":scheme", "http", ":path", path, ":authority", "weir", "te", "trailers",
                 "content-type", "application/grpc"});
}

HeaderList Response() { return Fields({":status", "200", "content-type", "application/grpc"}); }

HeaderList Trailers() { return Fields({"grpc-status", "0"}); }

void Exchange(SessionRecorder& a, SessionRecorder& b) {
  while (true) {
    const std::string to_b = a.TakeOutput();
    if (!to_b.empty()) (void)b.Receive(to_b);
    const std::string to_a = b.TakeOutput();
    if (!to_a.empty()) (void)a.Receive(to_a);
    if (to_a.empty() && to_b.empty()) return;
  }
}

std::string Frame(FrameType type, uint8_t flags, StreamId stream, std::string_view payload) {
  std::string frame(kFrameHeadBytes, '\0');
  WriteFrameHead({static_cast<uint32_t>(payload.size()), type, flags, stream},
                 reinterpret_cast<uint8_t*>(frame.data()));
  return frame.append(payload);
}

std::string Number(uint32_t value) {
  std::string bytes(4, '\0');
  WriteUint32(value, reinterpret_cast<uint8_t*>(bytes.data()));
  return bytes;
}

std::string EncodedBlock(const HeaderList& headers) {
  HpackEncoder encoder(0);
  std::string block(HpackEncoder::Bound(headers), '\0');
  block.resize(encoder.Encode(headers, reinterpret_cast<uint8_t*>(block.data())));
  return block;
}

std::string HeadersFrame(StreamId stream, const HeaderList& headers, bool end_stream) {
  const uint8_t flags = end_stream ? flags::kEndHeaders | flags::kEndStream : flags::kEndHeaders;
  return Frame(FrameType::kHeaders, flags, stream, EncodedBlock(headers));
}

std::string Setting(SettingId id, uint32_t value) {
  const auto number = static_cast<uint16_t>(id);
  return std::string{static_cast<char>(number >> 8), static_cast<char>(number)} + Number(value);
}

}  // namespace weir::http2
