#include "router/cli/calculator/function.h"

#include <cmath>

#include "absl/strings/str_cat.h"

namespace weir::cli {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::string BoundsText(const Range& range) {
  if (range.least == -kInfinity && range.most == kInfinity) return range.is_whole ? "" : "finite";
  if (range.most == kInfinity && range.least == 0 && range.is_open_below) return "positive";
  if (range.most == kInfinity && range.is_open_below) return absl::StrCat("above ", range.least);
  if (range.most == kInfinity) return absl::StrCat("at least ", range.least);
  return absl::StrCat("in ", range.is_open_below ? "(" : "[", range.least, ", ", range.most,
                      range.is_open_above ? ")" : "]");
}

}  // namespace

bool Range::Holds(double number) const {
  if (!std::isfinite(number)) return false;
  if (number < least || (is_open_below && number == least)) return false;
  if (number > most || (is_open_above && number == most)) return false;
  return !is_whole || number == std::floor(number);
}

std::string Range::Text() const {
  const std::string bounds = BoundsText(*this);
  if (!is_whole) return bounds;
  return bounds.empty() ? "a whole number" : absl::StrCat("a whole number, ", bounds);
}

Range Finite() { return {}; }
Range Positive() { return {.least = 0, .is_open_below = true}; }
Range NotNegative() { return {.least = 0}; }
Range AtLeast(double least) { return {.least = least}; }
Range Between(double least, double most) {
  return {.least = least, .most = most, .is_open_below = true, .is_open_above = true};
}
Range Within(double least, double most) { return {.least = least, .most = most}; }
Range Whole(Range range) {
  range.is_whole = true;
  return range;
}

Input Input::Default(std::string json) const {
  Input changed = *this;
  changed.otherwise = std::move(json);
  changed.is_required = false;
  return changed;
}

Input Input::Optional() const {
  Input changed = *this;
  changed.is_required = false;
  return changed;
}

Input Input::Sized(size_t least, size_t most) const {
  Input changed = *this;
  changed.least_size = least;
  changed.most_size = most;
  return changed;
}

Input Number(std::string name, std::string meaning, Range range) {
  return {.name = std::move(name), .type = InputType::kNumber, .meaning = std::move(meaning), .range = range};
}

Input Flag(std::string name, std::string meaning) {
  return Input{.name = std::move(name), .type = InputType::kFlag, .meaning = std::move(meaning)}.Default("false");
}

Input Choice(std::string name, std::string meaning, std::vector<std::string> choices) {
  return {.name = std::move(name),
          .type = InputType::kChoice,
          .meaning = std::move(meaning),
          .choices = std::move(choices)};
}

Input Numbers(std::string name, std::string meaning, Range range) {
  return {.name = std::move(name), .type = InputType::kNumbers, .meaning = std::move(meaning), .range = range};
}

Input Matrix(std::string name, std::string meaning, Range range) {
  return {.name = std::move(name), .type = InputType::kMatrix, .meaning = std::move(meaning), .range = range};
}

Input SampleOf(std::string name, std::string meaning) {
  return {.name = std::move(name), .type = InputType::kSample, .meaning = std::move(meaning)};
}

Input Structure(std::string name, std::string form, std::string meaning) {
  return {
      .name = std::move(name), .type = InputType::kStructure, .meaning = std::move(meaning), .form = std::move(form)};
}

Input Alpha(std::string meaning, std::string otherwise) {
  return Number("alpha", std::move(meaning), Between(0, 1)).Default(std::move(otherwise));
}

Input Sided() {
  return Number("sided", "2, or 1 for the alternative that the effect is positive", Whole(Within(1, 2))).Default("2");
}

}  // namespace weir::cli
