#include "router/runtime/json.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace weir::runtime {
namespace {

// Builds a Json from nlohmann's events: no exceptions, and the limits are kept while reading, not after.
class Builder {
 public:
  using number_integer_t = int64_t;
  using number_unsigned_t = uint64_t;
  using number_float_t = double;
  using string_t = std::string;
  using binary_t = nlohmann::json::binary_t;

  bool null() { return Add(Json()); }
  bool boolean(bool value) { return Add(value); }
  bool number_integer(int64_t value) { return Add(value); }
  bool number_unsigned(uint64_t value) {
    return value <= static_cast<uint64_t>(INT64_MAX) ? Add(static_cast<int64_t>(value)) : Add(value);
  }
  bool number_float(double value, const std::string&) { return Add(value); }
  bool string(std::string& value) { return Add(std::move(value)); }
  bool binary(binary_t&) { return Fail("binary values are not JSON"); }
  bool start_object(size_t) { return Open(Json(Json::Object())); }
  bool start_array(size_t) { return Open(Json(Json::Array())); }
  bool end_object() { return Close(); }
  bool end_array() { return Close(); }
  bool key(std::string& name) {
    auto& members = std::get<Json::Object>(open_.back()->value);
    if (open_.back()->Find(name) != nullptr) return Fail(absl::StrCat("\"", name, "\" is given twice"));
    if (members.size() >= kMaxJsonMembers)
      return Fail(absl::StrCat("an object has more than ", kMaxJsonMembers, " members"));
    members.emplace_back(std::move(name), Json());
    return true;
  }
  bool parse_error(size_t position, const std::string& token, const nlohmann::json::exception& error) {
    const std::string_view what = error.what();
    // "[json.exception.parse_error.101] parse error at line 1, column 5: ...": what follows the bracket.
    const size_t bracket = what.find("] ");
    const bool is_short = what.size() < 400;
    return Fail(is_short && bracket != std::string_view::npos
                    ? std::string(what.substr(bracket + 2))
                    : absl::StrCat("parse error at byte ", position, ", near ", token.substr(0, 40)));
  }

  Json root;
  std::string error;

 private:
  bool Fail(std::string message) {
    if (error.empty()) error = std::move(message);
    return false;
  }

  Json* Place(Json value) {
    if (open_.empty()) {
      root = std::move(value);
      return &root;
    }
    if (auto* items = std::get_if<Json::Array>(&open_.back()->value)) return &items->emplace_back(std::move(value));
    return &(std::get<Json::Object>(open_.back()->value).back().second = std::move(value));
  }

  bool Add(Json value) {
    if (++count_ > kMaxJsonValues) return Fail(absl::StrCat("more than ", kMaxJsonValues, " values"));
    Place(std::move(value));
    return true;
  }

  // Only the innermost open container grows, so that the places of the others stay where they are.
  bool Open(Json container) {
    if (open_.size() >= kMaxJsonDepth) return Fail(absl::StrCat("nested deeper than ", kMaxJsonDepth, " levels"));
    if (++count_ > kMaxJsonValues) return Fail(absl::StrCat("more than ", kMaxJsonValues, " values"));
    open_.push_back(Place(std::move(container)));
    return true;
  }

  bool Close() {
    open_.pop_back();
    return true;
  }

  std::vector<Json*> open_;
  size_t count_ = 0;
};

absl::StatusOr<Json> ParseStrictly(std::string_view text) {
  Builder builder;
  const bool is_json = nlohmann::json::sax_parse(text.begin(), text.end(), &builder);
  if (!is_json || !builder.error.empty()) return absl::InvalidArgumentError(builder.error);
  return std::move(builder.root);
}

// The text with each bare NaN, Infinity and -Infinity outside of strings put into quotes; nothing where there is none.
std::optional<std::string> WithQuotedNonNumbers(std::string_view text) {
  constexpr std::string_view kTokens[] = {"NaN", "-Infinity", "Infinity", "-NaN"};
  std::string quoted;
  bool is_string = false, has_any = false;
  for (size_t at = 0; at < text.size();) {
    const auto token = is_string ? std::end(kTokens)
                                 : std::find_if(std::begin(kTokens), std::end(kTokens),
                                                [&](auto t) { return text.substr(at, t.size()) == t; });
    if (token != std::end(kTokens)) {
      quoted.append("\"").append(*token).append("\"");
      at += token->size();
      has_any = true;
      continue;
    }
    const size_t length = is_string && text[at] == '\\' && at + 1 < text.size() ? 2 : 1;
    if (text[at] == '"') is_string = !is_string;
    quoted.append(text.substr(at, length));
    at += length;
  }
  return has_any ? std::optional(quoted) : std::nullopt;
}

nlohmann::ordered_json Converted(const Json& json);

struct Convert {
  nlohmann::ordered_json operator()(double number) const {
    if (std::isnan(number)) return nullptr;
    if (std::isinf(number)) return number > 0 ? "Infinity" : "-Infinity";
    return number;
  }
  nlohmann::ordered_json operator()(const Json::Array& items) const {
    auto result = nlohmann::ordered_json::array();
    for (const Json& item : items) result.push_back(Converted(item));
    return result;
  }
  nlohmann::ordered_json operator()(const Json::Object& members) const {
    auto result = nlohmann::ordered_json::object();
    for (const auto& [name, value] : members) result.emplace(name, Converted(value));
    return result;
  }
  template <typename T>
  nlohmann::ordered_json operator()(const T& plain) const {
    return plain;
  }
};

nlohmann::ordered_json Converted(const Json& json) { return std::visit(Convert(), json.value); }

}  // namespace

double Json::ToNumber() const {
  if (const auto* number = As<double>()) return *number;
  if (const auto* number = As<int64_t>()) return static_cast<double>(*number);
  if (const auto* number = As<uint64_t>()) return static_cast<double>(*number);
  return 0;
}

const Json* Json::Find(std::string_view name) const {
  const auto* members = As<Object>();
  if (members == nullptr) return nullptr;
  const auto found = std::find_if(members->begin(), members->end(), [&](const auto& m) { return m.first == name; });
  return found == members->end() ? nullptr : &found->second;
}

absl::StatusOr<Json> ParseJson(std::string_view text) {
  absl::StatusOr<Json> parsed = ParseStrictly(text);
  if (parsed.ok()) return parsed;
  const std::optional<std::string> quoted = WithQuotedNonNumbers(text);
  if (!quoted) return parsed;
  absl::StatusOr<Json> lenient = ParseStrictly(*quoted);
  return lenient.ok() ? lenient : parsed;
}

std::string WriteJson(const Json& json) {
  return Converted(json).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace weir::runtime
