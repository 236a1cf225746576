#include "examples/inference_call.h"

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "examples/inference.h"
#include "grpcpp/grpcpp.h"
#include "proto/inference/open_inference.grpc.pb.h"

namespace weir::examples {
namespace {

using inference::GRPCInferenceService;
using inference::ModelInferRequest;
using inference::ModelInferResponse;
using inference::ModelStreamInferResponse;

ModelInferRequest RequestFor(const HeldOutRow& row, const std::string& model, size_t id) {
  ModelInferRequest request;
  request.set_model_name(model);
  request.set_id(absl::StrCat(id));
  auto& input = *request.add_inputs();
  input.set_name(kInputTensor);
  input.set_datatype("FP32");
  input.add_shape(1);
  input.add_shape(row.pixels.size());
  input.mutable_contents()->mutable_fp32_contents()->Add(row.pixels.begin(), row.pixels.end());
  return request;
}

// The label of a response to one row; none where the response has no such tensor.
std::optional<int64_t> LabelOf(const ModelInferResponse& response) {
  for (const auto& output : response.outputs()) {
    if (output.name() == kLabelTensor && output.contents().int64_contents_size() == 1) {
      return output.contents().int64_contents(0);
    }
  }
  return std::nullopt;
}

// What both kinds of call share: the context, the clock, and what was learned.
class CallState {
 public:
  CallState(const std::shared_ptr<grpc::Channel>& channel, CallSpec spec, std::function<void(InferenceCallPtr)> done)
      : spec_(std::move(spec)),
        stub_(GRPCInferenceService::NewStub(channel)),
        done_(std::move(done)),
        start_(absl::Now()) {
    context_.AddMetadata("x-user-id", spec_.user);
    if (!spec_.header_name.empty()) context_.AddMetadata(spec_.header_name, spec_.header_value);
    context_.set_deadline(absl::ToChronoTime(spec_.deadline));
    call_.result.streaming = spec_.streaming;
  }

  // The answer to the row at `place`.
  void Grade(size_t place, const ModelInferResponse& response) {
    const bool right = LabelOf(response) == spec_.rows[place]->digit;
    ++call_.result.rows;
    call_.result.right += right;
    call_.result.version = response.model_version();
    if (place + 1 == spec_.rows.size()) call_.last_row_was_right = right;
  }

  // What was learned, and whom to tell. Destroy the state before telling: it holds the channel, and whoever is told may
  // let go of it. Were this the last to do so, gRPC would wait for its own thread, in vain, and go on with freed
  // memory.
  std::pair<InferenceCallPtr, std::function<void(InferenceCallPtr)>> End(const grpc::Status& status) {
    call_.result.latency = absl::Now() - start_;
    call_.result.code = status.error_code();
    if (!status.ok()) call_.result.error = status.error_message();
    ReadMetadata(context_.GetServerInitialMetadata());
    ReadMetadata(context_.GetServerTrailingMetadata());  // Of an answer that is trailers alone, gRPC knows no others.
    return {std::make_shared<const InferenceCall>(std::move(call_)), std::move(done_)};
  }

  const CallSpec spec_;
  const std::unique_ptr<GRPCInferenceService::Stub> stub_;
  grpc::ClientContext context_;
  InferenceCall call_;

 private:
  void ReadMetadata(const std::multimap<grpc::string_ref, grpc::string_ref>& metadata) {
    for (const auto& [name, value] : metadata) {
      const std::string text(value.data(), value.size());
      if (name == "x-weir-variant") call_.result.variant = text;
      if (name == "x-weir-reason") call_.result.reason = text;
      if (name == "x-weir-ticket") call_.ticket = text;
    }
  }

  std::function<void(InferenceCallPtr)> done_;
  const absl::Time start_;
};

// Deletes itself when the call is over.
class UnaryCall {
 public:
  explicit UnaryCall(std::unique_ptr<CallState> state) : state_(std::move(state)) {
    request_ = RequestFor(*state_->spec_.rows.front(), state_->spec_.model, 0);
    state_->stub_->async()->ModelInfer(&state_->context_, &request_, &response_, [this](grpc::Status status) {
      if (status.ok()) state_->Grade(0, response_);
      const auto [call, done] = state_->End(status);
      delete this;
      done(call);
    });
  }

 private:
  std::unique_ptr<CallState> state_;
  ModelInferRequest request_;
  ModelInferResponse response_;
};

// Sends a row, reads its answer, sends the next. Deletes itself when the call is over.
class StreamCall final : public grpc::ClientBidiReactor<ModelInferRequest, ModelStreamInferResponse> {
 public:
  explicit StreamCall(std::unique_ptr<CallState> state) : state_(std::move(state)) {
    state_->stub_->async()->ModelStreamInfer(&state_->context_, this);
    WriteRow();
    StartCall();
  }

  void OnWriteDone(bool ok) override {
    if (ok) StartRead(&response_);  // Else OnDone follows.
  }

  void OnReadDone(bool ok) override {
    if (!ok) return;  // OnDone follows.
    if (response_.error_message().empty()) {
      state_->Grade(place_, response_.infer_response());
    } else {
      state_->call_.result.error = response_.error_message();
    }
    if (++place_ < state_->spec_.rows.size()) {
      WriteRow();
    } else {
      StartWritesDone();
    }
  }

  void OnDone(const grpc::Status& status) override {
    const auto [call, done] = state_->End(status);
    delete this;
    done(call);
  }

 private:
  void WriteRow() {
    request_ = RequestFor(*state_->spec_.rows[place_], state_->spec_.model, place_);
    StartWrite(&request_);
  }

  std::unique_ptr<CallState> state_;
  size_t place_ = 0;  // Of the row that is on its way.
  ModelInferRequest request_;
  ModelStreamInferResponse response_;
};

}  // namespace

void StartInference(const std::shared_ptr<grpc::Channel>& channel, CallSpec spec,
                    std::function<void(InferenceCallPtr)> done) {
  auto state = std::make_unique<CallState>(channel, std::move(spec), std::move(done));
  if (state->spec_.streaming) {
    new StreamCall(std::move(state));
  } else {
    new UnaryCall(std::move(state));
  }
}

}  // namespace weir::examples
