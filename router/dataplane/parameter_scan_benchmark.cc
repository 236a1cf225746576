// Nanoseconds of one scan: what a call pays, beside its wait, where its experiment asks for a parameter.

#include <string>
#include <vector>

#include "benchmark/benchmark.h"
#include "proto/inference/open_inference.pb.h"
#include "router/dataplane/own_reply.h"
#include "router/dataplane/parameter_scan.h"

namespace weir::dataplane {
namespace {

const std::vector<std::string> kNames = {"sequence_end", "sequence_id", "sequence_start", "user_id"};

// A sequence's request for so many tensors.
std::string Request(int tensors) {
  inference::ModelInferRequest request;
  request.set_model_name("digits");
  request.set_id("7b2f");
  (*request.mutable_parameters())["sequence_id"].set_int64_param(184467);
  (*request.mutable_parameters())["sequence_start"].set_bool_param(true);
  for (int i = 0; i < tensors; ++i) {
    auto* const input = request.add_inputs();
    input->set_name("input-" + std::to_string(i));
    input->set_datatype("FP32");
    input->add_shape(1);
    input->add_shape(64);
    request.add_raw_input_contents(std::string(256, 'x'));
  }
  return FrameMessage(request.SerializeAsString());
}

void BM_Scan(benchmark::State& state) {
  const std::string body = Request(static_cast<int>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(ScanParameters(body, /*is_ended=*/true, kNames));
}
BENCHMARK(BM_Scan)->ArgName("tensors")->Arg(1)->Arg(4)->Arg(32);

// The worst of a bounded body: nothing but the smallest fields.
void BM_ScanOfAHostileBody(benchmark::State& state) {
  std::string fields;
  for (int i = 0; i < 8000; ++i) fields += std::string("\x0a\0", 2);
  const std::string body = FrameMessage(fields);
  for (auto _ : state) benchmark::DoNotOptimize(ScanParameters(body, /*is_ended=*/true, kNames));
}
BENCHMARK(BM_ScanOfAHostileBody);

}  // namespace
}  // namespace weir::dataplane
