// A real gRPC server for the integration tests: weir.test.Echo, weir.test.Observer and grpc.health.v1. It prints
// `listening on 127.0.0.1:PORT` and runs until it is killed.

#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "test/integration/echo_call.h"
#include "test/integration/observations.h"

namespace weir::test {
namespace {

class ObserverService : public Observer::CallbackService {
 public:
  explicit ObserverService(Observations* observations) : observations_(*observations) {}

  // Before anybody can call.
  void Observe(grpc::Server* server) { server_ = server; }

  grpc::ServerUnaryReactor* Count(grpc::CallbackServerContext* context, const CountRequest* request,
                                  Counts* counts) override {
    *counts = observations_.Of(request->tag());
    return Finish(context);
  }

  grpc::ServerUnaryReactor* Behave(grpc::CallbackServerContext* context, const Knobs* knobs, Counts* counts) override {
    observations_.Behave(*knobs);
    server_->GetHealthCheckService()->SetServingStatus("", !knobs->not_serving());
    *counts = observations_.Of("");
    return Finish(context);
  }

 private:
  static grpc::ServerUnaryReactor* Finish(grpc::CallbackServerContext* context) {
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

  Observations& observations_;
  grpc::Server* server_ = nullptr;
};

// All methods of weir.test.Echo: on the wire all four kinds of call are a stream of messages each way.
class EchoService : public grpc::CallbackGenericService {
 public:
  explicit EchoService(Observations* observations) : observations_(observations) {}

  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override {
    return StartEchoCall(context, observations_);
  }

 private:
  Observations* observations_;
};

int Run(const std::string& name, const std::string& port) {
  Observations observations(name);
  ObserverService observer(&observations);
  EchoService echo(&observations);
  grpc::EnableDefaultHealthCheckService(true);

  grpc::ServerBuilder builder;
  int bound = 0;
  builder.AddListeningPort("127.0.0.1:" + port, grpc::InsecureServerCredentials(), &bound);
  builder.SetMaxReceiveMessageSize(64 << 20);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, 64 * 1024);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 1000);
  builder.RegisterService(&observer);
  builder.RegisterCallbackGenericService(&echo);
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr || bound == 0) {
    std::fprintf(stderr, "cannot listen on 127.0.0.1:%s\n", port.c_str());
    return EXIT_FAILURE;
  }
  observer.Observe(server.get());
  std::printf("listening on 127.0.0.1:%d\n", bound);
  std::fflush(stdout);
  server->Wait();
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace weir::test

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: echo_server NAME PORT\n");
    return EXIT_FAILURE;
  }
  return weir::test::Run(argv[1], argv[2]);
}
