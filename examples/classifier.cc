#include "examples/classifier.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/util/json_util.h"

namespace weir::examples {
namespace {

using example::Layer;

bool AllFinite(const google::protobuf::RepeatedField<double>& values) {
  return std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); });
}

absl::Status CheckLayer(const Layer& layer, int number, int inputs_expected) {
  const auto wrong = [number](const std::string& what) {
    return absl::InvalidArgumentError(absl::StrCat("layers[", number, "]: ", what));
  };
  if (layer.inputs() < 1 || layer.outputs() < 1) return wrong("inputs and outputs must be at least 1");
  if (inputs_expected != 0 && layer.inputs() != inputs_expected) {
    return wrong(absl::StrCat("has ", layer.inputs(), " inputs, but the layer before gives ", inputs_expected));
  }
  const int64_t weights = int64_t{layer.inputs()} * layer.outputs();
  if (layer.weights_size() != weights) {
    return wrong(absl::StrCat("needs ", weights, " weights, got ", layer.weights_size()));
  }
  if (layer.bias_size() != layer.outputs()) {
    return wrong(absl::StrCat("needs ", layer.outputs(), " biases, got ", layer.bias_size()));
  }
  if (!AllFinite(layer.weights()) || !AllFinite(layer.bias())) return wrong("a number is not finite");
  return absl::OkStatus();
}

std::vector<double> Apply(const Layer& layer, std::span<const double> values) {
  std::vector<double> sums(layer.bias().begin(), layer.bias().end());
  const double* weight = layer.weights().data();
  for (const double value : values) {
    for (double& sum : sums) sum += value * *weight++;
  }
  if (layer.activation() == Layer::RELU) {
    for (double& sum : sums) sum = std::max(sum, 0.0);
  }
  return sums;
}

// Shifted by the largest, so that nothing overflows.
void Softmax(std::vector<double>& values) {
  const double largest = *std::max_element(values.begin(), values.end());
  double sum = 0;
  for (double& value : values) sum += value = std::exp(value - largest);
  for (double& value : values) value /= sum;
}

}  // namespace

absl::StatusOr<Classifier> Classifier::FromJson(std::string_view json) {
  example::Model model;
  const auto parsed =
      google::protobuf::util::JsonStringToMessage(google::protobuf::StringPiece(json.data(), json.size()), &model);
  if (!parsed.ok()) return absl::InvalidArgumentError(absl::StrCat("not a model: ", parsed.ToString()));
  if (model.layers_size() == 0) return absl::InvalidArgumentError("layers: a model has at least one");
  int outputs_before = 0;
  for (int i = 0; i < model.layers_size(); ++i) {
    if (absl::Status status = CheckLayer(model.layers(i), i, outputs_before); !status.ok()) return status;
    outputs_before = model.layers(i).outputs();
  }
  return Classifier(std::move(model));
}

std::vector<double> Classifier::Probabilities(std::span<const double> row) const {
  std::vector<double> values(row.begin(), row.end());
  for (const Layer& layer : model_.layers()) values = Apply(layer, values);
  Softmax(values);
  return values;
}

int LargestOf(std::span<const double> values) {
  return static_cast<int>(std::max_element(values.begin(), values.end()) - values.begin());
}

}  // namespace weir::examples
