#include "test/integration/echo_call.h"

#include <grpcpp/alarm.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/synchronization/mutex.h"

namespace weir::test {
namespace {

constexpr char kKnobsKey[] = "test-knobs-bin";

std::string ToString(grpc::string_ref text) { return std::string(text.data(), text.size()); }

template <typename Message>
grpc::ByteBuffer Serialize(const Message& message) {
  grpc::ByteBuffer buffer;
  bool own_buffer = false;
  grpc::SerializationTraits<Message>::Serialize(message, &buffer, &own_buffer);
  return buffer;
}

// One operation runs at a time: a read, a write, or the wait of an alarm. A cancelled call's operation fails, and the
// call ends there; a call that hangs has none, so `OnCancel` ends it.
class EchoCall : public grpc::ServerGenericBidiReactor {
 public:
  EchoCall(grpc::GenericCallbackServerContext* context, Observations* observations)
      : context_(*context), observations_(*observations), method_(context->method()) {
    ReadMetadata();
    for (const Metadata& entry : knobs_.initial()) context_.AddInitialMetadata(entry.key(), entry.value());
    for (const Metadata& entry : knobs_.trailing()) context_.AddTrailingMetadata(entry.key(), entry.value());
    if (knobs_.gzip()) context_.set_compression_algorithm(GRPC_COMPRESS_GZIP);
    observations_.Record(knobs_.tag(), [this](Counts& counts) {
      counts.set_started(counts.started() + 1);
      *counts.mutable_last() = seen_;
    });
    if (knobs_.headers_first()) {
      StartSendInitialMetadata();  // Begins when they are on their way.
    } else {
      Begin();
    }
  }

  void OnSendInitialMetadataDone(bool) override { Begin(); }

  void OnReadDone(bool ok) override {
    if (!ok) return OnHalfClose();
    Note note;
    if (!grpc::SerializationTraits<Note>::Deserialize(&read_, &note).ok()) {
      return Finish(grpc::Status(grpc::StatusCode::INTERNAL, "not a Note"));
    }
    seen_.set_requests(seen_.requests() + 1);
    seen_.set_request_bytes(seen_.request_bytes() + note.payload().size());
    observations_.Record(knobs_.tag(), [](Counts& counts) { counts.set_requests(counts.requests() + 1); });
    OnRequest(std::move(note));
  }

  void OnWriteDone(bool ok) override {
    if (!ok) return Finish(grpc::Status(grpc::StatusCode::CANCELLED, "the client is gone"));
    observations_.Record(knobs_.tag(), [](Counts& counts) { counts.set_replies(counts.replies() + 1); });
    Continue();
  }

  void OnCancel() override {
    observations_.Record(knobs_.tag(), [](Counts& counts) { counts.set_cancelled(counts.cancelled() + 1); });
    bool hangs = false;
    {
      absl::MutexLock lock(&mutex_);
      is_cancelled_ = true;
      hangs = is_hanging_;
      if (alarm_ != nullptr) alarm_->Cancel();
    }
    if (hangs) Finish(grpc::Status(grpc::StatusCode::CANCELLED, "hung until it was cancelled"));
  }

  void OnDone() override {
    observations_.Record(knobs_.tag(), [](Counts& counts) { counts.set_ended(counts.ended() + 1); });
    delete this;
  }

 private:
  bool IsMethod(const char* name) const { return absl::EndsWith(method_, name); }

  void ReadMetadata() {
    seen_.set_server(observations_.server_name());
    std::string knobs;
    for (const auto& [key, value] : context_.client_metadata()) {
      if (key == kKnobsKey) {
        knobs = ToString(value);
        continue;
      }
      Metadata& entry = *seen_.add_metadata();
      entry.set_key(ToString(key));
      entry.set_value(ToString(value));
    }
    knobs_ = observations_.KnobsFor(knobs);
    const gpr_timespec deadline = context_.raw_deadline();
    if (gpr_time_cmp(deadline, gpr_inf_future(deadline.clock_type)) == 0) return;
    const gpr_timespec left = gpr_time_sub(deadline, gpr_now(deadline.clock_type));
    seen_.set_deadline_ms(gpr_time_to_millis(left));
  }

  void Begin() {
    if (knobs_.hang()) {
      {
        absl::MutexLock lock(&mutex_);
        is_hanging_ = true;
        if (!is_cancelled_) return;
      }
      return Finish(grpc::Status(grpc::StatusCode::CANCELLED, "cancelled before it hung"));
    }
    if (knobs_.delay_ms() == 0) return Serve();
    absl::MutexLock lock(&mutex_);
    alarm_ = std::make_unique<grpc::Alarm>();
    alarm_->Set(gpr_time_from_millis(is_cancelled_ ? 0 : knobs_.delay_ms(), GPR_TIMESPAN), [this](bool) { Serve(); });
  }

  void Serve() {
    if (IsMethod("/Bidi")) {
      for (int i = 0; i < knobs_.replies(); ++i) replies_.push_back(Reply(""));
    } else if (!IsMethod("/Unary") && !IsMethod("/ClientStream") && !IsMethod("/ServerStream")) {
      return Finish(grpc::Status(grpc::StatusCode::UNIMPLEMENTED, "the server has no method " + method_));
    }
    Continue();
  }

  Note Reply(const std::string& payload) {
    Note reply;
    reply.set_payload(knobs_.reply_bytes() > 0 ? std::string(knobs_.reply_bytes(), 'r') : payload);
    return reply;
  }

  void OnRequest(Note note) {
    const bool is_last = knobs_.finish_after() > 0 && seen_.requests() >= knobs_.finish_after();
    if (IsMethod("/Unary")) {
      is_over_ = true;
      if (!knobs_.no_reply()) replies_.push_back(Reply(note.payload()));
    } else if (IsMethod("/ServerStream")) {
      is_over_ = true;
      repeats_ = knobs_.replies();
      repeated_ = Reply(note.payload());
    } else if (IsMethod("/Bidi")) {
      is_over_ = is_last;
      auto& queue = knobs_.after_half_close() ? held_ : replies_;
      if (!knobs_.no_reply()) queue.push_back(Reply(note.payload()));
    } else if (is_last) {
      is_over_ = true;
      if (!knobs_.no_reply()) replies_.push_back(Reply(""));
    }
    Continue();
  }

  void OnHalfClose() {
    is_over_ = true;
    if (IsMethod("/ClientStream") && !knobs_.no_reply()) replies_.push_back(Reply(""));
    for (Note& note : held_) replies_.push_back(std::move(note));
    held_.clear();
    Continue();
  }

  // The next step: an answer that is due, else the end, else a read.
  void Continue() {
    if (!replies_.empty()) {
      Note reply = std::move(replies_.front());
      replies_.pop_front();
      return Write(std::move(reply));
    }
    if (repeats_ > 0) {
      --repeats_;
      return Write(repeated_);
    }
    if (!is_over_) return StartRead(&read_);
    if (knobs_.server_cancel()) context_.TryCancel();
    Finish(grpc::Status(static_cast<grpc::StatusCode>(knobs_.status_code()), knobs_.status_message()));
  }

  void Write(Note reply) {
    if (!has_answered_) *reply.mutable_seen() = seen_;
    has_answered_ = true;
    written_ = Serialize(reply);
    StartWrite(&written_);
  }

  grpc::GenericCallbackServerContext& context_;
  Observations& observations_;
  const std::string method_;
  Knobs knobs_;
  Seen seen_;

  grpc::ByteBuffer read_;
  grpc::ByteBuffer written_;
  std::deque<Note> replies_;  // Due now.
  std::deque<Note> held_;     // Due at the client's end.
  int repeats_ = 0;           // How often `repeated_` is still due.
  Note repeated_;
  bool has_answered_ = false;
  bool is_over_ = false;  // Nothing more is read.

  absl::Mutex mutex_;
  bool is_cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_hanging_ ABSL_GUARDED_BY(mutex_) = false;
  std::unique_ptr<grpc::Alarm> alarm_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

grpc::ServerGenericBidiReactor* StartEchoCall(grpc::GenericCallbackServerContext* context, Observations* observations) {
  return new EchoCall(context, observations);
}

}  // namespace weir::test
