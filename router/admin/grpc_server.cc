#include "router/admin/grpc_server.h"

#include <grpc/support/time.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/resource_quota.h>

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "proto/weir/v1/admin.grpc.pb.h"
#include "router/admin/explain.h"

namespace weir::admin {
namespace {

constexpr int kMostThreads = 4;
constexpr size_t kMostMemory = 32 * 1024 * 1024;
constexpr int kMostRequestBytes = 64 * 1024;  // The largest request is a user's key.
constexpr int kMostMetadataBytes = 8 * 1024;
constexpr int kMostStreamsPerConnection = 16;

bool IsLoopback(const std::string& host) {
  return host == "localhost" || host == "::1" || absl::StartsWith(host, "127.");
}

grpc::Status GrpcStatusOf(const absl::Status& status) {
  return {static_cast<grpc::StatusCode>(status.code()), std::string(status.message())};
}

const weir::v1::ExperimentStatus* FindExperiment(const weir::v1::Status& status, const std::string& name) {
  for (const auto& experiment : status.experiments()) {
    if (experiment.name() == name) return &experiment;
  }
  return nullptr;
}

}  // namespace

class GrpcServer::Service : public weir::v1::Admin::CallbackService {
 public:
  explicit Service(control::ControlInterface* control) : control_(control) {}

  grpc::ServerUnaryReactor* GetStatus(grpc::CallbackServerContext* context, const weir::v1::GetStatusRequest*,
                                      weir::v1::Status* response) override {
    const auto snapshot = control_->Current();
    if (snapshot == nullptr) return Finish(context, absl::UnavailableError("starting: no state yet"));
    *response = snapshot->status;
    return Finish(context, absl::OkStatus());
  }

  grpc::ServerUnaryReactor* Explain(grpc::CallbackServerContext* context, const weir::v1::ExplainRequest* request,
                                    weir::v1::ExplainResponse* response) override {
    const auto snapshot = control_->Current();
    if (snapshot == nullptr || snapshot->table == nullptr) {
      return Finish(context, absl::UnavailableError("starting: no table yet"));
    }
    if (request->key().empty()) return Finish(context, absl::InvalidArgumentError("key is empty"));
    auto explained = admin::Explain(*snapshot->table, request->key(), request->experiment());
    if (explained.ok()) *response = *std::move(explained);
    return Finish(context, explained.status());
  }

  grpc::ServerUnaryReactor* Reset(grpc::CallbackServerContext* context, const weir::v1::ResetRequest* request,
                                  weir::v1::ResetResponse* response) override {
    weir::v1::CommandRequest command;
    command.set_kind(weir::v1::CommandRequest::RESET);
    command.set_experiment(request->experiment());
    command.set_actor(request->actor());
    return Obey(context, std::move(command), response->mutable_experiment());
  }

  grpc::ServerUnaryReactor* Command(grpc::CallbackServerContext* context, const weir::v1::CommandRequest* request,
                                    weir::v1::CommandResponse* response) override {
    return Obey(context, *request, response->mutable_experiment());
  }

 private:
  // `shown` lives until the reactor's Finish.
  grpc::ServerUnaryReactor* Obey(grpc::CallbackServerContext* context, weir::v1::CommandRequest command,
                                 weir::v1::ExperimentStatus* shown) {
    if (command.experiment().empty()) return Finish(context, absl::InvalidArgumentError("experiment is empty"));
    if (command.actor().empty()) command.set_actor(context->peer());
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    const std::string name = command.experiment();
    control_->Obey(std::move(command), [this, reactor, name, shown](const absl::Status& status) {
      const auto snapshot = control_->Current();
      const auto* experiment = status.ok() && snapshot != nullptr ? FindExperiment(snapshot->status, name) : nullptr;
      if (experiment != nullptr) *shown = *experiment;
      reactor->Finish(GrpcStatusOf(status));
    });
    return reactor;
  }

  static grpc::ServerUnaryReactor* Finish(grpc::CallbackServerContext* context, const absl::Status& status) {
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(GrpcStatusOf(status));
    return reactor;
  }

  control::ControlInterface* const control_;
};

GrpcServer::GrpcServer() = default;

absl::StatusOr<std::unique_ptr<GrpcServer>> GrpcServer::Create(const config::Address& address,
                                                               control::ControlInterface* control) {
  if (!IsLoopback(address.host)) {
    return absl::InvalidArgumentError(absl::StrCat("the admin address ", address.ToString(),
                                                   " is not on loopback: beyond it, authentication is needed"));
  }
  std::unique_ptr<GrpcServer> self(new GrpcServer);
  self->service_ = std::make_unique<Service>(control);
  grpc::ResourceQuota quota("admin");
  quota.SetMaxThreads(kMostThreads).Resize(kMostMemory);
  grpc::ServerBuilder builder;
  builder.SetResourceQuota(quota);
  builder.SetMaxReceiveMessageSize(kMostRequestBytes);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMostMetadataBytes);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMostStreamsPerConnection);
  // Or else a second process would take half of the calls unseen.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  int port = 0;
  builder.AddListeningPort(address.ToString(), grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(self->service_.get());
  self->server_ = builder.BuildAndStart();
  if (self->server_ == nullptr || port == 0) {
    return absl::UnavailableError(
        absl::StrCat("cannot listen on ", address.ToString(), " for the administration: is the port in use?"));
  }
  self->address_ = address;
  self->address_.port = static_cast<uint16_t>(port);
  return self;
}

GrpcServer::~GrpcServer() {
  if (server_ == nullptr) return;
  server_->Shutdown(gpr_time_from_seconds(1, GPR_TIMESPAN));
  server_->Wait();
}

}  // namespace weir::admin
