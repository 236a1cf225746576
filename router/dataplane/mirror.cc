#include "router/dataplane/mirror.h"

#include <algorithm>
#include <utility>

#include "config/limits.h"
#include "router/dataplane/header_filter.h"

namespace weir::dataplane {

void MirrorTap::Send(const http2::Slice& data, bool end_stream) {
  if (copy_ != nullptr) copy_->Send(data, end_stream);
}

void MirrorTap::Abandon() {
  if (copy_ != nullptr) copy_->Abandon();
}

void MirrorTap::Detach() {
  if (copy_ != nullptr) std::exchange(copy_, nullptr)->LoseTap();
}

void Mirrors::Start(const MirrorRequest& request, MirrorTap& tap) {
  if (in_flight() >= config::limits::kMirrorCalls) {
    ++(*counts_).mirrors[request.key].dropped;
    return;
  }
  if (free_.empty()) {
    copies_.push_back(std::make_unique<MirrorCopy>(*this));
    free_.push_back(copies_.back().get());
  }
  MirrorCopy* copy = free_.back();
  free_.pop_back();
  copy->Start(request, tap);
}

MirrorCopy::MirrorCopy(Mirrors& mirrors)
    : mirrors_(mirrors), deadline_timer_([this] { Fail(GrpcCode::kDeadlineExceeded); }) {}

void MirrorCopy::Start(const MirrorRequest& request, MirrorTap& tap) {
  key_ = request.key;
  error_codes_ = request.error_codes;
  is_request_ended_ = request.end_stream;
  times_ = {};
  headers_.Clear();
  for (const http2::HeaderField field : *request.headers) {
    if (field.name != "grpc-timeout") headers_.Add(field.name, field.value, field.indexing);
  }
  headers_.Add(kMirrorHeader, "1");
  TimeoutBuffer buffer;
  headers_.Add("grpc-timeout", FormatTimeout(request.deadline, buffer), http2::Indexing::kNever);
  deadline_ = *mirrors_.now_ + request.deadline;
  tap_ = &tap;
  tap.copy_ = this;
  mirrors_.timers_->Set(deadline_timer_, deadline_);
  const StreamSource::Placement placement = mirrors_.models_->Place(request.model, *this);
  switch (placement.answer) {
    case StreamSource::Answer::kNow:
      return Open(*placement.session);
    case StreamSource::Answer::kWait:
      return;
    default:
      return Drop();
  }
}

void MirrorCopy::Open(UpstreamSession& session) {
  if (!session.port().session().TakesHeaders(headers_)) return Drop();
  const bool ends_now = is_request_ended_ && waiting_.empty();
  stream_ = session.Start(headers_, ends_now, this);
  if (stream_ == 0) return Drop();
  upstream_ = &session;
  times_.HeadersSent(*mirrors_.now_);
  if (waiting_.empty()) return;
  session.port().Writing().SendData(stream_, http2::Slice::Copy(waiting_), is_request_ended_);
  waiting_ = {};
}

void MirrorCopy::Send(const http2::Slice& data, bool end_stream) {
  if (mirrors_.unsent_bytes_ + data.size() > config::limits::kMirrorBytes) return Drop();
  mirrors_.unsent_bytes_ += data.size();
  unsent_ += data.size();
  is_request_ended_ = end_stream;
  times_.ScanRequest(data.view());
  if (upstream_ == nullptr) {
    waiting_.append(data.view());
    return;
  }
  upstream_->port().Writing().SendData(stream_, data, end_stream);
}

void MirrorCopy::Abandon() {
  if (!is_request_ended_) Drop();
}

void MirrorCopy::OnStreamAvailable(UpstreamSession& session) { Open(session); }

void MirrorCopy::OnModelUnavailable() { Drop(); }

void MirrorCopy::OnUpstreamHeaders(http2::HeaderList& headers, bool end_stream) {
  if (!end_stream) return;
  const std::optional<std::string_view> status = headers.Find("grpc-status");
  Answered(status.has_value() ? ParseGrpcStatus(*status) : CodeOfHttpStatus(headers.Find(":status").value_or("")));
}

void MirrorCopy::OnUpstreamData(http2::Slice data, uint32_t flow_bytes, bool end_stream) {
  times_.ScanResponse(data.view(), *mirrors_.now_);
  upstream_->port().Consume(stream_, flow_bytes);
  if (end_stream) Answered(GrpcCode::kUnknown);
}

void MirrorCopy::OnUpstreamReset(http2::ErrorCode code) {
  upstream_ = nullptr;
  Fail(CodeOfReset(code));
}

void MirrorCopy::OnUpstreamSent(size_t bytes) {
  const size_t left = std::min(bytes, unsent_);
  unsent_ -= left;
  mirrors_.unsent_bytes_ -= left;
  times_.RequestBytesSent(*mirrors_.now_);
}

void MirrorCopy::OnUpstreamLost() {
  upstream_ = nullptr;
  Fail(GrpcCode::kUnavailable);
}

void MirrorCopy::Answered(GrpcCode code) {
  Count(code);
  Close(http2::ErrorCode::kNoError);
}

void MirrorCopy::Fail(GrpcCode code) {
  if (stream_ == 0) return Drop();  // The deadline passed while it waited.
  Count(code);
  Close(http2::ErrorCode::kCancel);
}

void MirrorCopy::Count(GrpcCode code) {
  mirrors_.counts_->mirrors[key_].Count(static_cast<int>(code), stats::Reason::kAssigned,
                                        times_.LatencyAt(*mirrors_.now_), IsModelsError(error_codes_, code));
}

void MirrorCopy::Drop() {
  ++mirrors_.counts_->mirrors[key_].dropped;
  Close(http2::ErrorCode::kCancel);
}

void MirrorCopy::Close(http2::ErrorCode code) {
  deadline_timer_.Cancel();
  WaiterQueue::Withdraw(*this);
  if (tap_ != nullptr) std::exchange(tap_, nullptr)->copy_ = nullptr;
  if (UpstreamSession* upstream = std::exchange(upstream_, nullptr)) {
    // What the model has not taken of a request that it answered must not keep the stream open.
    if (upstream->port().session().queued_bytes(stream_) > 0) code = http2::ErrorCode::kCancel;
    if (code == http2::ErrorCode::kNoError && is_request_ended_) {
      upstream->Close(stream_);
    } else {
      upstream->Reset(stream_, code);
    }
  }
  stream_ = 0;
  waiting_ = {};
  mirrors_.unsent_bytes_ -= std::exchange(unsent_, 0);
  mirrors_.free_.push_back(this);
}

}  // namespace weir::dataplane
