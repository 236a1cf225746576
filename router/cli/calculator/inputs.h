// Reads the inputs of one call by a function's list of them. All errors are collected, each under its path:
// "inputs.a.values[3]: must be finite, got NaN".

#ifndef WEIR_ROUTER_CLI_CALCULATOR_INPUTS_H_
#define WEIR_ROUTER_CLI_CALCULATOR_INPUTS_H_

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "router/cli/calculator/function.h"
#include "router/runtime/json.h"
#include "stats/moments.h"

namespace weir::cli {

// A sample as the calculator takes it: {n, sum, sum_squares}, {n, mean, standard_deviation}, {values}, or, for a
// proportion, {n, successes}, whose variance is p (1 - p), the proportion's own (GrowthBook's convention), not the
// n / (n - 1) times larger one of zeros and ones as values.
struct Sample {
  stats::Summary summary;
  std::vector<double> values;       // Only where they were given.
  std::optional<double> successes;  // Only where they were given.
};

// Each reader names an input of the function's list, of that type. Where the input is absent or wrong the error is kept
// and some harmless value is returned: an evaluator reads all that it needs, then asks `status` before it computes.
class Inputs {
 public:
  // Both are borrowed. Inputs that the function does not have are errors that name the nearest that it has.
  Inputs(const std::vector<Input>& known, const runtime::Json& given);

  double Number(std::string_view name);
  std::optional<double> OptionalNumber(std::string_view name);
  bool Flag(std::string_view name);
  std::string Choice(std::string_view name);
  std::vector<double> Numbers(std::string_view name);
  std::vector<std::vector<double>> Matrix(std::string_view name);
  // At least `least_n` observations.
  cli::Sample Sample(std::string_view name, double least_n = 2);

  bool Has(std::string_view name) const { return given_.Find(name) != nullptr; }
  // What was given, or the default, of an input of any type; an error and null where neither is.
  const runtime::Json* Structure(std::string_view name);

  // Readers of parts of a structure; `path` begins at "inputs.".
  double NumberAt(const runtime::Json& json, const std::string& path, const Range& range);
  std::vector<double> NumbersAt(const runtime::Json& json, const std::string& path, const Range& range,
                                size_t least = 1, size_t most = 1'000'000);
  // A member that must be there.
  const runtime::Json* MemberAt(const runtime::Json& json, const std::string& path, std::string_view name);
  // Members other than these are errors.
  void ExpectMembers(const runtime::Json& json, const std::string& path, std::span<const std::string> names);

  // Keeps an error: `what` begins with "must".
  void Reject(const std::string& path, std::string_view what);
  void RejectInput(std::string_view name, std::string_view what);

  bool ok() const { return errors_.empty(); }
  absl::Status status() const;  // All errors in one InvalidArgument.

 private:
  const Input& Known(std::string_view name) const;
  cli::Sample SampleFrom(const runtime::Json& json, const std::string& path, double least_n);
  stats::Summary SummaryOfSums(const runtime::Json& json, const std::string& path, double n);

  const std::vector<Input>& known_;
  const runtime::Json& given_;
  std::vector<std::pair<std::string, runtime::Json>> defaults_;  // Parsed when first asked for.
  std::vector<std::string> errors_;
};

// The name of `names` that `name` was perhaps meant to be; empty where none is near.
std::string Nearest(std::string_view name, std::span<const std::string> names);

}  // namespace weir::cli

#endif  // WEIR_ROUTER_CLI_CALCULATOR_INPUTS_H_
