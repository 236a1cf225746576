#include "examples/flags.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace weir::examples {
namespace {

// Leaves `target` alone where `value` is not fit.
template <typename T>
bool SetIf(bool is_fit, const T& value, T* target) {
  if (is_fit) *target = value;
  return is_fit;
}

}  // namespace

void Flags::Add(const std::string& name, std::string* target, const std::string& meaning) {
  flags_.push_back({name, meaning, *target, "a text", [target](const std::string& text) {
                      *target = text;
                      return true;
                    }});
}

void Flags::Add(const std::string& name, int64_t* target, const std::string& meaning) {
  flags_.push_back(
      {name, meaning, absl::StrCat(*target), "a whole number of at least 0", [target](const std::string& text) {
         int64_t value = 0;
         const bool is_fit = absl::SimpleAtoi(text, &value) && value >= 0;
         return SetIf(is_fit, value, target);
       }});
}

void Flags::Add(const std::string& name, double* target, const std::string& meaning) {
  flags_.push_back({name, meaning, absl::StrCat(*target), "a number of at least 0", [target](const std::string& text) {
                      double value = 0;
                      const bool is_fit = absl::SimpleAtod(text, &value) && std::isfinite(value) && value >= 0;
                      return SetIf(is_fit, value, target);
                    }});
}

void Flags::Add(const std::string& name, absl::Duration* target, const std::string& meaning) {
  flags_.push_back({name, meaning, absl::FormatDuration(*target), "a time such as 250ms or 1m30s",
                    [target](const std::string& text) {
                      absl::Duration value;
                      const bool is_fit = absl::ParseDuration(text, &value) && value >= absl::ZeroDuration() &&
                                          value != absl::InfiniteDuration();
                      return SetIf(is_fit, value, target);
                    }});
}

void Flags::Add(const std::string& name, bool* target, const std::string& meaning) {
  flags_.push_back({name, meaning, "", "", [target](const std::string& text) {
                      *target = true;
                      return text.empty();
                    }});
}

absl::Status Flags::Parse(const std::vector<std::string>& arguments) const {
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    const auto wrong = [&](const std::string& what) {
      return absl::InvalidArgumentError(absl::StrCat(argument, ": ", what));
    };
    if (!argument.starts_with("--")) return wrong("expected a flag, which begins with --");
    const size_t equals = argument.find('=');
    const Flag* flag = Find(std::string_view(argument).substr(2, equals == std::string::npos ? equals : equals - 2));
    if (flag == nullptr) return wrong("no such flag");
    std::string value;
    if (equals != std::string::npos) {
      value = argument.substr(equals + 1);
    } else if (!flag->expected.empty()) {
      if (i + 1 == arguments.size()) return wrong(absl::StrCat("expected ", flag->expected, " after it"));
      value = arguments[++i];
    }
    if (!flag->set(value)) {
      return wrong(flag->expected.empty() ? "takes no value"
                                          : absl::StrCat("expected ", flag->expected, ", got '", value, "'"));
    }
  }
  return absl::OkStatus();
}

std::string Flags::Usage() const {
  std::string usage;
  for (const Flag& flag : flags_) {
    absl::StrAppendFormat(&usage, "  --%-16s %s%s\n", flag.name, flag.meaning,
                          flag.default_value.empty() ? "" : absl::StrCat(" (", flag.default_value, ")"));
  }
  return usage;
}

const Flags::Flag* Flags::Find(std::string_view name) const {
  const auto found = std::find_if(flags_.begin(), flags_.end(), [name](const Flag& flag) { return flag.name == name; });
  return found == flags_.end() ? nullptr : &*found;
}

}  // namespace weir::examples
