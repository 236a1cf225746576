// weir.v1.Feedback on the data port: outcomes of earlier calls, on their way to the control thread.

#ifndef WEIR_ROUTER_DATAPLANE_FEEDBACK_CALL_H_
#define WEIR_ROUTER_DATAPLANE_FEEDBACK_CALL_H_

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "router/dataplane/call_services.h"
#include "router/dataplane/client_session.h"
#include "router/dataplane/own_reply.h"
#include "router/runtime/mailbox.h"
#include "router/runtime/timer_queue.h"
#include "stats/ticket.h"

namespace weir::dataplane {

// What became of a report. Any thread, once, while the data plane lives.
using FeedbackReply = std::function<void(absl::Status)>;
// Takes a report whose ticket was found right; false: full, and nothing was taken.
using OutcomeSink = std::function<bool(stats::OutcomeReport&, FeedbackReply)>;

class FeedbackDesk;

// Report (one outcome, one receipt) or ReportStream (many, each with its receipt in order).
class FeedbackCall final : public ClientStream {
 public:
  FeedbackCall(FeedbackDesk& desk, uint64_t id, ClientSession& client, http2::StreamId stream, bool is_streaming);

  void Begin(bool end_stream, absl::Time deadline);
  // Of a stream: reads no further report, and ends when those read have their receipts. May destroy this.
  void Drain();
  uint64_t id() const { return id_; }
  const ClientSession& client() const { return client_; }
  // The answer to this call's report number `report`.
  void OnAnswer(uint64_t report, const absl::Status& status);

  void OnClientTrailers(http2::HeaderList& trailers) override;
  void OnClientData(http2::Slice data, uint32_t flow_bytes, bool end_stream) override;
  void OnClientReset(http2::ErrorCode code) override;
  void OnClientSent(size_t bytes) override;
  void OnClientLost() override;

 private:
  void ReadMessages();
  void Submit(const std::string& message);
  void SendReceipts();
  void EndIfDone();
  void End(GrpcCode code, std::string_view message);

  FeedbackDesk& desk_;
  const uint64_t id_;
  ClientSession& client_;
  const http2::StreamId stream_;
  const bool is_streaming_;
  MessageReader reader_;
  uint32_t unread_flow_bytes_ = 0;                    // Given back once what is before them was answered.
  uint64_t first_report_ = 0;                         // The number of the first receipt below.
  std::deque<std::optional<absl::Status>> receipts_;  // Those of reports without an answer are empty.
  bool is_request_ended_ = false;
  bool is_paused_ = false;  // Reads on when answers come, or receipts have left.
  bool has_sent_headers_ = false;
  runtime::Timer deadline_timer_;
};

// One worker's feedback calls, and their way to the control thread and back.
class FeedbackDesk {
 public:
  // Borrowed; `tickets` may be null: then every report is refused. `wake` may be called by any thread.
  FeedbackDesk(const TicketSealer* tickets, OutcomeSink sink, CallServices* services, std::function<void()> wake);

  static bool IsFeedback(std::string_view path);
  void Start(ClientSession& client, http2::StreamId stream, std::string_view path, const http2::HeaderList& headers,
             bool end_stream);
  // From now on streams end UNAVAILABLE once what was read of them has its receipts: what has none was not counted.
  void Drain();
  // Between two turns: the control thread's answers.
  void DeliverAnswers();

 private:
  friend class FeedbackCall;
  struct Answer {
    uint64_t call;
    uint64_t report;
    absl::Status status;
  };

  // Nothing when it is on its way; else why not.
  absl::Status Send(std::string_view message, uint64_t call, uint64_t report);
  void Forget(const FeedbackCall& call);  // Destroys it.

  const TicketSealer* const tickets_;
  const OutcomeSink sink_;
  CallServices* const services_;
  runtime::Mailbox<Answer> answers_;
  bool is_draining_ = false;
  size_t in_flight_ = 0;  // Reports without an answer.
  uint64_t next_call_ = 1;
  absl::flat_hash_map<uint64_t, std::unique_ptr<FeedbackCall>> calls_;
  absl::flat_hash_map<const ClientSession*, size_t> calls_of_;
};

}  // namespace weir::dataplane

#endif  // WEIR_ROUTER_DATAPLANE_FEEDBACK_CALL_H_
