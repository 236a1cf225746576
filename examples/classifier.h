// A classifier as a value: dense layers, evaluated in double precision. Pure.

#ifndef WEIR_EXAMPLES_CLASSIFIER_H_
#define WEIR_EXAMPLES_CLASSIFIER_H_

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "examples/model.pb.h"

namespace weir::examples {

class Classifier {
 public:
  // From the JSON form of weir.example.Model. InvalidArgument where it is not that, where the sizes of its layers do
  // not fit together, or where a number is not finite.
  static absl::StatusOr<Classifier> FromJson(std::string_view json);

  int inputs() const { return model_.layers(0).inputs(); }
  int classes() const { return model_.layers(model_.layers_size() - 1).outputs(); }
  const std::string& version() const { return model_.version(); }
  const std::string& description() const { return model_.description(); }

  // The probability of each class. `row` has inputs() elements.
  std::vector<double> Probabilities(std::span<const double> row) const;

 private:
  explicit Classifier(example::Model model) : model_(std::move(model)) {}
  example::Model model_;
};

// The place of the largest element: the class that a model decides for. The first one where two are equal.
int LargestOf(std::span<const double> values);

}  // namespace weir::examples

#endif  // WEIR_EXAMPLES_CLASSIFIER_H_
