#include "config/condition.h"

#include <cmath>
#include <iostream>
#include <limits>
#include <map>
#include <memory>
#include <random>

#include "absl/strings/str_cat.h"
#include "config/limits.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace weir::config {
namespace {

using Values = std::map<std::string, double>;

std::optional<bool> Evaluate(const std::string& text, const Values& values = {}) {
  const absl::StatusOr<Condition> condition = Condition::Parse(text);
  EXPECT_TRUE(condition.ok()) << text << ": " << condition.status();
  if (!condition.ok()) return std::nullopt;
  return condition->Evaluate([&](const std::string& name) -> std::optional<double> {
    const auto found = values.find(name);
    return found == values.end() ? std::nullopt : std::optional(found->second);
  });
}

std::string ErrorOf(const std::string& text) {
  const absl::StatusOr<Condition> condition = Condition::Parse(text);
  EXPECT_EQ(condition.status().code(), absl::StatusCode::kInvalidArgument) << text;
  return std::string(condition.status().message());
}

TEST(ConditionTest, ComparesNumbersAndNames) {
  EXPECT_EQ(Evaluate("accuracy.candidate >= 0.8", {{"accuracy.candidate", 0.8}}), true);
  EXPECT_EQ(Evaluate("accuracy.candidate > .8", {{"accuracy.candidate", 0.8}}), false);
  EXPECT_EQ(Evaluate("1e3 == 1000"), true);
  EXPECT_EQ(Evaluate("1 != 1"), false);
  EXPECT_EQ(Evaluate("a<b", {{"a", 1}, {"b", 2}}), true);
  EXPECT_EQ(Evaluate("a<=b", {{"a", 2}, {"b", 2}}), true);
}

TEST(ConditionTest, OperatorsBindAsInArithmetic) {
  EXPECT_EQ(Evaluate("1 + 2 * 3 == 7"), true);
  EXPECT_EQ(Evaluate("(1 + 2) * 3 == 9"), true);
  EXPECT_EQ(Evaluate("8 / 4 / 2 == 1"), true);
  EXPECT_EQ(Evaluate("8 - 4 - 2 == 2"), true);
  EXPECT_EQ(Evaluate("-2 * -3 == 6"), true);
  EXPECT_EQ(Evaluate("- -2 == 2"), true);
  EXPECT_EQ(Evaluate("1 < 2 || 1 < 2 && 2 < 1"), true);  // && first.
  EXPECT_EQ(Evaluate("(1 < 2 || 1 < 2) && 2 < 1"), false);
  EXPECT_EQ(Evaluate("!(1 < 2) || 1 < 2"), true);
}

TEST(ConditionTest, ANameWithADashStandsInQuotes) {
  EXPECT_EQ(Evaluate("'checkout-rate' > 1 && \"checkout-rate\" < 3", {{"checkout-rate", 2}}), true);
  EXPECT_EQ(Evaluate("checkout-rate == 3", {{"checkout", 5}, {"rate", 2}}), true);  // A difference.
}

TEST(ConditionTest, SaysWhatItMentions) {
  const Condition condition = Condition::Parse("b > 1 || a.c < b").value();
  EXPECT_THAT(condition.names(), ::testing::ElementsAre("a.c", "b"));
  EXPECT_EQ(condition.text(), "b > 1 || a.c < b");
}

TEST(ConditionTest, EqualityIsThatOfTheTexts) {
  EXPECT_EQ(Condition::Parse("a > 1").value(), Condition::Parse("a > 1").value());
  EXPECT_FALSE(Condition::Parse("a > 1").value() == Condition::Parse("a > 2").value());
}

TEST(ConditionTest, WhatDependsOnTheUnknownIsUnknown) {
  EXPECT_EQ(Evaluate("missing > 1"), std::nullopt);
  EXPECT_EQ(Evaluate("missing * 0 == 0"), std::nullopt);
  EXPECT_EQ(Evaluate("missing == missing"), std::nullopt);
  EXPECT_EQ(Evaluate("!(missing > 1)"), std::nullopt);
  EXPECT_EQ(Evaluate("missing > 1 && 1 < 2"), std::nullopt);
  EXPECT_EQ(Evaluate("missing > 1 || 2 < 1"), std::nullopt);
}

TEST(ConditionTest, WhatIsDecidedWithoutTheUnknownIsKnown) {
  EXPECT_EQ(Evaluate("missing > 1 && 2 < 1"), false);
  EXPECT_EQ(Evaluate("2 < 1 && missing > 1"), false);
  EXPECT_EQ(Evaluate("missing > 1 || 1 < 2"), true);
  EXPECT_EQ(Evaluate("1 < 2 || missing > 1"), true);
}

TEST(ConditionTest, WhatIsNotFiniteIsNotKnown) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(Evaluate("a == a", {{"a", nan}}), std::nullopt);
  EXPECT_EQ(Evaluate("a != a", {{"a", nan}}), std::nullopt);
  EXPECT_EQ(Evaluate("a > 1", {{"a", infinity}}), std::nullopt);
  EXPECT_EQ(Evaluate("a / b > 1", {{"a", 1}, {"b", 0}}), std::nullopt);
  EXPECT_EQ(Evaluate("0 / a == 0 / a", {{"a", 0}}), std::nullopt);
  EXPECT_EQ(Evaluate("a * a > 1", {{"a", 1e300}}), std::nullopt);
}

TEST(ConditionTest, ErrorsNameTheColumnAndWhatIsExpected) {
  const std::pair<const char*, const char*> kErrors[] = {
      {"", "column 1: expected a comparison, got the end"},
      {"   ", "column 4: expected a comparison, got the end"},
      {"accuracy", "column 1: expected a comparison such as accuracy > 0.8, got a number alone"},
      {"accuracy >", "column 11: expected a number, a name, \"-\", \"!\" or \"(\", got the end"},
      {"accuracy > > 1", "column 12: expected a number, a name, \"-\", \"!\" or \"(\", got \">\""},
      {"a > 1 b", "column 7: expected \"&&\", \"||\" or the end, got \"b\""},
      {"a b", "column 3: expected an operator or the end, got \"b\""},
      {"a > 1 > 2", "column 7: expected \"&&\", \"||\" or the end, got \">\""},
      {"(a > 1) + 2 > 1", "column 1: expected a number beside \"+\", got a comparison"},
      {"a > 1 && b", "column 10: expected a comparison beside \"&&\", got a number"},
      {"a || b > 1", "column 1: expected a comparison beside \"||\", got a number"},
      {"(a > 1) == (b > 1)", "column 1: expected a number beside \"==\", got a comparison"},
      {"!a > 1", "column 2: expected a comparison in parentheses after \"!\", got a number"},
      {"-(a > 1)", "column 2: expected a number beside \"-\", got a comparison"},
      {"(a > 1", "column 7: expected an operator or \")\" for the \"(\" in column 1, got the end"},
      {"a > 1)", "column 6: expected \"&&\", \"||\" or the end, got \")\""},
      {"a = 1", "column 3: expected an operator, a number or a name, got \"=\" (equality is \"==\")"},
      {"a > 1 & b > 1", "column 7: expected an operator, a number or a name, got \"&\" (written twice)"},
      {"latency < 200ms", "column 14: expected an operator after 200, got \"m\" (numbers have no units)"},
      {"a > 1e999", "column 5: 1e999 is beyond what a number can be"},
      {"a > .", "column 5: expected a digit after \".\""},
      {"'a > 1", "column 1: the quote is not closed"},
      {"'a b' > 1", "column 1: expected a name of letters, digits, \".\", \"_\" and \"-\" in the quotes"},
      {"a > 1 \xc3\xa9", "column 7: expected an operator, a number or a name, got \"\xc3\xa9\""},
      {"a > 1\n", "column 6: expected an operator, a number or a name, got \"\\n\""},
  };
  for (const auto& [text, error] : kErrors) EXPECT_EQ(ErrorOf(text), error) << text;
}

TEST(ConditionTest, LengthDepthAndNamesAreBounded) {
  const std::string longest = "a > " + std::string(limits::kConditionBytes - 5, ' ') + "1";
  EXPECT_TRUE(Condition::Parse(longest).ok());
  EXPECT_THAT(ErrorOf(" " + longest), ::testing::HasSubstr("column 1025: an expression has at most 1024 bytes"));
  const auto nested = [](int depth) { return std::string(depth, '(') + "1 < 2" + std::string(depth, ')'); };
  EXPECT_EQ(Evaluate(nested(limits::kConditionDepth)), true);
  EXPECT_EQ(ErrorOf(nested(limits::kConditionDepth + 1)), "column 33: is nested deeper than 32 levels");
  EXPECT_EQ(ErrorOf(std::string(40, '-') + "1 < 2"), "column 33: is nested deeper than 32 levels");
  EXPECT_EQ(ErrorOf(std::string(128, 'n') + " < 2"), "column 1: a name has at most 127 bytes");
}

// --- Against an evaluator that knows nothing of text: trees are drawn, written with the fewest parentheses that mean
// them, and their values compared.

struct Tree {
  std::string text;  // Of a leaf.
  std::string symbol;
  std::unique_ptr<Tree> left, right;  // No left: a sign before its operand.
};

class Trees {
 public:
  explicit Trees(uint64_t seed) : rng_(seed) {}

  std::unique_ptr<Tree> Truth(int depth) {
    const int kind = depth == 0 ? 0 : Below(5);
    if (kind == 4) return Join("!", nullptr, Truth(depth - 1));
    if (kind >= 2) return Join(Below(2) == 0 ? "&&" : "||", Truth(depth - 1), Truth(depth - 1));
    static const char* const kComparisons[] = {"<", "<=", ">", ">=", "==", "!="};
    return Join(kComparisons[Below(6)], Number(depth), Number(depth));
  }

  int Below(int n) { return static_cast<int>(rng_() % n); }

 private:
  std::unique_ptr<Tree> Number(int depth) {
    const int kind = depth == 0 ? Below(2) : Below(7);
    auto leaf = std::make_unique<Tree>();
    if (kind <= 1) {
      leaf->text = kind == 0 ? absl::StrCat(Below(4)) : std::string(1, static_cast<char>('a' + Below(5)));
      return leaf;
    }
    if (kind == 2) return Join("-", nullptr, Number(depth - 1));
    static const char* const kSymbols[] = {"+", "-", "*", "/"};
    return Join(kSymbols[kind - 3], Number(depth - 1), Number(depth - 1));
  }

  static std::unique_ptr<Tree> Join(const char* symbol, std::unique_ptr<Tree> left, std::unique_ptr<Tree> right) {
    auto tree = std::make_unique<Tree>();
    tree->symbol = symbol;
    tree->left = std::move(left);
    tree->right = std::move(right);
    return tree;
  }

  std::mt19937_64 rng_;
};

int TightnessOf(const Tree& tree) {
  if (tree.symbol.empty()) return 7;
  if (tree.left == nullptr) return 6;
  static const std::map<std::string, int> kTightness = {{"||", 1}, {"&&", 2}, {"+", 4}, {"-", 4}, {"*", 5}, {"/", 5}};
  const auto found = kTightness.find(tree.symbol);
  return found == kTightness.end() ? 3 : found->second;
}

std::string Write(const Tree& tree, int least = 0) {
  const int own = TightnessOf(tree);
  std::string text = tree.text;
  // What stands on the right of - or / is grouped unless it is tighter; comparisons do not chain at all.
  if (tree.left != nullptr) {
    text = absl::StrCat(Write(*tree.left, own == 3 ? 4 : own), " ", tree.symbol, " ", Write(*tree.right, own + 1));
  } else if (!tree.symbol.empty()) {
    text = absl::StrCat(tree.symbol, Write(*tree.right, 6));
  }
  return own < least ? absl::StrCat("(", text, ")") : text;
}

// Numbers: NaN is the unknown, and so is what is not finite. Truths: 1, 0 and NaN.
double ValueOf(const Tree& tree, const std::map<std::string, double>& values) {
  const double unknown = std::nan("");
  if (tree.symbol.empty()) return std::isdigit(tree.text[0]) ? std::stod(tree.text) : values.at(tree.text);
  const double b = ValueOf(*tree.right, values);
  if (tree.left == nullptr) return tree.symbol == "!" ? 1 - b : -b;
  const double a = ValueOf(*tree.left, values);
  const std::string& s = tree.symbol;
  if (s == "&&") return a == 0 || b == 0 ? 0 : a * b;
  if (s == "||") return a == 1 || b == 1 ? 1 : a + b;
  if (std::isnan(a) || std::isnan(b)) return unknown;
  if (s == "<") return a < b;
  if (s == "<=") return a <= b;
  if (s == ">") return a > b;
  if (s == ">=") return a >= b;
  if (s == "==") return a == b;
  if (s == "!=") return a != b;
  const double result = s == "+" ? a + b : s == "-" ? a - b : s == "*" ? a * b : a / b;
  return std::isfinite(result) ? result : unknown;
}

TEST(ConditionTest, RandomExpressionsMeanWhatTheirTreesMean) {
  const uint64_t seed = std::getenv("WEIR_TEST_SEED") ? std::stoull(std::getenv("WEIR_TEST_SEED")) : 20261128;
  std::cout << "WEIR_TEST_SEED=" << seed << "\n";
  Trees trees(seed);
  int compared = 0, known = 0;
  for (int i = 0; i < 20000; ++i) {
    const std::unique_ptr<Tree> tree = trees.Truth(trees.Below(5));
    const std::string text = Write(*tree);
    if (text.size() > limits::kConditionBytes) continue;
    ++compared;
    std::map<std::string, double> values;
    for (char name = 'a'; name <= 'e'; ++name) {
      values[std::string(1, name)] = trees.Below(4) == 0 ? std::nan("") : trees.Below(4);
    }
    const absl::StatusOr<Condition> condition = Condition::Parse(text);
    ASSERT_TRUE(condition.ok()) << text << ": " << condition.status();
    const std::optional<bool> got = condition->Evaluate([&](const std::string& name) -> std::optional<double> {
      const double value = values.at(name);
      return std::isnan(value) ? std::nullopt : std::optional(value);
    });
    const double expected = ValueOf(*tree, values);
    known += got.has_value();
    ASSERT_EQ(got, std::isnan(expected) ? std::nullopt : std::optional(expected == 1)) << text;
  }
  EXPECT_GT(compared, 15000);
  EXPECT_GT(known, compared / 4);
  EXPECT_LT(known, compared);
}

}  // namespace
}  // namespace weir::config
