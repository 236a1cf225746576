#include "examples/inference.h"

#include <cstring>
#include <limits>
#include <random>

#include "gtest/gtest.h"

namespace weir::examples {
namespace {

using inference::ModelInferRequest;

// Says 0 where the first pixel is the larger one, else 1.
ServedModel Comparer() {
  auto classifier = Classifier::FromJson(R"({"version": "1", "layers": [
      {"inputs": 2, "outputs": 2, "weights": [1, 0, 0, 1], "bias": [0, 0]}]})");
  return ServedModel{"compare", *std::move(classifier)};
}

ModelInferRequest Request(const std::vector<float>& elements) {
  ModelInferRequest request;
  request.set_model_name("compare");
  request.set_id("r1");
  auto* input = request.add_inputs();
  input->set_name("pixels");
  input->set_datatype("FP32");
  input->add_shape(elements.size() / 2);
  input->add_shape(2);
  input->mutable_contents()->mutable_fp32_contents()->Add(elements.begin(), elements.end());
  return request;
}

class InferenceTest : public testing::Test {
 protected:
  absl::StatusOr<inference::ModelInferResponse> InferWith(const ModelInferRequest& request, double worse_share = 0) {
    return Infer(model_, request, worse_share, rng_);
  }
  absl::StatusCode CodeOf(const ModelInferRequest& request) { return InferWith(request).status().code(); }

  const ServedModel model_ = Comparer();
  std::mt19937_64 rng_{1};
};

TEST_F(InferenceTest, ABatchIsAnsweredRowByRowWithTheRequestsId) {
  const auto response = InferWith(Request({1, 0, 0, 1, 5, 2}));
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->id(), "r1");
  EXPECT_EQ(response->model_version(), "1");
  ASSERT_EQ(response->outputs_size(), 2);
  const auto& labels = response->outputs(0).contents().int64_contents();
  EXPECT_EQ(std::vector<int64_t>(labels.begin(), labels.end()), (std::vector<int64_t>{0, 1, 0}));
  EXPECT_EQ(response->outputs(1).shape(0), 3);
  EXPECT_EQ(response->outputs(1).shape(1), 2);
  EXPECT_EQ(response->outputs(1).contents().fp32_contents_size(), 6);
}

TEST_F(InferenceTest, ARawRequestGetsARawAnswer) {
  for (const bool is_double : {false, true}) {
    ModelInferRequest request = Request({3, 4});
    request.mutable_inputs(0)->clear_contents();
    const std::vector<float> single = {3, 4};
    const std::vector<double> twice = {3, 4};
    request.mutable_inputs(0)->set_datatype(is_double ? "FP64" : "FP32");
    request.add_raw_input_contents(is_double ? std::string(reinterpret_cast<const char*>(twice.data()), 16)
                                             : std::string(reinterpret_cast<const char*>(single.data()), 8));
    const auto response = InferWith(request);
    ASSERT_TRUE(response.ok()) << response.status();
    ASSERT_EQ(response->raw_output_contents_size(), 2);
    EXPECT_FALSE(response->outputs(0).has_contents());
    int64_t label = -1;
    ASSERT_EQ(response->raw_output_contents(0).size(), sizeof(label));
    std::memcpy(&label, response->raw_output_contents(0).data(), sizeof(label));
    EXPECT_EQ(label, 1);
  }
}

TEST_F(InferenceTest, OnlyTheOutputsAskedForAreSentInTheirOrder) {
  ModelInferRequest request = Request({1, 0});
  request.add_outputs()->set_name("probabilities");
  const auto response = InferWith(request);
  ASSERT_TRUE(response.ok());
  ASSERT_EQ(response->outputs_size(), 1);
  EXPECT_EQ(response->outputs(0).name(), "probabilities");
}

TEST_F(InferenceTest, AnUnknownModelOrVersionIsNotFound) {
  ModelInferRequest request = Request({1, 0});
  request.set_model_version("1");
  EXPECT_TRUE(InferWith(request).ok());
  request.set_model_version("2");
  EXPECT_EQ(CodeOf(request), absl::StatusCode::kNotFound);
  request.clear_model_version();
  request.set_model_name("other");
  EXPECT_EQ(CodeOf(request), absl::StatusCode::kNotFound);
}

TEST_F(InferenceTest, WhatDoesNotFitTheModelIsAnInvalidArgument) {
  const auto expect_invalid = [this](auto&& spoil) {
    ModelInferRequest request = Request({1, 0});
    spoil(request);
    const absl::Status status = InferWith(request).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status << "\n" << request.DebugString();
  };
  using R = ModelInferRequest;
  expect_invalid([](R& r) { r.clear_inputs(); });
  expect_invalid([](R& r) { *r.add_inputs() = r.inputs(0); });
  expect_invalid([](R& r) { r.mutable_inputs(0)->set_name("image"); });
  expect_invalid([](R& r) { r.mutable_inputs(0)->set_datatype("INT32"); });
  expect_invalid([](R& r) { r.mutable_inputs(0)->clear_shape(); });
  expect_invalid([](R& r) { r.mutable_inputs(0)->set_shape(1, 3); });
  expect_invalid([](R& r) { r.mutable_inputs(0)->set_shape(0, 2); });
  expect_invalid([](R& r) { r.mutable_inputs(0)->set_shape(0, -1); });
  expect_invalid([](R& r) { r.mutable_inputs(0)->set_shape(0, std::numeric_limits<int64_t>::max()); });
  expect_invalid([](R& r) { r.mutable_inputs(0)->clear_contents(); });
  expect_invalid([](R& r) { r.add_raw_input_contents(std::string(8, '\0')); });  // Beside contents.
  expect_invalid([](R& r) {
    r.mutable_inputs(0)->clear_contents();
    r.add_raw_input_contents(std::string(7, '\0'));
  });
  expect_invalid([](R& r) {
    r.mutable_inputs(0)->mutable_contents()->set_fp32_contents(0, std::numeric_limits<float>::quiet_NaN());
  });
  expect_invalid([](R& r) { r.add_outputs()->set_name("logits"); });
  expect_invalid([](R& r) { r.add_outputs()->set_name("label"), r.add_outputs()->set_name("label"); });
}

TEST_F(InferenceTest, AWorseShareOfOneTurnsEveryLabelWrongAndTheProbabilitiesWithIt) {
  for (int i = 0; i < 100; ++i) {
    const auto response = InferWith(Request({1, 0}), 1);
    ASSERT_TRUE(response.ok());
    EXPECT_EQ(response->outputs(0).contents().int64_contents(0), 1);
    EXPECT_GT(response->outputs(1).contents().fp32_contents(1), 0.5);
  }
}

TEST_F(InferenceTest, TheMetadataNameTheTensorsThatInferTakesAndGives) {
  const inference::ModelMetadataResponse metadata = MetadataOf(model_);
  EXPECT_EQ(metadata.name(), "compare");
  ASSERT_EQ(metadata.inputs_size(), 1);
  EXPECT_EQ(metadata.inputs(0).shape(0), -1);
  EXPECT_EQ(metadata.inputs(0).shape(1), 2);
  const auto response = InferWith(Request({1, 0}));
  ASSERT_EQ(metadata.outputs_size(), response->outputs_size());
  for (int i = 0; i < metadata.outputs_size(); ++i) {
    EXPECT_EQ(metadata.outputs(i).name(), response->outputs(i).name());
    EXPECT_EQ(metadata.outputs(i).datatype(), response->outputs(i).datatype());
    EXPECT_EQ(metadata.outputs(i).shape_size(), response->outputs(i).shape_size());
  }
}

}  // namespace
}  // namespace weir::examples
