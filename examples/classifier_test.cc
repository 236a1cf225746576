#include "examples/classifier.h"

#include <cmath>
#include <fstream>
#include <numeric>
#include <sstream>

#include "examples/heldout.h"
#include "gtest/gtest.h"

namespace weir::examples {
namespace {

std::string Content(const std::string& path) {
  std::ifstream file(path);
  std::stringstream content;
  content << file.rdbuf();
  return content.str();
}

Classifier TrainedModel(const std::string& name) {
  absl::StatusOr<Classifier> model = Classifier::FromJson(Content("examples/models/" + name + ".json"));
  EXPECT_TRUE(model.ok()) << model.status();
  return *std::move(model);
}

// Two inputs, a hidden layer that keeps what is positive, two classes.
constexpr char kSmall[] = R"({"version": "3", "layers": [
    {"inputs": 2, "outputs": 2, "weights": [1, -1, 0, 1], "bias": [0, 0.5], "activation": "RELU"},
    {"inputs": 2, "outputs": 2, "weights": [1, 0, 0, 2], "bias": [0, 0]}]})";

TEST(ClassifierTest, EveryHeldOutRowGetsTheLabelThatTheTrainingScriptSaw) {
  const auto rows = ParseHeldOut(Content("examples/models/heldout.csv"));
  ASSERT_TRUE(rows.ok()) << rows.status();
  ASSERT_EQ(rows->size(), 719u);
  for (const std::string name : {"baseline", "enhanced"}) {
    const Classifier model = TrainedModel(name);
    for (const HeldOutRow& row : *rows) {
      EXPECT_EQ(LargestOf(model.Probabilities(row.pixels)), row.prediction.at(name)) << name;
    }
  }
}

TEST(ClassifierTest, TheTrainedModelsHaveDifferentVersionsAndTheSameShape) {
  const Classifier baseline = TrainedModel("baseline"), enhanced = TrainedModel("enhanced");
  EXPECT_NE(baseline.version(), enhanced.version());
  EXPECT_EQ(baseline.inputs(), 64);
  EXPECT_EQ(enhanced.inputs(), 64);
  EXPECT_EQ(baseline.classes(), 10);
  EXPECT_EQ(enhanced.classes(), 10);
}

TEST(ClassifierTest, LayersMultiplyAddAndCutBelowZero) {
  const auto model = Classifier::FromJson(kSmall);
  ASSERT_TRUE(model.ok()) << model.status();
  // (2, 1): hidden (2, -2 + 1 + 0.5 -> 0), out (2, 0).
  const std::vector<double> p = model->Probabilities(std::vector<double>{2, 1});
  EXPECT_NEAR(p[0], 1 / (1 + std::exp(-2.0)), 1e-12);
}

TEST(ClassifierTest, ProbabilitiesSumToOneHoweverLargeTheInput) {
  const auto model = Classifier::FromJson(kSmall);
  ASSERT_TRUE(model.ok());
  const std::vector<double> p = model->Probabilities(std::vector<double>{1e300, -1e300});
  EXPECT_DOUBLE_EQ(std::accumulate(p.begin(), p.end(), 0.0), 1.0);
}

TEST(ClassifierTest, AModelWhoseLayersDoNotFitTogetherIsRefusedWithThePlace) {
  const auto message = [](std::string_view json) { return std::string(Classifier::FromJson(json).status().message()); };
  EXPECT_NE(message(R"({"layers": []})").find("at least one"), std::string::npos);
  EXPECT_NE(message(R"({"layers": [{"inputs": 2, "outputs": 1, "weights": [1], "bias": [0]}]})")
                .find("layers[0]: needs 2 weights, got 1"),
            std::string::npos);
  EXPECT_NE(message(R"({"layers": [{"inputs": 1, "outputs": 1, "weights": [1], "bias": [0]},
                                   {"inputs": 2, "outputs": 1, "weights": [1, 1], "bias": [0]}]})")
                .find("layers[1]: has 2 inputs, but the layer before gives 1"),
            std::string::npos);
  EXPECT_NE(message(R"({"layers": [{"inputs": 1, "outputs": 1, "weights": ["NaN"], "bias": [0]}]})").find("not finite"),
            std::string::npos);
  EXPECT_NE(message(R"({"layer": []})").find("not a model"), std::string::npos);
}

}  // namespace
}  // namespace weir::examples
