// The statistics of Weir as a calculator: a table of functions, and the answer to a call of one of them. Pure.

#ifndef WEIR_ROUTER_CLI_CALCULATOR_CALCULATOR_H_
#define WEIR_ROUTER_CLI_CALCULATOR_CALCULATOR_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "router/cli/calculator/function.h"
#include "router/runtime/json.h"

namespace weir::cli {

// One line of JSON, without its end: {"id": ..., "result": {...}} or {"id": ..., "error": "..."}.
struct Answer {
  std::string line;
  bool is_error = false;
};

class Calculator {
 public:
  Calculator();
  // For tests of the framework: any table.
  explicit Calculator(std::vector<Function> functions) : functions_(std::move(functions)) {}

  const std::vector<Function>& functions() const { return functions_; }
  // NotFound, naming the nearest known, where there is none.
  absl::StatusOr<const Function*> Find(std::string_view name) const;

  // The outputs of a function as an object. InvalidArgument with every error by its path ("inputs.alpha: must be in
  // (0, 1), got 2"). A result is never NaN: inputs at which one would be are an error.
  absl::StatusOr<runtime::Json> Evaluate(std::string_view function, const runtime::Json& inputs) const;

  // Answers {"id", "function", "inputs"}; the id is any JSON, and null where there is none. Other members are ignored,
  // so that a file of cases with their expected results can be sent as it is.
  Answer AnswerTo(const runtime::Json& call) const;
  // The same, of one JSON text.
  Answer AnswerTo(std::string_view call) const;

 private:
  std::vector<Function> functions_;
};

// An error's line.
Answer ErrorAnswer(const runtime::Json& id, std::string_view message);

}  // namespace weir::cli

#endif  // WEIR_ROUTER_CLI_CALCULATOR_CALCULATOR_H_
