// The half of a session that receives: the frames that carry no message. Each handler changes the state first and tells
// the owner last.

#include <algorithm>
#include <utility>
#include <vector>

#include "router/http2/session.h"

namespace weir::http2 {
namespace {

constexpr size_t kPriorityBytes = 5;
constexpr size_t kSettingBytes = 6;
constexpr size_t kPingBytes = 8;
constexpr size_t kGoAwayBytes = 8;
constexpr uint32_t kMinFrameSize = 16384;
constexpr uint32_t kMaxFrameSize = (1 << 24) - 1;

const uint8_t* Bytes(std::string_view view) { return reinterpret_cast<const uint8_t*>(view.data()); }

}  // namespace

bool Session::OnPriority(const FrameHead& head, std::string_view payload) {
  if (head.stream == 0) return Fail(ErrorCode::kProtocolError, "PRIORITY on stream 0");
  budget_.OnIdleFrame();
  if (!CheckBudget()) return false;
  ErrorCode error = ErrorCode::kNoError;
  if (payload.size() != kPriorityBytes)
    error = ErrorCode::kFrameSizeError;
  else if ((ReadUint32(Bytes(payload)) & kMaxStreamId) == head.stream)
    error = ErrorCode::kProtocolError;
  if (error == ErrorCode::kNoError) return true;
  if (IsIdle(head.stream)) return Fail(error, "a malformed PRIORITY");  // RST_STREAM may not name an idle stream.
  return StreamError(head.stream, error);
}

bool Session::OnRstStream(const FrameHead& head, std::string_view payload) {
  if (payload.size() != 4) return Fail(ErrorCode::kFrameSizeError, "RST_STREAM of a wrong size");
  if (head.stream == 0 || IsIdle(head.stream)) return Fail(ErrorCode::kProtocolError, "RST_STREAM on an idle stream");
  ++counts_.resets_received;
  Stream* stream = streams_.Find(head.stream);
  if (stream == nullptr) {
    budget_.OnIdleFrame();
    return CheckBudget();
  }
  // A client's requests are our own choice: an upstream that resets them all makes no work that we did not ask for.
  if (role_ == Role::kServer) budget_.OnResetReceived(stream->opened_in);
  if (!CheckBudget()) return false;
  ForgetReports(*stream);
  CloseStream(*stream, ClosedStreams::Fate::kResetByPeer);
  events_->OnReset(head.stream, static_cast<ErrorCode>(ReadUint32(Bytes(payload))), true);
  return true;
}

bool Session::OnSettingsFrame(const FrameHead& head, std::string_view payload) {
  if (head.stream != 0) return Fail(ErrorCode::kProtocolError, "SETTINGS on a stream");
  if (head.has(flags::kAck)) {
    if (!payload.empty()) return Fail(ErrorCode::kFrameSizeError, "an acknowledgement of SETTINGS with a payload");
    settings_acknowledged_ = true;
    budget_.OnIdleFrame();
    return CheckBudget();
  }
  if (payload.size() % kSettingBytes != 0) return Fail(ErrorCode::kFrameSizeError, "SETTINGS of a wrong size");
  budget_.OnSettings();
  budget_.OnAnswer(output_.appended(), output_.dropped());
  if (!CheckBudget()) return false;
  if (!std::exchange(settings_received_, true)) peer_max_streams_ = UINT32_MAX;  // Unlimited unless it says so.
  int64_t initial_window = -1;
  for (; !payload.empty(); payload.remove_prefix(kSettingBytes)) {
    const auto id = static_cast<SettingId>(Bytes(payload)[0] << 8 | Bytes(payload)[1]);
    const uint32_t value = ReadUint32(Bytes(payload) + 2);
    if (!ApplySetting(id, value)) return false;
    if (id == SettingId::kInitialWindowSize) initial_window = value;
  }
  // The last one counts: one pass over the streams, however many there are in the frame.
  if (initial_window >= 0 && !ApplyInitialWindow(static_cast<uint32_t>(initial_window))) return false;
  WriteFrame({.type = FrameType::kSettings, .flags = flags::kAck}, {});
  events_->OnSettings();
  return true;
}

bool Session::ApplySetting(SettingId id, uint32_t value) {
  switch (id) {
    case SettingId::kHeaderTableSize:
      encoder_.SetTableBytes(value);
      return true;
    case SettingId::kEnablePush:
      if (value <= (role_ == Role::kServer ? 1 : 0)) return true;
      return Fail(ErrorCode::kProtocolError, "SETTINGS_ENABLE_PUSH is invalid");
    case SettingId::kMaxConcurrentStreams:
      peer_max_streams_ = value;
      return true;
    case SettingId::kInitialWindowSize:
      return value <= kMaxWindow || Fail(ErrorCode::kFlowControlError, "SETTINGS_INITIAL_WINDOW_SIZE is too large");
    case SettingId::kMaxFrameSize:
      if (value < kMinFrameSize || value > kMaxFrameSize) {
        return Fail(ErrorCode::kProtocolError, "SETTINGS_MAX_FRAME_SIZE is out of range");
      }
      peer_max_frame_size_ = value;
      return true;
    case SettingId::kMaxHeaderListSize:
      peer_max_header_list_bytes_ = value;
      return true;
    case SettingId::kNoRfc7540Priorities:
      return value <= 1 || Fail(ErrorCode::kProtocolError, "SETTINGS_NO_RFC7540_PRIORITIES is invalid");
    default:
      return true;
  }
}

bool Session::ApplyInitialWindow(uint32_t value) {
  const int64_t change = int64_t{value} - peer_initial_window_;
  peer_initial_window_ = value;
  if (change == 0) return true;
  bool overflows = false;
  streams_.ForEach([&](Stream& stream) {
    stream.send_window += change;
    overflows |= stream.send_window > kMaxWindow;
    if (stream.send_window <= 0)
      UnlinkReady(stream);
    else if (!stream.queue.empty())
      LinkReady(stream);
  });
  return !overflows || Fail(ErrorCode::kFlowControlError, "SETTINGS_INITIAL_WINDOW_SIZE overflows a stream's window");
}

bool Session::OnPing(const FrameHead& head, std::string_view payload) {
  if (payload.size() != kPingBytes) return Fail(ErrorCode::kFrameSizeError, "PING of a wrong size");
  if (head.stream != 0) return Fail(ErrorCode::kProtocolError, "PING on a stream");
  budget_.OnIdleFrame();
  if (!head.has(flags::kAck)) budget_.OnAnswer(output_.appended(), output_.dropped());
  if (!CheckBudget()) return false;
  if (!head.has(flags::kAck)) {
    WriteFrame({.type = FrameType::kPing, .flags = flags::kAck}, payload);
    return true;
  }
  events_->OnPingAck(uint64_t{ReadUint32(Bytes(payload))} << 32 | ReadUint32(Bytes(payload) + 4));
  return true;
}

bool Session::OnGoAwayFrame(const FrameHead& head, std::string_view payload) {
  if (head.stream != 0) return Fail(ErrorCode::kProtocolError, "GOAWAY on a stream");
  if (payload.size() < kGoAwayBytes) return Fail(ErrorCode::kFrameSizeError, "GOAWAY is too short");
  budget_.OnIdleFrame();
  if (!CheckBudget()) return false;
  goaway_received_ = true;
  const StreamId last_stream = ReadUint32(Bytes(payload)) & kMaxStreamId;
  const auto code = static_cast<ErrorCode>(ReadUint32(Bytes(payload) + 4));
  std::vector<StreamId> refused;
  if (role_ == Role::kClient) {
    streams_.ForEach([&](const Stream& stream) {
      if (stream.id > last_stream) refused.push_back(stream.id);
    });
  }
  std::sort(refused.begin(), refused.end());
  events_->OnGoAway(last_stream, code, payload.substr(kGoAwayBytes));
  for (const StreamId id : refused) {
    Stream* stream = streams_.Find(id);
    if (stream == nullptr) continue;  // The owner has reset it meanwhile.
    ForgetReports(*stream);
    CloseStream(*stream, ClosedStreams::Fate::kResetByPeer);
    events_->OnReset(id, ErrorCode::kRefusedStream, true);
  }
  return true;
}

bool Session::OnWindowUpdate(const FrameHead& head, std::string_view payload) {
  if (payload.size() != 4) return Fail(ErrorCode::kFrameSizeError, "WINDOW_UPDATE of a wrong size");
  const uint32_t increment = ReadUint32(Bytes(payload)) & kMaxWindow;
  budget_.OnIdleFrame();
  if (!CheckBudget()) return false;
  if (head.stream == 0) {
    if (increment == 0) return Fail(ErrorCode::kProtocolError, "WINDOW_UPDATE of 0");
    send_window_ += increment;
    return send_window_ <= kMaxWindow || Fail(ErrorCode::kFlowControlError, "the connection's window overflows");
  }
  if (IsIdle(head.stream)) return Fail(ErrorCode::kProtocolError, "WINDOW_UPDATE on an idle stream");
  Stream* stream = streams_.Find(head.stream);
  if (stream == nullptr) return true;  // It may cross our END_STREAM or RST_STREAM.
  if (increment == 0) return StreamError(head.stream, ErrorCode::kProtocolError);
  if (stream->send_window + increment > kMaxWindow) return StreamError(head.stream, ErrorCode::kFlowControlError);
  stream->send_window += increment;
  if (stream->send_window > 0 && !stream->queue.empty()) LinkReady(*stream);
  return true;
}

}  // namespace weir::http2
