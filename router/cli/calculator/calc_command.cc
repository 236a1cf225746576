#include "router/cli/calculator/calc_command.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "router/cli/calculator/calculator.h"

namespace weir::cli {
namespace {

// --- The list.

std::string Describe(const Input& input) {
  std::vector<std::string> parts;
  if (!input.meaning.empty()) parts.push_back(input.meaning);
  switch (input.type) {
    case InputType::kNumber:
      parts.push_back(input.range.Text());
      break;
    case InputType::kFlag:
      parts.push_back("true or false");
      break;
    case InputType::kChoice:
      parts.push_back(absl::StrJoin(input.choices, " | "));
      break;
    case InputType::kNumbers:
      parts.push_back(absl::StrCat("numbers, each ", input.range.Text()));
      break;
    case InputType::kMatrix:
      parts.push_back(absl::StrCat("arrays of numbers, each ", input.range.Text()));
      break;
    case InputType::kSample:
      parts.push_back("{n, sum, sum_squares}, {n, mean, standard_deviation}, {values} or {n, successes}");
      break;
    case InputType::kStructure:
      parts.push_back(input.form);
      break;
  }
  std::string text = absl::StrJoin(parts, ": ");
  if (!input.otherwise.empty()) absl::StrAppend(&text, " (default ", input.otherwise, ")");
  if (input.otherwise.empty() && !input.is_required) absl::StrAppend(&text, " (may be left out)");
  return text;
}

std::string Describe(const Function& function) {
  std::string text = absl::StrCat(function.name, "  ", function.meaning, "\n");
  for (const Input& input : function.inputs) absl::StrAppend(&text, "  in   ", input.name, ": ", Describe(input), "\n");
  for (const Output& output : function.outputs) {
    absl::StrAppend(&text, "  out  ", output.name, output.meaning.empty() ? "" : ": ", output.meaning, "\n");
  }
  absl::StrAppend(&text, "  from ", function.source, "\n  try  {\"function\": \"", function.name,
                  "\", \"inputs\": ", function.example, "}\n");
  return text;
}

bool List(const Calculator& calculator, const std::vector<std::string>& names, std::ostream& out) {
  if (names.empty()) {
    for (const Function& function : calculator.functions()) out << Describe(function) << "\n";
    return true;
  }
  bool is_whole = true;
  for (const std::string& name : names) {
    const auto function = calculator.Find(name);
    out << (function.ok() ? Describe(**function) : absl::StrCat(std::string(function.status().message()), "\n"));
    is_whole = is_whole && function.ok();
  }
  return is_whole;
}

// --- One call on the command line.

Answer AnswerToArguments(const Calculator& calculator, const std::vector<std::string>& arguments) {
  runtime::Json::Object inputs;
  for (size_t i = 1; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    const size_t equals = argument.find('=');
    if (equals == std::string_view::npos || equals == 0) {
      return ErrorAnswer(runtime::Json(), "inputs must be name=value, got " + arguments[i].substr(0, 60));
    }
    const std::string name(argument.substr(0, equals));
    const std::string_view text = argument.substr(equals + 1);
    absl::StatusOr<runtime::Json> value = runtime::ParseJson(text);
    // What is no JSON is a number as people write them, .05, or a name: method=holm.
    double number = 0;
    if (!value.ok() && absl::SimpleAtod({text.data(), text.size()}, &number) && std::isfinite(number)) {
      value = runtime::Json(number);
    }
    if (std::any_of(inputs.begin(), inputs.end(), [&](const auto& input) { return input.first == name; })) {
      return ErrorAnswer(runtime::Json(), absl::StrCat("inputs.", name, ": is given twice"));
    }
    inputs.emplace_back(name, value.ok() ? *std::move(value) : runtime::Json(text));
  }
  return calculator.AnswerTo(runtime::Json(
      runtime::Json::Object{{"function", arguments.front()}, {"inputs", runtime::Json(std::move(inputs))}}));
}

// --- Calls from a stream.

enum class Reading { kLine, kTooLong, kEnd };

// Up to the next newline; what is longer than the bound is passed over.
Reading ReadLine(std::istream& in, std::string& line) {
  line.clear();
  bool is_too_long = false;
  int c;
  while ((c = in.get()) != std::istream::traits_type::eof() && c != '\n') {
    is_too_long = is_too_long || line.size() >= kMaxCallBytes;
    if (!is_too_long) line.push_back(static_cast<char>(c));
  }
  if (is_too_long) return Reading::kTooLong;
  return c == '\n' || !line.empty() ? Reading::kLine : Reading::kEnd;
}

bool IsBlank(std::string_view text) { return text.find_first_not_of(" \t\r") == std::string_view::npos; }

class Conversation {
 public:
  Conversation(const Calculator& calculator, std::ostream& out) : calculator_(calculator), out_(out) {}

  void Say(const Answer& answer) {
    out_ << answer.line << "\n" << std::flush;
    has_error_ = has_error_ || answer.is_error;
  }

  void TakeLines(std::istream& in) {
    std::string line;
    for (size_t number = 1;; ++number) {
      const Reading reading = ReadLine(in, line);
      if (reading == Reading::kEnd) return;
      if (reading == Reading::kTooLong) {
        Say(ErrorAnswer(runtime::Json(), absl::StrCat("line ", number, ": longer than ", kMaxCallBytes, " bytes")));
      } else if (!IsBlank(line)) {
        TakeLine(line, number);
      }
    }
  }

  void TakeArray(std::istream& in) {
    std::string text;
    for (int c; (c = in.get()) != std::istream::traits_type::eof();) {
      if (text.size() >= kMaxCallBytes) {
        return Say(ErrorAnswer(runtime::Json(), absl::StrCat("the array is longer than ", kMaxCallBytes,
                                                             " bytes: send its calls as lines")));
      }
      text.push_back(static_cast<char>(c));
    }
    const absl::StatusOr<runtime::Json> calls = runtime::ParseJson(text);
    if (!calls.ok()) return Say(ErrorAnswer(runtime::Json(), std::string(calls.status().message())));
    for (const runtime::Json& call : *calls->As<runtime::Json::Array>()) Say(calculator_.AnswerTo(call));
  }

  bool has_error() const { return has_error_; }

 private:
  void TakeLine(const std::string& line, size_t number) {
    const absl::StatusOr<runtime::Json> call = runtime::ParseJson(line);
    Say(call.ok()
            ? calculator_.AnswerTo(*call)
            : ErrorAnswer(runtime::Json(), absl::StrCat("line ", number, ": ", std::string(call.status().message()))));
  }

  const Calculator& calculator_;
  std::ostream& out_;
  bool has_error_ = false;
};

}  // namespace

bool RunCalc(const CalcCommand& command, std::istream& in, std::ostream& out) {
  const Calculator calculator;
  if (command.is_list) return List(calculator, command.arguments, out);
  Conversation conversation(calculator, out);
  if (!command.arguments.empty()) {
    conversation.Say(AnswerToArguments(calculator, command.arguments));
  } else {
    in >> std::ws;
    in.peek() == '[' ? conversation.TakeArray(in) : conversation.TakeLines(in);
  }
  return !conversation.has_error();
}

}  // namespace weir::cli
