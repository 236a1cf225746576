#include "router/cli/calculator/inputs.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace weir::cli {
namespace {

constexpr size_t kMostErrors = 20;  // Of one call; a list of a million wrong numbers says nothing more.

std::string Quoted(const runtime::Json& json) {
  if (const auto* text = json.As<std::string>()) {
    // How runtime::ParseJson hands on what is no number.
    if (*text == "NaN" || *text == "-NaN" || *text == "Infinity" || *text == "-Infinity") return *text;
  }
  std::string text = runtime::WriteJson(json);
  if (text.size() > 60) text = text.substr(0, 57) + "...";
  return text;
}

bool IsNonNumber(const runtime::Json& json) {
  const auto* text = json.As<std::string>();
  return text != nullptr && (*text == "NaN" || *text == "-NaN" || *text == "Infinity" || *text == "-Infinity");
}

std::string PathOf(std::string_view name) { return "inputs." + std::string(name); }

size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, replaced}));
    }
  }
  return row.back();
}

}  // namespace

Inputs::Inputs(const std::vector<Input>& known, const runtime::Json& given) : known_(known), given_(given) {
  const auto* members = given.As<runtime::Json::Object>();
  if (members == nullptr) {
    errors_.push_back(absl::StrCat("inputs: must be an object, got ", Quoted(given)));
    return;
  }
  std::vector<std::string> names;
  for (const Input& input : known) names.push_back(input.name);
  ExpectMembers(given, "inputs", names);
}

const Input& Inputs::Known(std::string_view name) const {
  return *std::find_if(known_.begin(), known_.end(), [&](const Input& input) { return input.name == name; });
}

const runtime::Json* Inputs::Structure(std::string_view name) {
  if (const runtime::Json* json = given_.Find(name)) return json;
  const Input& input = Known(name);
  if (!input.otherwise.empty()) {
    defaults_.emplace_back(input.name, *runtime::ParseJson(input.otherwise));
    return &defaults_.back().second;
  }
  if (input.is_required) RejectInput(name, "is required");
  return nullptr;
}

double Inputs::Number(std::string_view name) {
  const Input& input = Known(name);
  const runtime::Json* json = Structure(name);
  return json == nullptr ? 1 : NumberAt(*json, PathOf(name), input.range);
}

std::optional<double> Inputs::OptionalNumber(std::string_view name) {
  if (!Has(name) && Known(name).otherwise.empty()) return std::nullopt;
  return Number(name);
}

bool Inputs::Flag(std::string_view name) {
  const runtime::Json* json = Structure(name);
  if (json == nullptr) return false;
  if (const bool* flag = json->As<bool>()) return *flag;
  RejectInput(name, absl::StrCat("must be true or false, got ", Quoted(*json)));
  return false;
}

std::string Inputs::Choice(std::string_view name) {
  const Input& input = Known(name);
  const runtime::Json* json = Structure(name);
  if (json == nullptr) return input.choices.front();
  const auto* text = json->As<std::string>();
  if (text != nullptr && std::find(input.choices.begin(), input.choices.end(), *text) != input.choices.end()) {
    return *text;
  }
  RejectInput(name, absl::StrCat("must be one of ", absl::StrJoin(input.choices, ", "), ", got ", Quoted(*json)));
  return input.choices.front();
}

std::vector<double> Inputs::Numbers(std::string_view name) {
  const Input& input = Known(name);
  const runtime::Json* json = Structure(name);
  if (json == nullptr) return {};
  return NumbersAt(*json, PathOf(name), input.range, input.least_size, input.most_size);
}

std::vector<std::vector<double>> Inputs::Matrix(std::string_view name) {
  const Input& input = Known(name);
  const runtime::Json* json = Structure(name);
  std::vector<std::vector<double>> rows;
  if (json == nullptr) return rows;
  const auto* items = json->As<runtime::Json::Array>();
  if (items == nullptr || items->empty()) {
    RejectInput(name, absl::StrCat("must be an array of arrays of numbers, not empty, got ", Quoted(*json)));
    return rows;
  }
  for (size_t i = 0; i < items->size(); ++i) {
    rows.push_back(NumbersAt((*items)[i], absl::StrCat(PathOf(name), "[", i, "]"), input.range, input.least_size,
                             input.most_size));
  }
  return rows;
}

cli::Sample Inputs::Sample(std::string_view name, double least_n) {
  const runtime::Json* json = Structure(name);
  return json == nullptr ? cli::Sample() : SampleFrom(*json, PathOf(name), least_n);
}

cli::Sample Inputs::SampleFrom(const runtime::Json& json, const std::string& path, double least_n) {
  cli::Sample sample;
  constexpr std::string_view kForms =
      "must be {n, sum, sum_squares}, {n, mean, standard_deviation}, {values} or {n, successes}";
  if (json.As<runtime::Json::Object>() == nullptr) {
    Reject(path, std::string(kForms) + ", got " + Quoted(json));
    return sample;
  }
  if (json.Find("values") != nullptr) {
    const std::string names[] = {"values"};
    ExpectMembers(json, path, names);
    sample.values = NumbersAt(*json.Find("values"), absl::StrCat(path, ".values"), Finite(),
                              static_cast<size_t>(std::max(least_n, 1.0)));
    sample.summary = stats::MomentsOf(sample.values).summary();
    return sample;
  }
  const runtime::Json* n = MemberAt(json, path, "n");
  if (n == nullptr) return sample;
  sample.summary.n = NumberAt(*n, absl::StrCat(path, ".n"), AtLeast(least_n));
  if (json.Find("successes") != nullptr) {
    const std::string names[] = {"n", "successes"};
    ExpectMembers(json, path, names);
    sample.successes =
        NumberAt(*json.Find("successes"), absl::StrCat(path, ".successes"), Within(0, std::max(sample.summary.n, 0.0)));
    sample.summary.mean = *sample.successes / sample.summary.n;
    sample.summary.variance = sample.summary.mean * (1 - sample.summary.mean);
    return sample;
  }
  if (json.Find("sum") != nullptr || json.Find("sum_squares") != nullptr) {
    sample.summary = SummaryOfSums(json, path, sample.summary.n);
  } else if (json.Find("mean") != nullptr || json.Find("standard_deviation") != nullptr) {
    const std::string names[] = {"n", "mean", "standard_deviation"};
    ExpectMembers(json, path, names);
    const runtime::Json *mean = MemberAt(json, path, "mean"), *deviation = MemberAt(json, path, "standard_deviation");
    if (mean == nullptr || deviation == nullptr) return sample;
    sample.summary.mean = NumberAt(*mean, absl::StrCat(path, ".mean"), Finite());
    const double sd = NumberAt(*deviation, absl::StrCat(path, ".standard_deviation"), NotNegative());
    sample.summary.variance = sd * sd;
  } else {
    Reject(path, kForms);
  }
  return sample;
}

stats::Summary Inputs::SummaryOfSums(const runtime::Json& json, const std::string& path, double n) {
  const std::string names[] = {"n", "sum", "sum_squares"};
  ExpectMembers(json, path, names);
  const runtime::Json *sum = MemberAt(json, path, "sum"), *squares = MemberAt(json, path, "sum_squares");
  stats::Summary summary{.n = n};
  if (sum == nullptr || squares == nullptr) return summary;
  const double total = NumberAt(*sum, absl::StrCat(path, ".sum"), Finite());
  const double sum_squares = NumberAt(*squares, absl::StrCat(path, ".sum_squares"), NotNegative());
  summary.mean = total / n;
  const double m2 = sum_squares - total * summary.mean;
  // Rounding may leave a constant's a little below 0.
  if (m2 < -1e-9 * sum_squares) {
    Reject(absl::StrCat(path, ".sum_squares"), absl::StrCat("must be at least sum^2 / n = ", total * summary.mean));
  }
  summary.variance = std::max(m2, 0.0) / (n - 1);
  return summary;
}

double Inputs::NumberAt(const runtime::Json& json, const std::string& path, const Range& range) {
  if (IsNonNumber(json)) {
    Reject(path, absl::StrCat("must be finite, got ", Quoted(json)));
  } else if (!json.IsNumber()) {
    Reject(path, absl::StrCat("must be a number, got ", Quoted(json)));
  } else if (!range.Holds(json.ToNumber())) {
    Reject(path, absl::StrCat("must be ", range.Text(), ", got ", Quoted(json)));
  } else {
    return json.ToNumber();
  }
  return 1;
}

std::vector<double> Inputs::NumbersAt(const runtime::Json& json, const std::string& path, const Range& range,
                                      size_t least, size_t most) {
  std::vector<double> numbers;
  const auto* items = json.As<runtime::Json::Array>();
  if (items == nullptr) {
    Reject(path, absl::StrCat("must be an array of numbers, got ", Quoted(json)));
    return numbers;
  }
  if (items->size() < least || items->size() > most) {
    const std::string bound = items->empty()
                                  ? "must not be empty"
                                  : absl::StrCat("must have ", items->size() < least ? "at least " : "at most ",
                                                 items->size() < least ? least : most, " numbers, got ", items->size());
    Reject(path, bound);
    return numbers;
  }
  for (size_t i = 0; i < items->size(); ++i) {
    numbers.push_back(NumberAt((*items)[i], absl::StrCat(path, "[", i, "]"), range));
    if (errors_.size() >= kMostErrors) break;
  }
  return numbers;
}

const runtime::Json* Inputs::MemberAt(const runtime::Json& json, const std::string& path, std::string_view name) {
  const runtime::Json* member = json.Find(name);
  if (member == nullptr) Reject(path + "." + std::string(name), "is required");
  return member;
}

void Inputs::ExpectMembers(const runtime::Json& json, const std::string& path, std::span<const std::string> names) {
  const auto* members = json.As<runtime::Json::Object>();
  if (members == nullptr) return Reject(path, absl::StrCat("must be an object, got ", Quoted(json)));
  for (const auto& [name, value] : *members) {
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    const std::string nearest = Nearest(name, names);
    Reject(absl::StrCat(path, ".", name), nearest.empty()
                                              ? absl::StrCat("is not known; there are ", absl::StrJoin(names, ", "))
                                              : absl::StrCat("is not known: did you mean ", nearest, "?"));
  }
}

void Inputs::Reject(const std::string& path, std::string_view what) {
  if (errors_.size() < kMostErrors) errors_.push_back(path + ": " + std::string(what));
}

void Inputs::RejectInput(std::string_view name, std::string_view what) { Reject(PathOf(name), what); }

absl::Status Inputs::status() const {
  return ok() ? absl::OkStatus() : absl::InvalidArgumentError(absl::StrJoin(errors_, "; "));
}

std::string Nearest(std::string_view name, std::span<const std::string> names) {
  std::string nearest;
  size_t least = std::max<size_t>(2, name.size() / 3) + 1;
  for (const std::string& candidate : names) {
    if (const size_t distance = EditDistance(name, candidate); distance < least) least = distance, nearest = candidate;
  }
  return nearest;
}

}  // namespace weir::cli
