// The half of a session that receives: the stream of frames, DATA and header blocks. Each handler changes the state
// first and tells the owner last, since the owner may call any method from within an event.

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "router/http2/session.h"

namespace weir::http2 {
namespace {

constexpr size_t kPriorityBytes = 5;

const uint8_t* Bytes(std::string_view view) { return reinterpret_cast<const uint8_t*>(view.data()); }

// Answers that never have a body, whatever their content-length says.
bool HasNoBody(int status) { return status == 204 || status == 304; }

}  // namespace

absl::Status Session::Receive(Slice bytes, absl::Time now) {
  if (is_receiving_) std::abort();  // Called from within one of its own events: a bug of the owner.
  if (!failure_.ok()) return failure_;
  is_receiving_ = true;
  appended_before_ = output_.appended();
  budget_.AdvanceTo(now);
  if (ReceivePreface(bytes)) ReceiveFrames(bytes);
  is_receiving_ = false;
  return failure_;
}

// True once frames may follow.
bool Session::ReceivePreface(Slice& bytes) {
  if (role_ == Role::kClient || preface_size_ == kClientPreface.size()) return true;
  const size_t n = std::min(kClientPreface.size() - preface_size_, bytes.size());
  if (bytes.view().substr(0, n) != kClientPreface.substr(preface_size_, n)) {
    return Fail(ErrorCode::kProtocolError, "this is not HTTP/2: the client's preface is wrong");
  }
  preface_size_ += n;
  bytes.RemovePrefix(n);
  return preface_size_ == kClientPreface.size();
}

bool Session::ReceiveFrames(Slice& bytes) {
  while (true) {
    switch (reader_.Next(bytes)) {
      case FrameReader::Step::kNeedMore:
        return true;
      case FrameReader::Step::kFrame:
        if (!OnFrame(reader_.head(), reader_.payload())) return false;
        break;
      case FrameReader::Step::kDataHead:
        if (!OnDataHead(reader_.head(), reader_.data_size())) return false;
        break;
      case FrameReader::Step::kDataPiece:
        if (!OnDataPiece(std::move(reader_.piece()), reader_.data_size() == 0)) return false;
        break;
      case FrameReader::Step::kTooLong:
        return Fail(ErrorCode::kFrameSizeError, "a frame is longer than allowed");
      case FrameReader::Step::kBadPadding:
        return Fail(ErrorCode::kProtocolError, "a DATA frame's padding is not shorter than its payload");
    }
  }
}

bool Session::Fail(ErrorCode code, std::string_view why) {
  SendGoAway(last_peer_stream_, code, why);
  const bool is_limit = code == ErrorCode::kEnhanceYourCalm;
  failure_ = absl::Status(is_limit ? absl::StatusCode::kResourceExhausted : absl::StatusCode::kInvalidArgument,
                          {why.data(), why.size()});
  return false;
}

bool Session::CheckBudget() {
  return budget_.exceeded().empty() || Fail(ErrorCode::kEnhanceYourCalm, budget_.exceeded());
}

bool Session::StreamError(StreamId id, ErrorCode code) {
  Stream* stream = streams_.Find(id);
  if (code == ErrorCode::kRefusedStream && !settings_acknowledged_) {
    budget_.OnIdleFrame();  // The peer does not know yet how many streams we take: no fault, but no free ride.
  } else {
    budget_.OnResetProvoked(stream == nullptr ? budget_.period() : stream->opened_in);
  }
  budget_.OnAnswer(output_.appended(), output_.dropped());
  if (!CheckBudget()) return false;
  WriteReset(id, code);
  if (stream == nullptr) {
    closed_.Closed(id, ClosedStreams::Fate::kResetByUs);
    return true;
  }
  ForgetReports(*stream);
  CloseStream(*stream, ClosedStreams::Fate::kResetByUs);
  events_->OnReset(id, code, false);
  return true;
}

// Whether nobody has opened the stream yet.
bool Session::IsIdle(StreamId id) const {
  const bool is_clients = (id & 1) != 0;
  if (role_ == Role::kClient) return !is_clients || id >= next_stream_;  // Pushing is off: the server opens none.
  return !is_clients || id > std::max(last_peer_stream_, last_ignored_stream_);
}

// Whatever a server still says on a stream that is over is dropped. gRPC's own server ends a stream twice when a call's
// deadline passes; to end the connection for it, as for a client, would cost all other calls on it, of many clients.
bool Session::IsLateAnswer(StreamId id) const { return role_ == Role::kClient && !IsIdle(id); }

bool Session::OnFrame(const FrameHead& head, std::string_view payload) {
  ++counts_.frames_received;
  if (!settings_received_ && (head.type != FrameType::kSettings || head.has(flags::kAck))) {
    return Fail(ErrorCode::kProtocolError, "the first frame is not SETTINGS");
  }
  if (block_.stream != 0 && (head.type != FrameType::kContinuation || head.stream != block_.stream)) {
    return Fail(ErrorCode::kProtocolError, "a header block is interrupted by another frame");
  }
  return OnFrameInSequence(head, payload);
}

bool Session::OnFrameInSequence(const FrameHead& head, std::string_view payload) {
  switch (head.type) {
    case FrameType::kHeaders:
      return OnHeadersFrame(head, payload);
    case FrameType::kPriority:
      return OnPriority(head, payload);
    case FrameType::kRstStream:
      return OnRstStream(head, payload);
    case FrameType::kSettings:
      return OnSettingsFrame(head, payload);
    case FrameType::kPushPromise:
      return Fail(ErrorCode::kProtocolError, "PUSH_PROMISE, though pushing is off");
    case FrameType::kPing:
      return OnPing(head, payload);
    case FrameType::kGoAway:
      return OnGoAwayFrame(head, payload);
    case FrameType::kWindowUpdate:
      return OnWindowUpdate(head, payload);
    case FrameType::kContinuation:
      if (block_.stream == 0) return Fail(ErrorCode::kProtocolError, "CONTINUATION without a header block");
      if (++block_.continuations > limits::kMaxContinuations) {
        return Fail(ErrorCode::kEnhanceYourCalm, "a header block has too many CONTINUATION frames");
      }
      return OnBlockFragment(payload, head.has(flags::kEndHeaders));
    default:
      budget_.OnIdleFrame();
      return CheckBudget();
  }
}

// --- DATA.

bool Session::OnDataHead(const FrameHead& head, uint32_t data_size) {
  ++counts_.frames_received;
  data_stream_ = 0;
  data_ends_stream_ = head.has(flags::kEndStream);
  if (!settings_received_) return Fail(ErrorCode::kProtocolError, "the first frame is not SETTINGS");
  if (block_.stream != 0) return Fail(ErrorCode::kProtocolError, "a header block is interrupted by another frame");
  if (head.stream == 0 || IsIdle(head.stream)) return Fail(ErrorCode::kProtocolError, "DATA on an idle stream");
  budget_.OnDataReceived(data_size == 0 && !data_ends_stream_);
  if (!CheckBudget()) return false;
  if (head.length > receive_window_) return Fail(ErrorCode::kFlowControlError, "DATA beyond the connection's window");
  receive_window_ -= head.length;
  const uint32_t padding = head.length - data_size;
  if (padding > 0) CreditConnection(padding);

  Stream* stream = streams_.Find(head.stream);
  if (stream == nullptr) return OnDataForNoStream(head);
  if (stream->is_remote_ended) return StreamError(head.stream, ErrorCode::kStreamClosed);
  if (!stream->is_head_received) return StreamError(head.stream, ErrorCode::kProtocolError);
  if (head.length > stream->receive_window) return StreamError(head.stream, ErrorCode::kFlowControlError);
  stream->receive_window -= head.length;
  if (padding > 0) CreditStream(*stream, padding);
  if (stream->body_left >= 0 && (stream->body_left -= data_size) < 0) {
    return StreamError(head.stream, ErrorCode::kProtocolError);
  }
  data_stream_ = head.stream;
  return data_size > 0 || !data_ends_stream_ || EndOfBody(head.stream, Slice());
}

// The bytes that follow are dropped and their window is given back.
bool Session::OnDataForNoStream(const FrameHead& head) {
  if (IsLateAnswer(head.stream)) return true;
  switch (closed_.Of(head.stream)) {
    case ClosedStreams::Fate::kResetByUs:
      return true;  // Sent before our RST_STREAM arrived.
    case ClosedStreams::Fate::kSkipped:
      return Fail(ErrorCode::kProtocolError, "DATA on a stream that was skipped");
    case ClosedStreams::Fate::kEnded:
      return Fail(ErrorCode::kStreamClosed, "DATA on a stream that ended");
    default:
      return StreamError(head.stream, ErrorCode::kStreamClosed);
  }
}

bool Session::OnDataPiece(Slice piece, bool is_last) {
  const auto size = static_cast<uint32_t>(piece.size());
  if (data_stream_ == 0 || streams_.Find(data_stream_) == nullptr) {
    CreditConnection(size);
    return CheckBudget();
  }
  if (is_last && data_ends_stream_) return EndOfBody(data_stream_, std::move(piece));
  events_->OnData(data_stream_, std::move(piece), size, false);
  return CheckBudget();
}

bool Session::EndOfBody(StreamId id, Slice last) {
  Stream& stream = *streams_.Find(id);
  const auto size = static_cast<uint32_t>(last.size());
  if (stream.body_left > 0) {
    CreditConnection(size);
    return StreamError(id, ErrorCode::kProtocolError);
  }
  stream.is_remote_ended = true;
  if (stream.is_local_ended) CloseStream(stream, ClosedStreams::Fate::kEnded);
  events_->OnData(id, std::move(last), size, true);
  return true;
}

// --- HEADERS and CONTINUATION.

bool Session::OnHeadersFrame(const FrameHead& head, std::string_view payload) {
  if (head.stream == 0) return Fail(ErrorCode::kProtocolError, "HEADERS on stream 0");
  block_ = {.stream = head.stream, .end_stream = head.has(flags::kEndStream)};
  if (head.has(flags::kPadded)) {
    const size_t padding = payload.empty() ? 0 : Bytes(payload)[0];
    if (payload.size() < 1 + padding) return Fail(ErrorCode::kProtocolError, "HEADERS' padding exceeds the payload");
    payload = payload.substr(1, payload.size() - 1 - padding);
  }
  bool depends_on_itself = false;
  if (head.has(flags::kPriority)) {
    if (payload.size() < kPriorityBytes) return Fail(ErrorCode::kFrameSizeError, "HEADERS is too short");
    depends_on_itself = (ReadUint32(Bytes(payload)) & kMaxStreamId) == head.stream;
    payload.remove_prefix(kPriorityBytes);
  }
  if (!ClassifyBlock(head.stream)) return false;
  if (depends_on_itself && block_.error == ErrorCode::kNoError) block_.error = ErrorCode::kProtocolError;
  collector_.Begin(block_.error == ErrorCode::kNoError ? block_.kind : BlockKind::kIgnored);
  return OnBlockFragment(payload, head.has(flags::kEndHeaders));
}

// What a block on this stream is: a request, a response, trailers, or of no interest.
bool Session::ClassifyBlock(StreamId id) {
  const Stream* stream = streams_.Find(id);
  if (stream == nullptr) return ClassifyBlockForNoStream(id);
  if (stream->is_remote_ended) {
    block_.error = ErrorCode::kStreamClosed;
  } else if (!stream->is_head_received) {
    block_.kind = BlockKind::kResponse;
  } else if (block_.end_stream) {
    block_.kind = BlockKind::kTrailers;
  } else {
    block_.error = ErrorCode::kProtocolError;  // Trailers must end the stream (RFC 9113, 8.1).
  }
  return true;
}

bool Session::ClassifyBlockForNoStream(StreamId id) {
  if (!IsIdle(id)) {
    if (IsLateAnswer(id)) return true;
    switch (closed_.Of(id)) {
      case ClosedStreams::Fate::kResetByUs:
        return true;
      case ClosedStreams::Fate::kSkipped:
        return Fail(ErrorCode::kProtocolError, "HEADERS on a stream that was skipped");
      case ClosedStreams::Fate::kEnded:
        return Fail(ErrorCode::kStreamClosed, "HEADERS on a stream that ended");
      default:
        block_.error = ErrorCode::kStreamClosed;
        return true;
    }
  }
  if (role_ == Role::kClient || (id & 1) == 0) return Fail(ErrorCode::kProtocolError, "HEADERS on an idle stream");
  closed_.Opened(id);
  if (id > goaway_limit_) {
    closed_.Closed(id, ClosedStreams::Fate::kResetByUs);  // Our GOAWAY told that it is not processed.
    last_ignored_stream_ = id;
    return true;
  }
  last_peer_stream_ = id;
  if (streams_.size() >= options_.max_concurrent_streams)
    block_.error = ErrorCode::kRefusedStream;
  else
    block_.kind = BlockKind::kRequest;
  return true;
}

bool Session::OnBlockFragment(std::string_view fragment, bool is_last) {
  counts_.header_bytes_received += fragment.size();
  block_.encoded_bytes += fragment.size();
  if (block_.encoded_bytes > uint64_t{limits::kEncodedListsPerBlock} * options_.max_header_list_bytes) {
    return Fail(ErrorCode::kEnhanceYourCalm, "a header block is far longer than allowed");
  }
  if (!is_last || !long_block_received_.empty()) {
    long_block_received_.append(fragment);
    if (!is_last) return true;
    fragment = long_block_received_;
  }
  const HpackDecoder::Result result = decoder_.Decode(fragment, collector_);
  long_block_received_.clear();
  switch (result) {
    case HpackDecoder::Result::kOk:
      return FinishBlock();
    case HpackDecoder::Result::kCompressionError:
      return Fail(ErrorCode::kCompressionError, "a header block cannot be decoded");
    case HpackDecoder::Result::kTooMuch:
      return Fail(ErrorCode::kEnhanceYourCalm, "a header block unpacks to far more than allowed");
  }
  return false;
}

bool Session::FinishBlock() {
  const StreamId id = std::exchange(block_.stream, 0);
  if (block_.error != ErrorCode::kNoError) return StreamError(id, block_.error);
  if (block_.kind == BlockKind::kIgnored) {
    budget_.OnIdleFrame();
    return CheckBudget();
  }
  switch (collector_.Finish()) {
    case HeaderCollector::Verdict::kTooLarge:
      return StreamError(id, ErrorCode::kEnhanceYourCalm);
    case HeaderCollector::Verdict::kMalformed:
      return StreamError(id, ErrorCode::kProtocolError);
    case HeaderCollector::Verdict::kValid:
      break;
  }
  if (block_.kind == BlockKind::kRequest) return DeliverRequest(id);
  return block_.kind == BlockKind::kTrailers ? DeliverTrailers(*streams_.Find(id))
                                             : DeliverResponse(*streams_.Find(id));
}

bool Session::DeliverRequest(StreamId id) {
  if (block_.end_stream && collector_.content_length() > 0) return StreamError(id, ErrorCode::kProtocolError);
  // Requests that are all refused at once occupy no stream, and each of their answers is longer than they are.
  if (output_.appended() - appended_before_ > limits::kAnswerBytesPerRead) {
    return Fail(ErrorCode::kEnhanceYourCalm, "too many requests at once that are refused");
  }
  Stream& stream = OpenStream(id);
  stream.is_head_received = true;
  stream.is_remote_ended = block_.end_stream;
  stream.body_left = collector_.content_length();
  budget_.OnStreamOpened();
  events_->OnHeaders(id, collector_.list(), block_.end_stream);
  return true;
}

bool Session::DeliverResponse(Stream& stream) {
  const StreamId id = stream.id;
  const bool is_interim = collector_.status() < 200;
  if (is_interim && block_.end_stream) return StreamError(id, ErrorCode::kProtocolError);
  if (!is_interim) {
    stream.is_head_received = true;
    const bool is_body_described = !stream.is_body_forbidden && !HasNoBody(collector_.status());
    stream.body_left = is_body_described ? collector_.content_length() : -1;
    if (block_.end_stream && stream.body_left > 0) return StreamError(id, ErrorCode::kProtocolError);
  }
  return EndWithHeaders(stream);
}

bool Session::DeliverTrailers(Stream& stream) {
  if (stream.body_left > 0) return StreamError(stream.id, ErrorCode::kProtocolError);
  return EndWithHeaders(stream);
}

bool Session::EndWithHeaders(Stream& stream) {
  const StreamId id = stream.id;
  stream.is_remote_ended = block_.end_stream;
  if (stream.is_remote_ended && stream.is_local_ended) CloseStream(stream, ClosedStreams::Fate::kEnded);
  events_->OnHeaders(id, collector_.list(), block_.end_stream);
  return true;
}

}  // namespace weir::http2
