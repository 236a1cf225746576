#include "router/cli/calculator/calculator.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "router/cli/calculator/families.h"
#include "router/cli/calculator/inputs.h"

namespace weir::cli {
namespace {

// The families, joined. A new family is one line here.
std::vector<Function> AllFunctions() {
  std::vector<Function> all;
  for (std::vector<Function> (*family)() :
       {MeansFunctions, ProportionsFunctions, PlanningFunctions, SequentialFunctions, TrustFunctions}) {
    for (Function& function : family()) all.push_back(std::move(function));
  }
  return all;
}

bool HasNan(const runtime::Json& json) {
  if (const auto* number = json.As<double>()) return std::isnan(*number);
  if (const auto* items = json.As<runtime::Json::Array>()) return std::any_of(items->begin(), items->end(), HasNan);
  const auto* members = json.As<runtime::Json::Object>();
  return members != nullptr &&
         std::any_of(members->begin(), members->end(), [](const auto& member) { return HasNan(member.second); });
}

}  // namespace

Calculator::Calculator() : Calculator(AllFunctions()) {}

absl::StatusOr<const Function*> Calculator::Find(std::string_view name) const {
  std::vector<std::string> names;
  for (const Function& function : functions_) {
    if (function.name == name) return &function;
    names.push_back(function.name);
  }
  const std::string nearest = Nearest(name, names);
  const std::string unknown =
      absl::StrCat("function: there is no ", runtime::WriteJson(runtime::Json(name.substr(0, 60))));
  return absl::NotFoundError(nearest.empty() ? absl::StrCat(unknown, "; --list names them all")
                                             : absl::StrCat(unknown, "; did you mean ", nearest, "?"));
}

absl::StatusOr<runtime::Json> Calculator::Evaluate(std::string_view name, const runtime::Json& given) const {
  const absl::StatusOr<const Function*> function = Find(name);
  if (!function.ok()) return function.status();
  Inputs inputs((*function)->inputs, given);
  absl::StatusOr<runtime::Json> result = (*function)->evaluate(inputs);
  if (!inputs.ok()) return inputs.status();
  if (result.ok() && HasNan(*result)) {
    return absl::InvalidArgumentError(
        "inputs: are beyond what double precision can compute: the result is not a number");
  }
  return result;
}

Answer ErrorAnswer(const runtime::Json& id, std::string_view message) {
  return {runtime::WriteJson(runtime::Json(runtime::Json::Object{{"id", id}, {"error", runtime::Json(message)}})),
          true};
}

Answer Calculator::AnswerTo(const runtime::Json& call) const {
  if (call.As<runtime::Json::Object>() == nullptr) return ErrorAnswer(runtime::Json(), "a call must be a JSON object");
  const runtime::Json* given_id = call.Find("id");
  const runtime::Json id = given_id != nullptr ? *given_id : runtime::Json();
  const runtime::Json* name = call.Find("function");
  if (name == nullptr) return ErrorAnswer(id, "function: is required");
  if (name->As<std::string>() == nullptr) return ErrorAnswer(id, "function: must be a name");
  const runtime::Json* inputs = call.Find("inputs");
  const absl::StatusOr<runtime::Json> result =
      Evaluate(*name->As<std::string>(), inputs != nullptr ? *inputs : runtime::Json(runtime::Json::Object()));
  if (!result.ok()) return ErrorAnswer(id, std::string(result.status().message()));
  return {runtime::WriteJson(runtime::Json(runtime::Json::Object{{"id", id}, {"result", *result}})), false};
}

Answer Calculator::AnswerTo(std::string_view call) const {
  const absl::StatusOr<runtime::Json> parsed = runtime::ParseJson(call);
  return parsed.ok() ? AnswerTo(*parsed) : ErrorAnswer(runtime::Json(), std::string(parsed.status().message()));
}

}  // namespace weir::cli
