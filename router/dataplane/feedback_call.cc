#include "router/dataplane/feedback_call.h"

#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "config/limits.h"
#include "proto/weir/v1/feedback.pb.h"

namespace weir::dataplane {
namespace {

constexpr std::string_view kService = "/weir.v1.Feedback/";
// Reports of one stream without an answer: enough to fill a round trip to the control thread, few enough to be fair.
constexpr size_t kReportsInFlightPerCall = 256;
// Receipts that a client has not taken: beyond, no more of its reports are read.
constexpr size_t kUnsentReceiptBytes = 16 * 1024;
constexpr std::string_view kTakesOne = "Report takes exactly one message";
// Calls of one worker. Each is a stream of a client, so this bounds many clients together.
constexpr size_t kFeedbackCalls = 4096;
// Of one connection: none takes the places of all others.
constexpr size_t kFeedbackCallsPerClient = 256;
// The control thread answers within a few milliseconds, or something is wrong with it.
constexpr absl::Duration kLongestAnswer = absl::Seconds(10);

absl::StatusOr<stats::OutcomeReport> ParseReport(std::string_view message, const TicketSealer& tickets) {
  v1::Outcome outcome;
  if (!outcome.ParseFromArray(message.data(), static_cast<int>(message.size()))) {
    return absl::InvalidArgumentError("the message is no weir.v1.Outcome");
  }
  if (outcome.metrics().empty()) return absl::InvalidArgumentError("the report has no metrics");
  if (static_cast<size_t>(outcome.metrics().size()) > config::limits::kFeedbackMetricsPerReport) {
    return absl::InvalidArgumentError("the report has too many metrics");
  }
  absl::StatusOr<stats::Ticket> ticket = tickets.Open(outcome.ticket());
  if (!ticket.ok()) return ticket.status();
  stats::OutcomeReport report{*std::move(ticket), {}};
  for (const auto& [name, value] : outcome.metrics()) {
    if (!std::isfinite(value)) return absl::InvalidArgumentError(absl::StrCat(name, " is not a finite number"));
    report.metrics.emplace(name, value);
  }
  return report;
}

std::string ReceiptMessage(const absl::Status& status) {
  v1::Receipt receipt;
  receipt.set_code(static_cast<int>(status.code()));
  receipt.set_message(std::string(status.message()));
  return receipt.SerializeAsString();
}

}  // namespace

FeedbackCall::FeedbackCall(FeedbackDesk& desk, uint64_t id, ClientSession& client, http2::StreamId stream,
                           bool is_streaming)
    : desk_(desk),
      id_(id),
      client_(client),
      stream_(stream),
      is_streaming_(is_streaming),
      reader_(config::limits::kFeedbackMessageBytes),
      deadline_timer_([this] { End(GrpcCode::kDeadlineExceeded, "the deadline passed"); }) {}

void FeedbackCall::Begin(bool end_stream, absl::Time deadline) {
  client_.Listen(stream_, this);
  is_request_ended_ = end_stream;
  if (deadline != absl::InfiniteFuture()) desk_.services_->timers->Set(deadline_timer_, deadline);
  if (end_stream) EndIfDone();
}

void FeedbackCall::OnClientData(http2::Slice data, uint32_t flow_bytes, bool end_stream) {
  reader_.Append(data.view());
  unread_flow_bytes_ += flow_bytes;
  is_request_ended_ = end_stream;
  ReadMessages();
}

void FeedbackCall::OnClientTrailers(http2::HeaderList&) {
  is_request_ended_ = true;
  ReadMessages();
}

void FeedbackCall::ReadMessages() {
  std::string message;
  for (;;) {
    if (is_streaming_) SendReceipts();
    if (is_streaming_ && desk_.is_draining_ && !is_request_ended_) {
      is_paused_ = true;
      if (receipts_.empty()) End(GrpcCode::kUnavailable, "weir is draining");
      return;
    }
    // The rest stays with the client, whose window is given back when it was read.
    is_paused_ = receipts_.size() >= kReportsInFlightPerCall ||
                 client_.port().session().queued_bytes(stream_) > kUnsentReceiptBytes;
    if (is_paused_) return;
    switch (reader_.Next(message)) {
      case MessageReader::Result::kMessage:
        if (!is_streaming_ && !receipts_.empty()) return End(GrpcCode::kInternal, kTakesOne);
        Submit(message);
        continue;
      case MessageReader::Result::kTooLarge:
        return End(GrpcCode::kResourceExhausted, "the report is too large");
      case MessageReader::Result::kCompressed:
        return End(GrpcCode::kUnimplemented, "compressed reports are not supported");
      case MessageReader::Result::kIncomplete:
        client_.port().Consume(stream_, std::exchange(unread_flow_bytes_, 0));
        return EndIfDone();
    }
  }
}

void FeedbackCall::OnClientSent(size_t) {
  if (is_paused_) ReadMessages();
}

void FeedbackCall::Drain() {
  if (is_streaming_) ReadMessages();
}

void FeedbackCall::Submit(const std::string& message) {
  const uint64_t report = first_report_ + receipts_.size();
  const absl::Status status = desk_.Send(message, id_, report);
  if (status.ok()) {
    receipts_.push_back(std::nullopt);
  } else {
    receipts_.push_back(status);
  }
}

void FeedbackCall::OnAnswer(uint64_t report, const absl::Status& status) {
  receipts_[report - first_report_] = status;
  ReadMessages();
}

void FeedbackCall::SendReceipts() {
  while (!receipts_.empty() && receipts_.front().has_value()) {
    if (!std::exchange(has_sent_headers_, true)) SendOwnHeaders(client_, stream_);
    const std::string framed = FrameMessage(ReceiptMessage(*receipts_.front()));
    client_.port().Writing().SendData(stream_, http2::Slice::Copy(framed), false);
    receipts_.pop_front();
    ++first_report_;
  }
}

void FeedbackCall::EndIfDone() {
  if (!is_request_ended_) return;
  if (!reader_.is_empty()) return End(GrpcCode::kInternal, "the request ends within a message");
  if (is_streaming_) {
    if (receipts_.empty()) End(GrpcCode::kOk, "");
    return;
  }
  if (receipts_.size() != 1) return End(GrpcCode::kInternal, kTakesOne);
  if (!receipts_.front().has_value()) {
    if (!deadline_timer_.is_set())
      desk_.services_->timers->Set(deadline_timer_, *desk_.services_->now + kLongestAnswer);
    return;
  }
  const absl::Status status = *receipts_.front();
  if (!status.ok()) return End(static_cast<GrpcCode>(status.code()), std::string(status.message()));
  SendOwnHeaders(client_, stream_);
  has_sent_headers_ = true;
  client_.port().Writing().SendData(stream_, http2::Slice::Copy(FrameMessage("")), false);
  End(GrpcCode::kOk, "");
}

void FeedbackCall::End(GrpcCode code, std::string_view message) {
  client_.port().Consume(stream_, unread_flow_bytes_);
  if (has_sent_headers_) {
    SendOwnTrailers(client_, stream_, code, message);
  } else {
    SendOwnError(client_, stream_, code, message);
  }
  client_.Forget(stream_);
  if (!is_request_ended_) client_.FinishEarly(stream_);
  desk_.Forget(*this);  // Destroys this.
}

void FeedbackCall::OnClientReset(http2::ErrorCode) {
  client_.port().Consume(stream_, unread_flow_bytes_);
  desk_.Forget(*this);
}

void FeedbackCall::OnClientLost() { desk_.Forget(*this); }

FeedbackDesk::FeedbackDesk(const TicketSealer* tickets, OutcomeSink sink, CallServices* services,
                           std::function<void()> wake)
    : tickets_(tickets),
      sink_(std::move(sink)),
      services_(services),
      answers_(config::limits::kFeedbackInFlightPerWorker, std::move(wake)) {}

bool FeedbackDesk::IsFeedback(std::string_view path) { return path.starts_with(kService); }

void FeedbackDesk::Start(ClientSession& client, http2::StreamId stream, std::string_view path,
                         const http2::HeaderList& headers, bool end_stream) {
  const auto refuse = [&](GrpcCode code, std::string_view message) {
    SendOwnError(client, stream, code, message);
    if (!end_stream) client.FinishEarly(stream);
  };
  const std::string_view method = path.substr(kService.size());
  if (method != "Report" && method != "ReportStream") return refuse(GrpcCode::kUnimplemented, "no such method");
  const auto share = calls_of_.find(&client);
  const bool is_full =
      calls_.size() >= kFeedbackCalls || (share != calls_of_.end() && share->second >= kFeedbackCallsPerClient);
  if (is_full) return refuse(GrpcCode::kResourceExhausted, "too many reports at once");
  absl::Time deadline = absl::InfiniteFuture();
  if (const auto text = headers.Find("grpc-timeout")) {
    const std::optional<absl::Duration> timeout = ParseTimeout(*text);
    if (!timeout.has_value()) return refuse(GrpcCode::kInternal, "grpc-timeout is malformed");
    deadline = *services_->now + *timeout;
  }
  ++calls_of_[&client];
  const uint64_t id = next_call_++;
  auto call = std::make_unique<FeedbackCall>(*this, id, client, stream, method == "ReportStream");
  FeedbackCall& started = *call;
  calls_.emplace(id, std::move(call));
  started.Begin(end_stream, deadline);
}

void FeedbackDesk::Forget(const FeedbackCall& call) {
  const auto share = calls_of_.find(&call.client());
  if (--share->second == 0) calls_of_.erase(share);
  calls_.erase(call.id());
}

absl::Status FeedbackDesk::Send(std::string_view message, uint64_t call, uint64_t report_number) {
  stats::ProxyCounts& counts = services_->counts.proxy;
  ++counts.feedback_received;
  if (tickets_ == nullptr || sink_ == nullptr) return absl::UnimplementedError("this proxy takes no outcomes");
  absl::StatusOr<stats::OutcomeReport> report = ParseReport(message, *tickets_);
  if (!report.ok()) {
    ++counts.feedback_refused;
    return report.status();
  }
  // In flight are at most as many as the box of answers holds: an answer always finds room.
  const bool has_room = in_flight_ < config::limits::kFeedbackInFlightPerWorker;
  const bool is_sent = has_room && sink_(*report, [this, call, report_number](absl::Status status) {
                         (void)answers_.Post({call, report_number, std::move(status)});
                       });
  if (!is_sent) return absl::ResourceExhaustedError("too many reports at once: try again later");
  ++in_flight_;
  return absl::OkStatus();
}

void FeedbackDesk::Drain() {
  is_draining_ = true;
  std::vector<FeedbackCall*> calls;
  for (const auto& [id, call] : calls_) calls.push_back(call.get());
  for (FeedbackCall* call : calls) call->Drain();
}

void FeedbackDesk::DeliverAnswers() {
  for (const Answer& answer : answers_.TakeAll()) {
    --in_flight_;
    const auto call = calls_.find(answer.call);
    if (call != calls_.end()) call->second->OnAnswer(answer.report, answer.status);
  }
}

}  // namespace weir::dataplane
