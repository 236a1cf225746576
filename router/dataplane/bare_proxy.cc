// The data plane alone, with a fixed table: what benchmarks and profilers of the data plane are pointed at.
//
//   bare_proxy WORKERS BASELINE_PORT [CANDIDATE_PORT [MIRROR_PORT]]
//
// Models are on the loopback address. With a candidate: 70 to 30, by the header x-user-id. Prints "listening on PORT",
// and ends when its standard input does.

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "router/dataplane/data_plane.h"

namespace weir::dataplane {
namespace {

config::Address Loopback(const char* port) { return {"127.0.0.1", static_cast<uint16_t>(std::atoi(port))}; }

routing::RouteTablePtr MakeTable(int argc, char** argv) {
  auto table = std::make_shared<routing::RouteTable>();
  table->version = 1;
  const char* const names[] = {"baseline", "candidate", "mirror"};
  for (int i = 2; i < argc; ++i) table->models.push_back({names[i - 2], {Loopback(argv[i])}, {}, {}});
  table->routes.push_back({{"*", ""}, 0, true});
  if (argc == 3) return table;
  routing::ExperimentRoute experiment;
  experiment.name = "bench";
  experiment.match = {"*", ""};
  experiment.salt_seed = routing::SaltSeed("bench");
  experiment.run = experiment.run_ordinal = experiment.epoch = 1;
  experiment.key_sources = {{"x-user-id"}};
  experiment.variants = {{"baseline", 7000}, {"candidate", 3000}};
  experiment.variant_models = {0, 1};
  experiment.error_codes = 0b1111111111111110;
  if (argc == 5) experiment.mirrors = {{2, config::Percent::All()}};
  table->experiments.push_back(experiment);
  return table;
}

int Main(int argc, char** argv) {
  if (argc < 3 || argc > 5) {
    std::fprintf(stderr, "usage: bare_proxy WORKERS BASELINE_PORT [CANDIDATE_PORT [MIRROR_PORT]]\n");
    return 2;
  }
  DataPlaneOptions options;
  options.listener = {"127.0.0.1", 0};
  options.workers = std::atoi(argv[1]);
  options.drain_grace = absl::Seconds(2);
  DataPlaneSinks sinks;
  sinks.report = [](stats::WorkerReport&) { return true; };
  auto plane = DataPlane::Create(options, runtime::Clock(), sinks);
  if (!plane.ok()) {
    std::fprintf(stderr, "%s\n", plane.status().ToString().c_str());
    return 1;
  }
  (*plane)->Publish(MakeTable(argc, argv));
  (*plane)->Serve();
  std::printf("listening on %d\n", (*plane)->port());
  std::fflush(stdout);
  char byte;
  while (read(0, &byte, 1) > 0) {
  }
  (*plane)->BeginDrain();
  (*plane)->Join();
  return 0;
}

}  // namespace
}  // namespace weir::dataplane

int main(int argc, char** argv) { return weir::dataplane::Main(argc, argv); }
