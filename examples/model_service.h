// The gRPC services of a model server: the Open Inference Protocol over one model, and the control of its faults.
//
// Written with gRPC's callback API: a call that was told to be slow, or to hang, holds memory but no thread.

#ifndef WEIR_EXAMPLES_MODEL_SERVICE_H_
#define WEIR_EXAMPLES_MODEL_SERVICE_H_

#include <functional>
#include <utility>

#include "examples/faults.grpc.pb.h"
#include "examples/faults.h"
#include "examples/inference.h"
#include "proto/inference/open_inference.grpc.pb.h"

namespace weir::examples {

// Called by gRPC's threads. `model` and `faults` are borrowed and outlive the server.
class ModelService final : public inference::GRPCInferenceService::CallbackService {
 public:
  ModelService(const ServedModel& model, FaultInjector& faults) : model_(model), faults_(faults) {}

  grpc::ServerUnaryReactor* ServerLive(grpc::CallbackServerContext*, const inference::ServerLiveRequest*,
                                       inference::ServerLiveResponse*) override;
  grpc::ServerUnaryReactor* ServerReady(grpc::CallbackServerContext*, const inference::ServerReadyRequest*,
                                        inference::ServerReadyResponse*) override;
  grpc::ServerUnaryReactor* ModelReady(grpc::CallbackServerContext*, const inference::ModelReadyRequest*,
                                       inference::ModelReadyResponse*) override;
  grpc::ServerUnaryReactor* ServerMetadata(grpc::CallbackServerContext*, const inference::ServerMetadataRequest*,
                                           inference::ServerMetadataResponse*) override;
  grpc::ServerUnaryReactor* ModelMetadata(grpc::CallbackServerContext*, const inference::ModelMetadataRequest*,
                                          inference::ModelMetadataResponse*) override;
  grpc::ServerUnaryReactor* ModelInfer(grpc::CallbackServerContext*, const inference::ModelInferRequest*,
                                       inference::ModelInferResponse*) override;
  grpc::ServerBidiReactor<inference::ModelInferRequest, inference::ModelStreamInferResponse>* ModelStreamInfer(
      grpc::CallbackServerContext*) override;

 private:
  const ServedModel& model_;
  FaultInjector& faults_;
};

// Called by gRPC's threads. `on_change` hears of new settings after they are in force.
class FaultsService final : public example::Faults::CallbackService {
 public:
  FaultsService(FaultInjector& faults, std::function<void(const example::FaultSettings&)> on_change)
      : faults_(faults), on_change_(std::move(on_change)) {}

  grpc::ServerUnaryReactor* Set(grpc::CallbackServerContext*, const example::FaultSettings*,
                                example::FaultSettings*) override;
  grpc::ServerUnaryReactor* Get(grpc::CallbackServerContext*, const example::GetFaultsRequest*,
                                example::FaultSettings*) override;

 private:
  FaultInjector& faults_;
  const std::function<void(const example::FaultSettings&)> on_change_;
};

}  // namespace weir::examples

#endif  // WEIR_EXAMPLES_MODEL_SERVICE_H_
