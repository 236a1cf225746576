// The half of a session that sends.

#include "router/http2/session.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace weir::http2 {
namespace {

constexpr uint32_t kDefaultWindow = 65535;  // RFC 9113, 6.9.2.
constexpr uint32_t kDefaultFrameSize = 16384;
constexpr size_t kSettingBytes = 6;

void AppendSetting(SettingId id, uint32_t value, std::string& payload) {
  uint8_t bytes[kSettingBytes] = {static_cast<uint8_t>(static_cast<uint16_t>(id) >> 8), static_cast<uint8_t>(id)};
  WriteUint32(value, bytes + 2);
  payload.append(reinterpret_cast<const char*>(bytes), sizeof(bytes));
}

}  // namespace

std::unique_ptr<Session> Session::Create(Role role, const SessionOptions& options, SessionEvents* events) {
  return std::unique_ptr<Session>(new Session(role, options, events));
}

Session::Session(Role role, const SessionOptions& options, SessionEvents* events)
    : role_(role),
      options_(options),
      events_(events),
      reader_(options.max_frame_size),
      encoder_(limits::kHpackTableBytes),
      collector_({.list_bytes = options.max_header_list_bytes,
                  .fields = options.max_header_fields,
                  .decoded_bytes = uint64_t{limits::kDecodedListsPerBlock} * options.max_header_list_bytes}),
      next_stream_(options.first_stream),
      receive_window_(std::max(options.connection_window, kDefaultWindow)) {
  QueuePreface();
}

void Session::QueuePreface() {
  std::string settings;
  if (role_ == Role::kClient) {
    output_.Append(kClientPreface);
    AppendSetting(SettingId::kEnablePush, 0, settings);
  } else {
    AppendSetting(SettingId::kMaxConcurrentStreams, options_.max_concurrent_streams, settings);
    AppendSetting(SettingId::kNoRfc7540Priorities, 1, settings);
  }
  if (options_.stream_window != kDefaultWindow) {
    AppendSetting(SettingId::kInitialWindowSize, options_.stream_window, settings);
  }
  if (options_.max_frame_size != kDefaultFrameSize) {
    AppendSetting(SettingId::kMaxFrameSize, options_.max_frame_size, settings);
  }
  AppendSetting(SettingId::kMaxHeaderListSize, options_.max_header_list_bytes, settings);
  WriteFrame({.type = FrameType::kSettings}, settings);
  if (receive_window_ > kDefaultWindow) WriteWindowUpdate(0, static_cast<uint32_t>(receive_window_ - kDefaultWindow));
}

// --- Frames.

void Session::WriteFrame(const FrameHead& head, std::string_view payload) {
  FrameHead complete = head;
  complete.length = static_cast<uint32_t>(payload.size());
  const size_t size = kFrameHeadBytes + payload.size();
  uint8_t* to = output_.Reserve(size);
  WriteFrameHead(complete, to);
  if (!payload.empty()) std::memcpy(to + kFrameHeadBytes, payload.data(), payload.size());
  output_.Commit(size);
}

void Session::WriteHeaders(StreamId id, const HeaderList& headers, bool end_stream) {
  FrameHead head{.type = FrameType::kHeaders,
                 .flags = static_cast<uint8_t>(flags::kEndHeaders | (end_stream ? flags::kEndStream : 0)),
                 .stream = id};
  const size_t bound = HpackEncoder::Bound(headers);
  if (bound <= limits::kMaxSentFrameBytes / 2) {
    uint8_t* to = output_.Reserve(kFrameHeadBytes + bound);
    head.length = static_cast<uint32_t>(encoder_.Encode(headers, to + kFrameHeadBytes));
    WriteFrameHead(head, to);
    output_.Commit(kFrameHeadBytes + head.length);
    return;
  }
  long_block_.resize(bound);
  long_block_.resize(encoder_.Encode(headers, reinterpret_cast<uint8_t*>(long_block_.data())));
  std::string_view left = long_block_;
  do {
    const std::string_view part = left.substr(0, limits::kMaxSentFrameBytes);
    left.remove_prefix(part.size());
    if (!left.empty())
      head.flags &= static_cast<uint8_t>(~flags::kEndHeaders);
    else
      head.flags |= flags::kEndHeaders;
    WriteFrame(head, part);
    head = {.type = FrameType::kContinuation, .stream = id};
  } while (!left.empty());
}

// One frame with the whole of `data`, which windows and frame size allow.
void Session::WriteData(Stream& stream, Slice data, bool end_stream) {
  const FrameHead head{.length = static_cast<uint32_t>(data.size()),
                       .type = FrameType::kData,
                       .flags = end_stream ? flags::kEndStream : uint8_t{0},
                       .stream = stream.id};
  const size_t copied = data.size() < Output::kReferenceFrom ? data.size() : 0;
  uint8_t* to = output_.Reserve(kFrameHeadBytes + copied);
  WriteFrameHead(head, to);
  if (copied > 0) std::memcpy(to + kFrameHeadBytes, data.data(), copied);
  output_.Commit(kFrameHeadBytes + copied);
  if (copied == 0) output_.Append(std::move(data));
  NoteSent(stream, head.length);
}

// The same with the first `size` bytes of the stream's queue.
void Session::WriteQueued(Stream& stream, size_t size, bool end_stream) {
  const FrameHead head{.length = static_cast<uint32_t>(size),
                       .type = FrameType::kData,
                       .flags = end_stream ? flags::kEndStream : uint8_t{0},
                       .stream = stream.id};
  WriteFrameHead(head, output_.Reserve(kFrameHeadBytes));
  output_.Commit(kFrameHeadBytes);
  stream.queue.MoveTo(output_, size);
  NoteSent(stream, head.length);
}

void Session::WriteReset(StreamId id, ErrorCode code) {
  uint8_t payload[4];
  WriteUint32(static_cast<uint32_t>(code), payload);
  WriteFrame({.type = FrameType::kRstStream, .stream = id}, {reinterpret_cast<char*>(payload), sizeof(payload)});
  ++counts_.resets_sent;
}

void Session::WriteWindowUpdate(StreamId id, uint32_t increment) {
  uint8_t payload[4];
  WriteUint32(increment, payload);
  WriteFrame({.type = FrameType::kWindowUpdate, .stream = id}, {reinterpret_cast<char*>(payload), sizeof(payload)});
}

void Session::SendPing(uint64_t payload) {
  if (!failure_.ok()) return;
  uint8_t bytes[8];
  WriteUint32(static_cast<uint32_t>(payload >> 32), bytes);
  WriteUint32(static_cast<uint32_t>(payload), bytes + 4);
  WriteFrame({.type = FrameType::kPing}, {reinterpret_cast<char*>(bytes), sizeof(bytes)});
}

void Session::SendGoAway(StreamId last_stream, ErrorCode code, std::string_view debug_data) {
  if (!failure_.ok()) return;
  goaway_limit_ = std::min(goaway_limit_, last_stream);  // It may only fall (RFC 9113, 6.8).
  std::string payload(8, '\0');
  WriteUint32(goaway_limit_, reinterpret_cast<uint8_t*>(payload.data()));
  WriteUint32(static_cast<uint32_t>(code), reinterpret_cast<uint8_t*>(payload.data()) + 4);
  payload.append(debug_data);
  WriteFrame({.type = FrameType::kGoAway}, payload);
}

// --- Streams.

Stream& Session::OpenStream(StreamId id) {
  Stream& stream = streams_.Open(id);
  stream.send_window = peer_initial_window_;
  stream.receive_window = options_.stream_window;
  // The peer may not know our window yet, and then uses the protocol's own.
  if (!settings_acknowledged_) stream.receive_window = std::max(options_.stream_window, kDefaultWindow);
  stream.opened_in = budget_.period();
  ++counts_.streams_opened;
  return stream;
}

void Session::CloseStream(Stream& stream, ClosedStreams::Fate fate) {
  UnlinkReady(stream);
  closed_.Closed(stream.id, fate);
  streams_.Close(stream);
}

uint32_t Session::open_capacity() const {
  if (role_ != Role::kClient || goaway_received_ || !failure_.ok() || next_stream_ > kMaxStreamId) return 0;
  const size_t open = streams_.size();
  return open >= peer_max_streams_ ? 0 : static_cast<uint32_t>(peer_max_streams_ - open);
}

StreamId Session::StartRequest(const HeaderList& headers, bool end_stream) {
  if (open_capacity() == 0) return 0;
  const StreamId id = next_stream_;
  next_stream_ += 2;
  closed_.Opened(id);
  Stream& stream = OpenStream(id);
  stream.is_local_ended = end_stream;
  stream.is_body_forbidden = !headers.empty() && headers[0].value == "HEAD" && headers[0].name == ":method";
  budget_.OnStreamOpened();
  WriteHeaders(id, headers, end_stream);
  return id;
}

void Session::SendHeaders(StreamId id, const HeaderList& headers, bool end_stream) {
  Stream* stream = streams_.Find(id);
  if (stream == nullptr || stream->is_local_ended || stream->is_end_queued || !failure_.ok()) return;
  if (!stream->queue.empty()) {
    if (!end_stream) std::abort();  // Only trailers may follow a body: a bug of the owner.
    stream->trailers = headers;
    stream->has_trailers = stream->is_end_queued = true;
    return;
  }
  WriteHeaders(id, headers, end_stream);
  if (end_stream) EndLocal(*stream);
}

// Our END_STREAM is in the output.
void Session::EndLocal(Stream& stream) {
  stream.is_local_ended = true;
  if (stream.is_remote_ended) {
    CloseStream(stream, ClosedStreams::Fate::kEnded);
  } else if (stream.is_reset_after_end) {
    WriteReset(stream.id, ErrorCode::kNoError);
    CloseStream(stream, ClosedStreams::Fate::kResetByUs);
  }
}

void Session::Reset(StreamId id, ErrorCode code) {
  Stream* stream = streams_.Find(id);
  if (stream == nullptr || !failure_.ok()) return;
  if (code == ErrorCode::kNoError && stream->is_end_queued && !stream->is_local_ended) {
    stream->is_reset_after_end = true;
    return;
  }
  WriteReset(id, code);
  ForgetReports(*stream);
  CloseStream(*stream, ClosedStreams::Fate::kResetByUs);
}

// --- Flow control: what we let the peer send.

void Session::Consume(StreamId id, uint32_t flow_bytes) {
  if (flow_bytes == 0 || !failure_.ok()) return;
  CreditConnection(flow_bytes);
  Stream* stream = streams_.Find(id);
  if (stream != nullptr) CreditStream(*stream, flow_bytes);
}

void Session::CreditConnection(uint32_t bytes) {
  const uint32_t window = std::max(options_.connection_window, kDefaultWindow);
  consumed_ += bytes;
  if (receive_window_ + consumed_ > window) std::abort();  // Given back twice: a bug of the owner.
  if (consumed_ * 2 < window) return;
  WriteWindowUpdate(0, consumed_);
  receive_window_ += consumed_;
  consumed_ = 0;
}

void Session::CreditStream(Stream& stream, uint32_t bytes) {
  if (stream.is_remote_ended) return;  // No more is coming: an update would be noise.
  stream.consumed += bytes;
  if (stream.consumed * 2 < options_.stream_window) return;
  WriteWindowUpdate(stream.id, stream.consumed);
  stream.receive_window += stream.consumed;
  stream.consumed = 0;
}

int64_t Session::receive_window(StreamId id) const {
  const Stream* stream = streams_.Find(id);
  return stream == nullptr ? 0 : stream->receive_window;
}

// --- Flow control: what the peer lets us send.

uint32_t Session::SendableNow(const Stream& stream) const {
  if (output_.size() >= options_.max_output_bytes) return 0;
  const int64_t window = std::min(stream.send_window, send_window_);
  const uint32_t frame = std::min(peer_max_frame_size_, limits::kMaxSentFrameBytes);
  return static_cast<uint32_t>(std::clamp<int64_t>(window, 0, frame));
}

void Session::SendData(StreamId id, Slice data, bool end_stream) {
  Stream* stream = streams_.Find(id);
  if (stream == nullptr || stream->is_local_ended || stream->is_end_queued || !failure_.ok()) return;
  // Nobody waits before it: the bytes leave now, as far as they may.
  if (first_ready_ == nullptr && stream->queue.empty()) {
    for (uint32_t n = SendableNow(*stream); n > 0 && n < data.size(); n = SendableNow(*stream)) {
      WriteData(*stream, data.Sub(0, n), false);
      data.RemovePrefix(n);
    }
    if (data.size() <= SendableNow(*stream)) {
      if (data.empty() && !end_stream) return;
      WriteData(*stream, std::move(data), end_stream);
      if (end_stream) EndLocal(*stream);
      return;
    }
  }
  stream->queue.Append(std::move(data));
  stream->is_end_queued = end_stream;
  if (stream->queue.empty()) {
    if (!end_stream) return;
    WriteData(*stream, Slice(), true);  // Needs no window.
    EndLocal(*stream);
  } else if (stream->send_window > 0) {
    LinkReady(*stream);
  }
}

size_t Session::queued_bytes(StreamId id) const {
  const Stream* stream = streams_.Find(id);
  return stream == nullptr ? 0 : stream->queue.size();
}

void Session::Pump() {
  if (is_pumping_ || !failure_.ok()) return;
  is_pumping_ = true;
  do {
    while (first_ready_ != nullptr && SendableNow(*first_ready_) > 0) SendFrameOf(*first_ready_);
    TellSent();
  } while (first_ready_ != nullptr && SendableNow(*first_ready_) > 0);
  is_pumping_ = false;
}

// One frame of the first in turn, which goes to the back of the line.
void Session::SendFrameOf(Stream& stream) {
  const size_t n = std::min<size_t>(SendableNow(stream), stream.queue.size());
  const bool is_last = n == stream.queue.size();
  UnlinkReady(stream);
  WriteQueued(stream, n, is_last && stream.is_end_queued && !stream.has_trailers);
  if (!is_last) {
    if (stream.send_window > 0) LinkReady(stream);
    return;
  }
  if (!stream.is_end_queued) return;
  if (stream.has_trailers) WriteHeaders(stream.id, stream.trailers, true);
  EndLocal(stream);
}

void Session::LinkReady(Stream& stream) {
  if (stream.is_ready) return;
  stream.is_ready = true;
  stream.previous_ready = last_ready_;
  stream.next_ready = nullptr;
  (last_ready_ == nullptr ? first_ready_ : last_ready_->next_ready) = &stream;
  last_ready_ = &stream;
}

void Session::UnlinkReady(Stream& stream) {
  if (!stream.is_ready) return;
  stream.is_ready = false;
  (stream.previous_ready == nullptr ? first_ready_ : stream.previous_ready->next_ready) = stream.next_ready;
  (stream.next_ready == nullptr ? last_ready_ : stream.next_ready->previous_ready) = stream.previous_ready;
}

void Session::NoteSent(Stream& stream, uint32_t bytes) {
  if (bytes == 0) return;
  stream.send_window -= bytes;
  send_window_ -= bytes;
  budget_.OnUsefulFrame();
  if (stream.report_round != report_round_) {
    stream.report_round = report_round_;
    stream.report = reports_.size();
    reports_.push_back({stream.id, 0});
  }
  reports_[stream.report].bytes += bytes;
}

void Session::TellSent() {
  while (!reports_.empty()) {
    telling_.swap(reports_);
    ++report_round_;
    for (size_t i = 0; i < telling_.size(); ++i) {
      const Report report = std::exchange(telling_[i], {});
      if (report.bytes > 0) events_->OnDataSent(report.stream, report.bytes);
    }
    telling_.clear();
  }
}

// A stream that was reset reports nothing more.
void Session::ForgetReports(Stream& stream) {
  if (stream.report_round == report_round_) reports_[stream.report].bytes = 0;
  // Rare: the owner resets a stream while it is being told what was sent.
  for (Report& report : telling_) {
    if (report.stream == stream.id) report.bytes = 0;
  }
}

}  // namespace weir::http2
