// What is wrong with a configuration, and where. All of it at once: a person who fixes a file wants the whole list.

#ifndef WEIR_CONFIG_ERROR_H_
#define WEIR_CONFIG_ERROR_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace weir::config {

// Of a file's text, both from 1; 0 where there is none (a file that cannot be read).
struct Place {
  int line = 0;
  int column = 0;  // In bytes.
  friend auto operator<=>(const Place&, const Place&) = default;
};

struct ConfigError {
  std::string file;
  int line = 0;
  int column = 0;
  std::string path;     // "spec.candidates[0].weight"; empty for the file as a whole.
  std::string message;  // The expectation, then what was found: "must be at least 0, got -1".
  friend auto operator<=>(const ConfigError&, const ConfigError&) = default;

  // "experiment.yaml:12:7: spec.candidates[0].weight: must be at least 0, got -1"
  std::string ToString() const;
};

// One a line.
std::string ToString(const std::vector<ConfigError>& errors);

// Errors refuse a configuration; warnings are things that a person should know of one that is accepted.
struct Findings {
  std::vector<ConfigError> errors;
  std::vector<ConfigError> warnings;

  // By file and place. At most limits::kErrorsPerFile of each file are kept; the last of these says how many are not
  // shown.
  void Sort();
};

// A value, or every reason why there is none.
template <typename T>
struct Parsed {
  std::optional<T> value;  // Present exactly when `errors` is empty.
  std::vector<ConfigError> errors;
  std::vector<ConfigError> warnings;
};

// Where each part of a document was written, by its path: for errors that only a look at several documents finds.
class Places {
 public:
  explicit Places(std::string file = "") : file_(std::move(file)) {}
  const std::string& file() const { return file_; }
  void Add(const std::string& path, Place place) { places_.emplace(path, place); }
  bool Has(const std::string& path) const { return places_.contains(path); }
  // Of the path, or of what holds it where the path itself was not written.
  Place Find(std::string path) const;
  ConfigError ErrorAt(const std::string& path, std::string message) const;

 private:
  std::string file_;
  std::map<std::string, Place> places_;
};

// A value as far as it could be read (a part with an error keeps its default), and where its parts were written.
template <typename T>
struct Placed {
  T value;
  Places places;
};

}  // namespace weir::config

#endif  // WEIR_CONFIG_ERROR_H_
