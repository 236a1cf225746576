// Serves one trained model by the Open Inference Protocol. Prints "listening on HOST:PORT" when it does; ends on SIGINT
// or SIGTERM. Listens on loopback unless told otherwise: it has neither TLS nor authentication.

#include <atomic>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "examples/flags.h"
#include "examples/model_service.h"
#include "grpcpp/grpcpp.h"
#include "grpcpp/health_check_service_interface.h"

namespace weir::examples {
namespace {

struct Options {
  std::string model;
  std::string name = "digits";
  std::string host = "127.0.0.1";
  int64_t port = 0;
  int64_t seed = 1;
  absl::Duration grace = absl::Seconds(2);
};

Flags FlagsOf(Options& options) {
  Flags flags;
  flags.Add("model", &options.model, "the file of the model's weights");
  flags.Add("name", &options.name, "the model's name, as requests give it");
  flags.Add("host", &options.host, "the address to listen on");
  flags.Add("port", &options.port, "the port to listen on; 0 is any free one");
  flags.Add("seed", &options.seed, "of the faults' draws");
  flags.Add("grace", &options.grace, "time for calls in flight after SIGTERM");
  return flags;
}

absl::StatusOr<ServedModel> LoadModel(const Options& options) {
  std::ifstream file(options.model);
  if (!file) return absl::NotFoundError(absl::StrCat("cannot read the model file '", options.model, "' (--model)"));
  std::stringstream content;
  content << file.rdbuf();
  absl::StatusOr<Classifier> classifier = Classifier::FromJson(content.str());
  if (!classifier.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(options.model, ": ", std::string(classifier.status().message())));
  }
  return ServedModel{options.name, *std::move(classifier)};
}

absl::Status Serve(const Options& options, const ServedModel& model, const sigset_t& end_signals) {
  FaultInjector faults(options.seed);
  ModelService models(model, faults);
  std::atomic<grpc::HealthCheckServiceInterface*> health = nullptr;  // Owned by the server, once there is one.
  FaultsService control(faults, [&health](const example::FaultSettings& settings) {
    if (auto* service = health.load()) service->SetServingStatus(!settings.not_ready());
  });

  grpc::EnableDefaultHealthCheckService(true);
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort(absl::StrCat(options.host, ":", options.port), grpc::InsecureServerCredentials(), &port);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);  // A taken port is an error, not half of the calls.
  builder.RegisterService(&models);
  builder.RegisterService(&control);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr || port == 0) {
    return absl::UnavailableError(absl::StrCat("cannot listen on ", options.host, ":", options.port));
  }
  health = server->GetHealthCheckService();
  std::cout << "listening on " << options.host << ":" << port << std::endl;

  int signal = 0;
  sigwait(&end_signals, &signal);
  server->Shutdown(absl::ToChronoTime(absl::Now() + options.grace));
  return absl::OkStatus();
}

int Main(const std::vector<std::string>& arguments) {
  Options options;
  const Flags flags = FlagsOf(options);
  absl::Status status = flags.Parse(arguments);
  if (status.ok() && options.port > 65535) status = absl::InvalidArgumentError("--port: at most 65535");
  if (!status.ok()) {
    std::cerr << "model_server: " << std::string(status.message()) << "\n\nmodel_server --model FILE [flags]\n"
              << flags.Usage();
    return 2;
  }
  // Blocked before gRPC makes threads, so that only sigwait takes them.
  sigset_t end_signals;
  sigemptyset(&end_signals);
  sigaddset(&end_signals, SIGINT);
  sigaddset(&end_signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &end_signals, nullptr);

  const absl::StatusOr<ServedModel> model = LoadModel(options);
  status = model.ok() ? Serve(options, *model, end_signals) : model.status();
  if (status.ok()) return 0;
  std::cerr << "model_server: " << std::string(status.message()) << "\n";
  return 1;
}

}  // namespace
}  // namespace weir::examples

int main(int argc, char** argv) { return weir::examples::Main({argv + 1, argv + argc}); }
