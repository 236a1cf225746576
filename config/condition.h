// An expression over named metrics that holds, does not hold, or cannot be told: `successCondition` and
// `failureCondition`.
//
//   accuracy.candidate >= 0.8 && (revenue.lift > 0.01 || 'checkout-rate' > 100)
//
// From the loosest to the tightest: ||, &&, one comparison (< <= > >= == !=), + and -, * and /, ! and - before an
// operand; and parentheses. Comparisons give true or false, of which the whole is one; all else is numbers, and the two
// are never taken for each other. A name with a "-" stands in quotes, since a-b is a difference. Pure: parsed once, when
// the specification is read.

#ifndef WEIR_CONFIG_CONDITION_H_
#define WEIR_CONFIG_CONDITION_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace weir::config {

// A value; two are equal where their texts are.
class Condition {
 public:
  // INVALID_ARGUMENT with the column (in bytes, from 1) and what is expected there: "column 5: expected a number, ..."
  static absl::StatusOr<Condition> Parse(std::string_view text);

  const std::string& text() const { return text_; }
  // That it mentions.
  const std::set<std::string>& names() const { return names_; }

  // The value of a name now; nullopt where it is not known, or too old to be believed. What is not finite is not known.
  using ValueOf = std::function<std::optional<double>(const std::string& name)>;
  // nullopt where what it depends on is not known (Kleene's logic: `false && unknown` is false all the same). Results that
  // are not finite, of a division by zero say, are not known either.
  std::optional<bool> Evaluate(const ValueOf& value_of) const;

  friend bool operator==(const Condition& a, const Condition& b) { return a.text_ == b.text_; }

 private:
  enum class Operation : uint8_t {
    kNumber,
    kName,
    kAdd,
    kSubtract,
    kMultiply,
    kDivide,
    kNegate,
    kLess,
    kLessOrEqual,
    kGreater,
    kGreaterOrEqual,
    kEqual,
    kNotEqual,
    kAnd,
    kOr,
    kNot,
  };
  struct Instruction {
    Operation operation;
    double number = 0;
    std::string name{};
  };

  friend class ConditionParser;
  Condition() = default;

  std::string text_;
  std::set<std::string> names_;
  std::vector<Instruction> program_;  // In postfix order.
};

}  // namespace weir::config

#endif  // WEIR_CONFIG_CONDITION_H_
