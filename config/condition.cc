#include "config/condition.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "config/limits.h"

namespace weir::config {
namespace {

constexpr char kOperand[] = "a number, a name, \"-\", \"!\" or \"(\"";

struct Token {
  enum class Kind { kNumber, kName, kSymbol, kEnd };
  Kind kind = Kind::kEnd;
  size_t column = 1;
  std::string text{};  // Of a symbol, or a name without its quotes; of a number as it was written.
  double number = 0;

  std::string Describe() const {
    if (kind == Kind::kEnd) return "the end";
    return kind == Kind::kNumber ? text : absl::StrCat("\"", absl::Utf8SafeCEscape(text), "\"");
  }
};

absl::Status ErrorAt(size_t column, const std::string& message) {
  return absl::InvalidArgumentError(absl::StrCat("column ", column, ": ", message));
}

absl::Status Expected(const std::string& what, const Token& got) {
  return ErrorAt(got.column, absl::StrCat("expected ", what, ", got ", got.Describe()));
}

bool BeginsName(char c) { return absl::ascii_isalpha(c) || c == '_'; }
bool IsInName(char c) { return absl::ascii_isalnum(c) || c == '_' || c == '.'; }

// The bytes of one character, for a message.
std::string CharacterAt(std::string_view text, size_t at) {
  size_t end = at + 1;
  while (end < text.size() && (static_cast<uint8_t>(text[end]) & 0xc0) == 0x80) ++end;
  return std::string(text.substr(at, end - at));
}

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  absl::StatusOr<Token> Next() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
    if (at_ == text_.size()) return Token{Token::Kind::kEnd, at_ + 1};
    const char c = text_[at_];
    if (absl::ascii_isdigit(c) || c == '.') return Number();
    if (BeginsName(c)) return Name();
    if (c == '\'' || c == '"') return QuotedName(c);
    return Symbol();
  }

 private:
  absl::StatusOr<Token> Number() {
    Token token{Token::Kind::kNumber, at_ + 1};
    const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), token.number);
    const size_t length = end - (text_.data() + at_);
    if (error == std::errc::invalid_argument) return ErrorAt(at_ + 1, "expected a digit after \".\"");
    token.text = std::string(text_.substr(at_, length));
    if (error != std::errc() || !std::isfinite(token.number)) {
      return ErrorAt(at_ + 1, absl::StrCat(token.text, " is beyond what a number can be"));
    }
    at_ += length;
    if (at_ < text_.size() && IsInName(text_[at_])) {
      return ErrorAt(at_ + 1, absl::StrCat("expected an operator after ", token.text, ", got \"",
                                           CharacterAt(text_, at_), "\" (numbers have no units)"));
    }
    return token;
  }

  absl::StatusOr<Token> Name() {
    const size_t begin = at_;
    while (at_ < text_.size() && IsInName(text_[at_])) ++at_;
    return CheckedName(begin, text_.substr(begin, at_ - begin));
  }

  absl::StatusOr<Token> QuotedName(char quote) {
    const size_t begin = at_;
    const size_t end = text_.find(quote, begin + 1);
    if (end == std::string_view::npos) return ErrorAt(begin + 1, "the quote is not closed");
    at_ = end + 1;
    const std::string_view name = text_.substr(begin + 1, end - begin - 1);
    const bool is_name =
        !name.empty() && std::all_of(name.begin(), name.end(), [](char c) { return IsInName(c) || c == '-'; });
    if (!is_name) return ErrorAt(begin + 1, "expected a name of letters, digits, \".\", \"_\" and \"-\" in the quotes");
    return CheckedName(begin, name);
  }

  static absl::StatusOr<Token> CheckedName(size_t begin, std::string_view name) {
    if (name.size() > limits::kConditionNameBytes) {
      return ErrorAt(begin + 1, absl::StrCat("a name has at most ", limits::kConditionNameBytes, " bytes"));
    }
    return Token{Token::Kind::kName, begin + 1, std::string(name)};
  }

  absl::StatusOr<Token> Symbol() {
    static constexpr std::string_view kSymbols[] = {"&&", "||", "<=", ">=", "==", "!=", "<", ">",
                                                    "!",  "+",  "-",  "*",  "/",  "(",  ")"};
    for (std::string_view symbol : kSymbols) {
      if (text_.substr(at_, symbol.size()) != symbol) continue;
      Token token{Token::Kind::kSymbol, at_ + 1, std::string(symbol)};
      at_ += symbol.size();
      return token;
    }
    const std::string got = CharacterAt(text_, at_);
    const char* hint = got == "=" ? " (equality is \"==\")" : got == "&" || got == "|" ? " (written twice)" : "";
    return ErrorAt(at_ + 1, absl::StrCat("expected an operator, a number or a name, got \"", absl::Utf8SafeCEscape(got),
                                         "\"", hint));
  }

  const std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

// Recursive descent: each function reads as much as its operators bind, and says what came out.
class ConditionParser {
 public:
  explicit ConditionParser(std::string_view text) : scanner_(text) {}

  absl::StatusOr<Condition> Parse(std::string_view text) {
    if (absl::Status status = Advance(); !status.ok()) return status;
    if (next_.kind == Token::Kind::kEnd) return Expected("a comparison", next_);
    const absl::StatusOr<Part> whole = Disjunction();
    if (!whole.ok()) return whole.status();
    if (next_.kind != Token::Kind::kEnd) return Expected(AfterOf(*whole), next_);
    if (whole->type != Type::kTruth) {
      return ErrorAt(whole->column, "expected a comparison such as accuracy > 0.8, got a number alone");
    }
    condition_.text_ = std::string(text);
    return std::move(condition_);
  }

 private:
  using Operation = Condition::Operation;
  enum class Type { kNumber, kTruth };
  struct Part {
    Type type;
    size_t column;  // Of its first token.
  };
  using Read = absl::StatusOr<Part> (ConditionParser::*)();
  struct Binary {
    const char* symbol;
    Operation operation;
  };

  static const char* AfterOf(const Part& part) {
    return part.type == Type::kTruth ? "\"&&\", \"||\" or the end" : "an operator or the end";
  }

  absl::Status Advance() {
    absl::StatusOr<Token> token = scanner_.Next();
    if (!token.ok()) return token.status();
    next_ = *std::move(token);
    return absl::OkStatus();
  }

  bool IsNext(std::string_view symbol) const { return next_.kind == Token::Kind::kSymbol && next_.text == symbol; }

  void Emit(Operation operation) { condition_.program_.push_back({operation}); }

  static absl::Status CheckType(const Part& part, Type type, const std::string& symbol) {
    if (part.type == type) return absl::OkStatus();
    return ErrorAt(part.column, type == Type::kTruth
                                    ? absl::StrCat("expected a comparison beside \"", symbol, "\", got a number")
                                    : absl::StrCat("expected a number beside \"", symbol, "\", got a comparison"));
  }

  // OPERAND (SYMBOL OPERAND)*, from left to right.
  absl::StatusOr<Part> Chain(Read operand, std::initializer_list<Binary> binaries, Type type) {
    absl::StatusOr<Part> left = (this->*operand)();
    while (left.ok()) {
      const Binary* found = nullptr;
      for (const Binary& binary : binaries) {
        if (IsNext(binary.symbol)) found = &binary;
      }
      if (found == nullptr) return left;
      if (absl::Status status = CheckType(*left, type, found->symbol); !status.ok()) return status;
      if (absl::Status status = Advance(); !status.ok()) return status;
      const absl::StatusOr<Part> right = (this->*operand)();
      if (!right.ok()) return right.status();
      if (absl::Status status = CheckType(*right, type, found->symbol); !status.ok()) return status;
      Emit(found->operation);
    }
    return left;
  }

  absl::StatusOr<Part> Disjunction() {
    return Chain(&ConditionParser::Conjunction, {{"||", Operation::kOr}}, Type::kTruth);
  }
  absl::StatusOr<Part> Conjunction() {
    return Chain(&ConditionParser::Comparison, {{"&&", Operation::kAnd}}, Type::kTruth);
  }
  absl::StatusOr<Part> Sum() {
    return Chain(&ConditionParser::Product, {{"+", Operation::kAdd}, {"-", Operation::kSubtract}}, Type::kNumber);
  }
  absl::StatusOr<Part> Product() {
    return Chain(&ConditionParser::Unary, {{"*", Operation::kMultiply}, {"/", Operation::kDivide}}, Type::kNumber);
  }

  const Binary* NextComparison() const {
    static constexpr Binary kComparisons[] = {{"<", Operation::kLess},    {"<=", Operation::kLessOrEqual},
                                              {">", Operation::kGreater}, {">=", Operation::kGreaterOrEqual},
                                              {"==", Operation::kEqual},  {"!=", Operation::kNotEqual}};
    for (const Binary& comparison : kComparisons) {
      if (IsNext(comparison.symbol)) return &comparison;
    }
    return nullptr;
  }

  // At most one: a < b < c says nothing.
  absl::StatusOr<Part> Comparison() {
    absl::StatusOr<Part> left = Sum();
    const Binary* comparison = left.ok() ? NextComparison() : nullptr;
    if (comparison == nullptr) return left;
    if (absl::Status status = CheckType(*left, Type::kNumber, comparison->symbol); !status.ok()) return status;
    if (absl::Status status = Advance(); !status.ok()) return status;
    const absl::StatusOr<Part> right = Sum();
    if (!right.ok()) return right.status();
    if (absl::Status status = CheckType(*right, Type::kNumber, comparison->symbol); !status.ok()) return status;
    Emit(comparison->operation);
    return Part{Type::kTruth, left->column};
  }

  absl::StatusOr<Part> Unary() {
    if (!IsNext("-") && !IsNext("!")) return Primary();
    const Token sign = next_;
    const Type type = sign.text == "!" ? Type::kTruth : Type::kNumber;
    if (absl::Status status = Descend(); !status.ok()) return status;
    const absl::StatusOr<Part> operand = Unary();
    if (!operand.ok()) return operand.status();
    --depth_;
    if (type == Type::kTruth && operand->type != type) {
      return ErrorAt(operand->column, "expected a comparison in parentheses after \"!\", got a number");
    }
    if (absl::Status status = CheckType(*operand, type, sign.text); !status.ok()) return status;
    Emit(type == Type::kTruth ? Operation::kNot : Operation::kNegate);
    return Part{type, sign.column};
  }

  absl::StatusOr<Part> Primary() {
    const Token token = next_;
    if (token.kind == Token::Kind::kNumber) {
      condition_.program_.push_back({Operation::kNumber, token.number});
    } else if (token.kind == Token::Kind::kName) {
      condition_.names_.insert(token.text);
      condition_.program_.push_back({Operation::kName, 0, token.text});
    } else if (IsNext("(")) {
      return Parenthesis();
    } else {
      return Expected(kOperand, token);
    }
    if (absl::Status status = Advance(); !status.ok()) return status;
    return Part{Type::kNumber, token.column};
  }

  absl::StatusOr<Part> Parenthesis() {
    const size_t column = next_.column;
    if (absl::Status status = Descend(); !status.ok()) return status;
    const absl::StatusOr<Part> inner = Disjunction();
    if (!inner.ok()) return inner.status();
    if (!IsNext(")")) {
      return Expected(absl::StrCat("an operator or \")\" for the \"(\" in column ", column), next_);
    }
    --depth_;
    if (absl::Status status = Advance(); !status.ok()) return status;
    return Part{inner->type, column};
  }

  // Past the token, one level deeper.
  absl::Status Descend() {
    if (++depth_ > limits::kConditionDepth) {
      return ErrorAt(next_.column, absl::StrCat("is nested deeper than ", limits::kConditionDepth, " levels"));
    }
    return Advance();
  }

  Scanner scanner_;
  Token next_;
  int depth_ = 0;
  Condition condition_;
};

namespace {

// A truth is 1 or 0; nullopt is not known.
using Value = std::optional<double>;

Value Known(double number) { return std::isfinite(number) ? Value(number) : std::nullopt; }

Value And(Value a, Value b) {
  if (a == 0.0 || b == 0.0) return 0;
  return a && b ? Value(1) : std::nullopt;
}

Value Or(Value a, Value b) {
  if (a == 1.0 || b == 1.0) return 1;
  return a && b ? Value(0) : std::nullopt;
}

}  // namespace

absl::StatusOr<Condition> Condition::Parse(std::string_view text) {
  if (text.size() > limits::kConditionBytes) {
    return ErrorAt(limits::kConditionBytes + 1,
                   absl::StrCat("an expression has at most ", limits::kConditionBytes, " bytes"));
  }
  return ConditionParser(text).Parse(text);
}

std::optional<bool> Condition::Evaluate(const ValueOf& value_of) const {
  const auto apply = [](Operation operation, Value a, Value b) -> Value {
    if (operation == Operation::kAnd) return And(a, b);
    if (operation == Operation::kOr) return Or(a, b);
    if (!a || !b) return std::nullopt;
    switch (operation) {
      case Operation::kAdd:
        return Known(*a + *b);
      case Operation::kSubtract:
        return Known(*a - *b);
      case Operation::kMultiply:
        return Known(*a * *b);
      case Operation::kDivide:
        return Known(*a / *b);  // By zero: not finite.
      case Operation::kLess:
        return *a < *b;
      case Operation::kLessOrEqual:
        return *a <= *b;
      case Operation::kGreater:
        return *a > *b;
      case Operation::kGreaterOrEqual:
        return *a >= *b;
      case Operation::kEqual:
        return *a == *b;
      case Operation::kNotEqual:
        return *a != *b;
      default:
        return std::nullopt;
    }
  };
  std::vector<Value> stack;
  for (const Instruction& instruction : program_) {
    switch (instruction.operation) {
      case Operation::kNumber:
        stack.push_back(instruction.number);
        break;
      case Operation::kName: {
        const std::optional<double> value = value_of(instruction.name);
        stack.push_back(value ? Known(*value) : std::nullopt);
        break;
      }
      case Operation::kNegate:
        if (stack.back()) stack.back() = -*stack.back();
        break;
      case Operation::kNot:
        if (stack.back()) stack.back() = 1 - *stack.back();
        break;
      default: {
        const Value right = stack.back();
        stack.pop_back();
        stack.back() = apply(instruction.operation, stack.back(), right);
      }
    }
  }
  // The parser made exactly one truth of it.
  return stack.back() ? std::optional(*stack.back() == 1) : std::nullopt;
}

}  // namespace weir::config
