// One inference of the Open Inference Protocol: a request in, a response or a status out. Pure.

#ifndef WEIR_EXAMPLES_INFERENCE_H_
#define WEIR_EXAMPLES_INFERENCE_H_

#include <string>

#include "absl/random/bit_gen_ref.h"
#include "absl/status/statusor.h"
#include "examples/classifier.h"
#include "proto/inference/open_inference.pb.h"

namespace weir::examples {

// More rows than this in one request are refused: a bound on the work that one call can ask for.
inline constexpr int64_t kMaxRowsPerRequest = 4096;

// The tensors of every model of the examples. In: [rows, inputs] of FP32 or FP64. Out, as far as they are asked for:
inline constexpr char kInputTensor[] = "pixels";
inline constexpr char kLabelTensor[] = "label";                // INT64 [rows]
inline constexpr char kProbabilityTensor[] = "probabilities";  // FP32 [rows, classes]

struct ServedModel {
  std::string name;
  Classifier classifier;
};

// NotFound unless this is the model's name, and its version or none.
absl::Status CheckIsServed(const ServedModel& model, const std::string& name, const std::string& version);

inference::ModelMetadataResponse MetadataOf(const ServedModel& model);

// Answers in the representation of the request: raw tensors for raw ones. `worse_share` of the rows get a wrong label.
//   NotFound         another model or version.
//   InvalidArgument  not exactly the input tensor, of a wrong type or shape, whose contents do not fill its shape, come
//   in two
//                    representations, or are not finite; or an output that the model does not have.
absl::StatusOr<inference::ModelInferResponse> Infer(const ServedModel& model,
                                                    const inference::ModelInferRequest& request, double worse_share,
                                                    absl::BitGenRef rng);

}  // namespace weir::examples

#endif  // WEIR_EXAMPLES_INFERENCE_H_
