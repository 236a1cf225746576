// Reads a document's tree into values, and reports every part that is not what is expected with its place and path.
//
//   Mapping spec(root);
//   if (Field f = spec.Required("address")) proxy.listener = f.ReadAddress().value_or(Address());
//   if (Field f = spec.Optional("drainGrace")) ...
//   spec.Finish({"tls"});   // Every other key is an error; those listed are of later versions.

#ifndef WEIR_CONFIG_FIELD_H_
#define WEIR_CONFIG_FIELD_H_

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "config/document.h"
#include "config/error.h"
#include "config/units.h"

namespace weir::config {

// Of a part that a later version acts on. Refused, since what is ignored in silence is believed to be in force.
inline constexpr char kNotYet[] = "is not supported yet by this version";

// What one document's reading fills.
struct Reading {
  Places& places;
  Findings& findings;
};

// A part of a document and its path; false where the part is absent. Each Read... answers nullopt after it reported
// why. Borrows the node and the reading.
class Field {
 public:
  Field() = default;
  Field(const Node& node, std::string path, Reading& reading);

  explicit operator bool() const { return node_ != nullptr; }
  const Node& node() const { return *node_; }
  const std::string& path() const { return path_; }
  Reading& reading() const { return *reading_; }

  // Any text of one line, as it was written. Not `true`, `false` or nothing.
  std::optional<std::string> ReadText() const;
  // A name of ours: a label of metrics and a part of messages.
  std::optional<std::string> ReadName() const;
  // A header's name, in lower case, that is not of HTTP/2's, gRPC's or binary (-bin).
  std::optional<std::string> ReadHeaderName() const;
  std::optional<double> ReadNumber() const;
  std::optional<double> ReadNumberBetween(double least, double most) const;
  std::optional<int> ReadInteger(int least, int most) const;
  std::optional<bool> ReadBool() const;
  std::optional<absl::Duration> ReadDuration(absl::Duration least, absl::Duration most) const;
  std::optional<Percent> ReadPercent() const;
  std::optional<Weight> ReadWeight() const;
  // A list of `least` to `most` items.
  std::vector<Field> ReadList(size_t least, size_t most) const;
  // The same, or a mapping that stands for a list of itself alone.
  std::vector<Field> ReadListOrOne(size_t most) const;

  // One of the words; those of `later` are recognised and refused.
  template <typename T>
  std::optional<T> ReadChoice(std::initializer_list<std::pair<const char*, T>> choices,
                              std::initializer_list<const char*> later = {}) const {
    const std::optional<std::string> text = ReadText();
    if (!text.has_value()) return std::nullopt;
    std::vector<std::string> words;
    for (const auto& [word, value] : choices) {
      if (*text == word) return value;
      words.push_back(word);
    }
    ReportChoice(words, later, *text);
    return std::nullopt;
  }

  // The message as it is.
  void Report(std::string message) const;
  // "EXPECTATION, got WHAT IS THERE"
  void ReportGot(const std::string& expectation) const;
  void Warn(std::string message) const;

 private:
  void ReportChoice(const std::vector<std::string>& words, std::initializer_list<const char*> later,
                    const std::string& text) const;
  // A plain or quoted scalar; reports otherwise.
  bool IsScalar(const std::string& expectation) const;

  const Node* node_ = nullptr;
  std::string path_;
  Reading* reading_ = nullptr;
};

// A mapping whose keys are asked for one by one. Anything else than a mapping is reported, and reads as an empty one of
// which nothing is required.
class Mapping {
 public:
  explicit Mapping(Field field);

  bool is_mapping() const { return is_mapping_; }
  const Field& field() const { return field_; }
  Field Optional(const std::string& key);
  Field Required(const std::string& key);
  // Reports every key that was not asked for, with the nearest one that could have been meant. `later`: keys of later
  // versions.
  void Finish(std::initializer_list<const char*> later = {});

 private:
  Field field_;
  bool is_mapping_;
  std::set<std::string> asked_;
};

// "500ms", "1s", "1.5s", "5m", "24h", "14d"
std::optional<absl::Duration> ParseDuration(const std::string& text);

// The one of `known` that a person who wrote `key` most likely meant.
std::optional<std::string> Nearest(const std::string& key, const std::set<std::string>& known);

}  // namespace weir::config

#endif  // WEIR_CONFIG_FIELD_H_
