#include "examples/inference.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/random/distributions.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace weir::examples {
namespace {

using inference::ModelInferRequest;
using inference::ModelInferResponse;

static_assert(std::endian::native == std::endian::little, "raw tensors are little-endian on the wire");

template <typename T>
absl::StatusOr<std::vector<double>> FromRaw(const std::string& bytes, int64_t elements) {
  if (bytes.size() != elements * sizeof(T)) {
    return absl::InvalidArgumentError(
        absl::StrCat("raw_input_contents[0]: the shape asks for ", elements * sizeof(T), " bytes, got ", bytes.size()));
  }
  std::vector<double> values(elements);
  for (int64_t i = 0; i < elements; ++i) {
    T value;
    std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
    values[i] = value;
  }
  return values;
}

template <typename T>
absl::StatusOr<std::vector<double>> FromContents(const google::protobuf::RepeatedField<T>& given, int64_t elements) {
  if (given.size() != elements) {
    return absl::InvalidArgumentError(
        absl::StrCat("inputs[0].contents: the shape asks for ", elements, " elements of its type, got ", given.size()));
  }
  return std::vector<double>(given.begin(), given.end());
}

absl::StatusOr<std::vector<double>> ReadElements(const ModelInferRequest& request, int64_t elements) {
  const auto& input = request.inputs(0);
  const bool is_single = input.datatype() == "FP32";
  if (!is_single && input.datatype() != "FP64") {
    return absl::InvalidArgumentError(
        absl::StrCat("inputs[0].datatype: expected FP32 or FP64, got '", input.datatype(), "'"));
  }
  if (request.raw_input_contents_size() == 0) {
    return is_single ? FromContents(input.contents().fp32_contents(), elements)
                     : FromContents(input.contents().fp64_contents(), elements);
  }
  if (input.has_contents() || request.raw_input_contents_size() != 1) {
    return absl::InvalidArgumentError("raw_input_contents: expected one for the one input, and no contents beside it");
  }
  return is_single ? FromRaw<float>(request.raw_input_contents(0), elements)
                   : FromRaw<double>(request.raw_input_contents(0), elements);
}

// The number of rows that the request's one input announces.
absl::StatusOr<int64_t> RowsOf(const ModelInferRequest& request, int columns) {
  if (request.inputs_size() != 1 || request.inputs(0).name() != kInputTensor) {
    return absl::InvalidArgumentError(absl::StrCat("inputs: expected exactly one, named '", kInputTensor, "'"));
  }
  const auto& shape = request.inputs(0).shape();
  if (shape.size() != 2 || shape[1] != columns || shape[0] < 1 || shape[0] > kMaxRowsPerRequest) {
    return absl::InvalidArgumentError(
        absl::StrCat("inputs[0].shape: expected [rows, ", columns, "] with 1 to ", kMaxRowsPerRequest, " rows"));
  }
  return shape[0];
}

struct Answers {
  std::vector<int64_t> labels;
  std::vector<float> probabilities;  // Row by row.
};

Answers Evaluate(const Classifier& classifier, const std::vector<double>& elements, double worse_share,
                 absl::BitGenRef rng) {
  Answers answers;
  const size_t columns = classifier.inputs();
  for (size_t start = 0; start < elements.size(); start += columns) {
    std::vector<double> row = classifier.Probabilities(std::span(elements).subspan(start, columns));
    int label = LargestOf(row);
    if (worse_share > 0 && row.size() > 1 && absl::Bernoulli(rng, worse_share)) {
      const int wrong = (label + absl::Uniform<int>(rng, 1, row.size())) % row.size();
      std::swap(row[label], row[wrong]);  // The probabilities tell the same wrong story.
      label = wrong;
    }
    answers.labels.push_back(label);
    answers.probabilities.insert(answers.probabilities.end(), row.begin(), row.end());
  }
  return answers;
}

template <typename T>
std::string RawBytes(const std::vector<T>& values) {
  return std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

void AddOutput(const std::string& name, const ServedModel& model, const Answers& answers, bool raw,
               ModelInferResponse& response) {
  auto& output = *response.add_outputs();
  output.set_name(name);
  output.add_shape(answers.labels.size());
  const bool is_label = name == kLabelTensor;
  output.set_datatype(is_label ? "INT64" : "FP32");
  if (!is_label) output.add_shape(model.classifier.classes());
  if (raw) {
    response.add_raw_output_contents(is_label ? RawBytes(answers.labels) : RawBytes(answers.probabilities));
  } else if (is_label) {
    output.mutable_contents()->mutable_int64_contents()->Add(answers.labels.begin(), answers.labels.end());
  } else {
    output.mutable_contents()->mutable_fp32_contents()->Add(answers.probabilities.begin(), answers.probabilities.end());
  }
}

absl::StatusOr<std::vector<std::string>> OutputsAskedFor(const ModelInferRequest& request) {
  if (request.outputs().empty()) return std::vector<std::string>{kLabelTensor, kProbabilityTensor};
  std::vector<std::string> names;
  for (const auto& output : request.outputs()) {
    if (output.name() != kLabelTensor && output.name() != kProbabilityTensor) {
      return absl::InvalidArgumentError(absl::StrCat("outputs: the model has no '", output.name(), "'"));
    }
    if (std::find(names.begin(), names.end(), output.name()) != names.end()) {
      return absl::InvalidArgumentError(absl::StrCat("outputs: '", output.name(), "' is asked for twice"));
    }
    names.push_back(output.name());
  }
  return names;
}

}  // namespace

absl::Status CheckIsServed(const ServedModel& model, const std::string& name, const std::string& version) {
  if (name != model.name) {
    return absl::NotFoundError(absl::StrCat("no model '", name, "' here, only '", model.name, "'"));
  }
  if (!version.empty() && version != model.classifier.version()) {
    return absl::NotFoundError(
        absl::StrCat("no version '", version, "' of model '", name, "' here, only '", model.classifier.version(), "'"));
  }
  return absl::OkStatus();
}

inference::ModelMetadataResponse MetadataOf(const ServedModel& model) {
  inference::ModelMetadataResponse metadata;
  metadata.set_name(model.name);
  metadata.add_versions(model.classifier.version());
  metadata.set_platform("weir_json");
  const auto describe = [](auto* tensor, const char* name, const char* datatype) {
    tensor->set_name(name);
    tensor->set_datatype(datatype);
    tensor->add_shape(-1);
    return tensor;
  };
  describe(metadata.add_inputs(), kInputTensor, "FP32")->add_shape(model.classifier.inputs());
  describe(metadata.add_outputs(), kLabelTensor, "INT64");
  describe(metadata.add_outputs(), kProbabilityTensor, "FP32")->add_shape(model.classifier.classes());
  return metadata;
}

absl::StatusOr<ModelInferResponse> Infer(const ServedModel& model, const ModelInferRequest& request, double worse_share,
                                         absl::BitGenRef rng) {
  absl::Status served = CheckIsServed(model, request.model_name(), request.model_version());
  if (!served.ok()) return served;
  const absl::StatusOr<int64_t> rows = RowsOf(request, model.classifier.inputs());
  if (!rows.ok()) return rows.status();
  const absl::StatusOr<std::vector<double>> elements = ReadElements(request, *rows * model.classifier.inputs());
  if (!elements.ok()) return elements.status();
  if (!std::all_of(elements->begin(), elements->end(), [](double v) { return std::isfinite(v); })) {
    return absl::InvalidArgumentError("inputs[0]: an element is not finite");
  }
  const absl::StatusOr<std::vector<std::string>> outputs = OutputsAskedFor(request);
  if (!outputs.ok()) return outputs.status();

  const Answers answers = Evaluate(model.classifier, *elements, worse_share, rng);
  ModelInferResponse response;
  response.set_model_name(model.name);
  response.set_model_version(model.classifier.version());
  response.set_id(request.id());
  const bool raw = request.raw_input_contents_size() > 0;
  for (const std::string& name : *outputs) AddOutput(name, model, answers, raw, response);
  return response;
}

}  // namespace weir::examples
