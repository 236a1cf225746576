// A function of the calculator as a value: what it takes, what it gives, where it is from, and how it is computed. The
// lists below are all that `--list` prints and all that the reader of inputs checks by, so that neither can be wrong
// about the other.

#ifndef WEIR_ROUTER_CLI_CALCULATOR_FUNCTION_H_
#define WEIR_ROUTER_CLI_CALCULATOR_FUNCTION_H_

#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "router/runtime/json.h"

namespace weir::cli {

class Inputs;

// Which numbers an input may be. Every number is finite.
struct Range {
  double least = -std::numeric_limits<double>::infinity();
  double most = std::numeric_limits<double>::infinity();
  bool is_open_below = false, is_open_above = false;
  bool is_whole = false;

  bool Holds(double number) const;
  std::string Text() const;  // "in (0, 1)", "positive", "a whole number, at least 1", ...; "finite" where all may be.
};
Range Finite();
Range Positive();
Range NotNegative();
Range AtLeast(double least);
Range Between(double least, double most);  // Without the ends.
Range Within(double least, double most);   // With the ends.
Range Whole(Range range);

enum class InputType {
  kNumber,
  kFlag,      // true or false.
  kChoice,    // One of `choices`.
  kNumbers,   // An array of numbers.
  kMatrix,    // An array of arrays of numbers.
  kSample,    // An object: see Inputs::Sample.
  kStructure  // Anything else: the evaluator reads it itself.
};

struct Input {
  std::string name;
  InputType type = InputType::kNumber;
  std::string meaning{};
  Range range{};                       // Of the number, or of each of the numbers.
  std::string otherwise{};             // The default as JSON; empty where there is none.
  bool is_required = true;             // False: it has a default, or may be left out.
  std::vector<std::string> choices{};  // Of kChoice.
  size_t least_size = 1;               // Of kNumbers and kMatrix.
  size_t most_size = 1'000'000;
  std::string form{};  // Of kStructure: how it is written.

  Input Default(std::string json) const;
  Input Optional() const;
  Input Sized(size_t least, size_t most = 1'000'000) const;
};
Input Number(std::string name, std::string meaning, Range range = {});
Input Flag(std::string name, std::string meaning);  // False by default.
Input Choice(std::string name, std::string meaning, std::vector<std::string> choices);
Input Numbers(std::string name, std::string meaning, Range range = {});
Input Matrix(std::string name, std::string meaning, Range range = {});
Input SampleOf(std::string name, std::string meaning);
Input Structure(std::string name, std::string form, std::string meaning);
// The two that nearly every test takes.
Input Alpha(std::string meaning = "the error allowed", std::string otherwise = "0.05");
Input Sided();

struct Output {
  std::string name;
  std::string meaning;
};

struct Function {
  std::string name;
  std::string meaning;
  std::vector<Input> inputs;
  std::vector<Output> outputs;
  std::string source;
  std::string example;  // Inputs as JSON; executed by a test.
  // Pure. The members of the result are the outputs.
  absl::StatusOr<runtime::Json> (*evaluate)(Inputs& inputs) = nullptr;
};

}  // namespace weir::cli

#endif  // WEIR_ROUTER_CLI_CALCULATOR_FUNCTION_H_
