// JSON as we read and write it. The only door to nlohmann's parser.

#ifndef WEIR_ROUTER_RUNTIME_JSON_H_
#define WEIR_ROUTER_RUNTIME_JSON_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"

namespace weir::runtime {

// A value of JSON. An object keeps its members in the order in which they came; no name comes twice.
struct Json {
  using Array = std::vector<Json>;
  using Object = std::vector<std::pair<std::string, Json>>;
  using Value = std::variant<std::nullptr_t, bool, int64_t, uint64_t, double, std::string, Array, Object>;

  Json() : value(nullptr) {}
  Json(bool truth) : value(truth) {}
  Json(int number) : value(int64_t{number}) {}
  Json(int64_t number) : value(number) {}
  Json(uint64_t number) : value(number) {}
  Json(double number) : value(number) {}
  Json(std::string text) : value(std::move(text)) {}
  Json(std::string_view text) : value(std::string(text)) {}
  Json(const char* text) : value(std::string(text)) {}
  Json(Array items) : value(std::move(items)) {}
  Json(Object members) : value(std::move(members)) {}
  // An array of numbers.
  Json(const std::vector<double>& numbers) : value(Array(numbers.begin(), numbers.end())) {}

  template <typename T>
  const T* As() const {
    return std::get_if<T>(&value);
  }
  bool IsNull() const { return As<std::nullptr_t>() != nullptr; }
  bool IsNumber() const { return value.index() >= 2 && value.index() <= 4; }
  // 0 where it is no number. Whole numbers beyond 2^53 are rounded.
  double ToNumber() const;
  // The member of that name; null where there is none, or this is no object.
  const Json* Find(std::string_view name) const;

  Value value;
};

// What one document may hold: beyond any real call, below what memory or the stack could not bear.
inline constexpr size_t kMaxJsonDepth = 32;
inline constexpr size_t kMaxJsonValues = 4'000'000;
inline constexpr size_t kMaxJsonMembers = 256;  // Of one object.

// The value of `text`. InvalidArgument, with the place, where it is not JSON, holds more than the limits allow, or
// names a member twice. NaN, Infinity and -Infinity, which are not JSON and which some clients write, are read as
// strings, so that the reader of that input can refuse it by its name.
absl::StatusOr<Json> ParseJson(std::string_view text);

// One line of JSON. Doubles are written with the fewest digits that give them back exactly. JSON has no infinite
// number: those are the strings "Infinity" and "-Infinity", and NaN is null.
std::string WriteJson(const Json& json);

}  // namespace weir::runtime

#endif  // WEIR_ROUTER_RUNTIME_JSON_H_
