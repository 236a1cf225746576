#include "examples/model_service.h"

#include <random>
#include <string>

#include "absl/time/time.h"
#include "examples/cancellable_wait.h"

namespace weir::examples {
namespace {

using inference::ModelInferRequest;
using inference::ModelInferResponse;
using inference::ModelStreamInferResponse;

// The codes of absl and gRPC are the same numbers.
grpc::Status ToGrpc(const absl::Status& status) {
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), std::string(status.message()));
}

grpc::Status ToldToFail(int code) { return grpc::Status(static_cast<grpc::StatusCode>(code), "told to fail"); }

const grpc::Status& Cancelled() { return grpc::Status::CANCELLED; }

absl::Duration TimeToWait(const Misfortune& misfortune) {
  return misfortune.hang ? absl::InfiniteDuration() : misfortune.delay;
}

// A unary call whose answer is ready, given after a wait. Deletes itself when the call is over.
class UnaryReply final : public grpc::ServerUnaryReactor {
 public:
  UnaryReply(absl::Duration time_to_wait, grpc::Status status) : status_(std::move(status)) {
    if (time_to_wait == absl::ZeroDuration()) {
      Finish(status_);
    } else {
      wait_.Start(time_to_wait, [this](bool was_cancelled) { Finish(was_cancelled ? Cancelled() : status_); });
    }
  }
  void OnCancel() override { wait_.Cancel(); }
  void OnDone() override {
    wait_.AwaitCallers();
    delete this;
  }

 private:
  const grpc::Status status_;
  CancellableWait wait_;
};

// Of the calls that only ask: no fault but `hang` touches them.
UnaryReply* Answer(const FaultInjector& faults, const absl::Status& status) {
  return new UnaryReply(faults.settings().hang() ? absl::InfiniteDuration() : absl::ZeroDuration(), ToGrpc(status));
}

// One ModelStreamInfer call: reads a request, waits as its misfortune says, answers, reads the next one. The share of
// failing calls is drawn once a stream; delays and wrong labels for each request.
class InferStream final : public grpc::ServerBidiReactor<ModelInferRequest, ModelStreamInferResponse> {
 public:
  InferStream(const ServedModel& model, FaultInjector& faults)
      : model_(model), faults_(faults), rng_(faults.DrawSeed()), fail_code_(faults.DrawForCall().fail_code) {
    StartRead(&request_);
  }

  void OnReadDone(bool ok) override {
    if (!ok) {  // The client has said all, or is gone.
      Finish(grpc::Status::OK);
      return;
    }
    const Misfortune misfortune = faults_.DrawForCall();
    worse_share_ = misfortune.worse_share;
    if (TimeToWait(misfortune) == absl::ZeroDuration()) {
      Reply();
    } else {
      wait_.Start(TimeToWait(misfortune),
                  [this](bool was_cancelled) { was_cancelled ? Finish(Cancelled()) : Reply(); });
    }
  }

  void OnWriteDone(bool ok) override { ok ? StartRead(&request_) : Finish(Cancelled()); }
  void OnCancel() override { wait_.Cancel(); }
  void OnDone() override {
    wait_.AwaitCallers();
    delete this;
  }

 private:
  void Reply() {
    if (fail_code_) {
      Finish(ToldToFail(*fail_code_));
      return;
    }
    response_.Clear();
    absl::StatusOr<ModelInferResponse> answer = Infer(model_, request_, worse_share_, rng_);
    if (answer.ok()) {
      *response_.mutable_infer_response() = *std::move(answer);
    } else {
      response_.set_error_message(std::string(answer.status().message()));
      response_.mutable_infer_response()->set_id(request_.id());  // So that the client knows which request it was.
    }
    StartWrite(&response_);
  }

  const ServedModel& model_;
  FaultInjector& faults_;
  std::mt19937_64 rng_;
  const std::optional<int> fail_code_;
  double worse_share_ = 0;
  ModelInferRequest request_;
  ModelStreamInferResponse response_;
  CancellableWait wait_;
};

}  // namespace

grpc::ServerUnaryReactor* ModelService::ServerLive(grpc::CallbackServerContext*, const inference::ServerLiveRequest*,
                                                   inference::ServerLiveResponse* response) {
  response->set_live(true);
  return Answer(faults_, absl::OkStatus());
}

grpc::ServerUnaryReactor* ModelService::ServerReady(grpc::CallbackServerContext*, const inference::ServerReadyRequest*,
                                                    inference::ServerReadyResponse* response) {
  response->set_ready(!faults_.settings().not_ready());
  return Answer(faults_, absl::OkStatus());
}

grpc::ServerUnaryReactor* ModelService::ModelReady(grpc::CallbackServerContext*,
                                                   const inference::ModelReadyRequest* request,
                                                   inference::ModelReadyResponse* response) {
  response->set_ready(!faults_.settings().not_ready());
  return Answer(faults_, CheckIsServed(model_, request->name(), request->version()));
}

grpc::ServerUnaryReactor* ModelService::ServerMetadata(grpc::CallbackServerContext*,
                                                       const inference::ServerMetadataRequest*,
                                                       inference::ServerMetadataResponse* response) {
  response->set_name("weir-example-model-server");
  response->set_version("1");
  response->add_extensions("model_stream_infer");
  return Answer(faults_, absl::OkStatus());
}

grpc::ServerUnaryReactor* ModelService::ModelMetadata(grpc::CallbackServerContext*,
                                                      const inference::ModelMetadataRequest* request,
                                                      inference::ModelMetadataResponse* response) {
  *response = MetadataOf(model_);
  return Answer(faults_, CheckIsServed(model_, request->name(), request->version()));
}

grpc::ServerUnaryReactor* ModelService::ModelInfer(grpc::CallbackServerContext*, const ModelInferRequest* request,
                                                   ModelInferResponse* response) {
  const Misfortune misfortune = faults_.DrawForCall();
  const absl::Duration time_to_wait = TimeToWait(misfortune);
  if (misfortune.fail_code) return new UnaryReply(time_to_wait, ToldToFail(*misfortune.fail_code));
  std::mt19937_64 rng(misfortune.worse_share > 0 ? faults_.DrawSeed() : 0);
  absl::StatusOr<ModelInferResponse> answer = Infer(model_, *request, misfortune.worse_share, rng);
  if (!answer.ok()) return new UnaryReply(time_to_wait, ToGrpc(answer.status()));
  *response = *std::move(answer);
  return new UnaryReply(time_to_wait, grpc::Status::OK);
}

grpc::ServerBidiReactor<ModelInferRequest, ModelStreamInferResponse>* ModelService::ModelStreamInfer(
    grpc::CallbackServerContext*) {
  return new InferStream(model_, faults_);
}

grpc::ServerUnaryReactor* FaultsService::Set(grpc::CallbackServerContext*, const example::FaultSettings* request,
                                             example::FaultSettings* response) {
  const absl::Status status = faults_.Set(*request);
  if (status.ok()) on_change_(*request);
  *response = faults_.settings();
  return new UnaryReply(absl::ZeroDuration(), ToGrpc(status));
}

grpc::ServerUnaryReactor* FaultsService::Get(grpc::CallbackServerContext*, const example::GetFaultsRequest*,
                                             example::FaultSettings* response) {
  *response = faults_.settings();
  return new UnaryReply(absl::ZeroDuration(), grpc::Status::OK);
}

}  // namespace weir::examples
