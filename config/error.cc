#include "config/error.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "config/limits.h"

namespace weir::config {
namespace {

void SortAndCut(std::vector<ConfigError>& errors) {
  std::sort(errors.begin(), errors.end());
  errors.erase(std::unique(errors.begin(), errors.end()), errors.end());
  std::vector<ConfigError> kept;
  for (size_t begin = 0; begin < errors.size();) {
    size_t end = begin;
    while (end < errors.size() && errors[end].file == errors[begin].file) ++end;
    const size_t shown = std::min(end - begin, limits::kErrorsPerFile);
    for (size_t i = begin; i < begin + shown; ++i) kept.push_back(std::move(errors[i]));
    if (shown < end - begin)
      absl::StrAppend(&kept.back().message, " (and ", end - begin - shown, " more in this file)");
    begin = end;
  }
  errors = std::move(kept);
}

}  // namespace

std::string ConfigError::ToString() const {
  std::string text = file;
  if (line > 0) absl::StrAppend(&text, ":", line, ":", column);
  if (!path.empty()) absl::StrAppend(&text, ": ", path);
  return absl::StrCat(text, ": ", message);
}

std::string ToString(const std::vector<ConfigError>& errors) {
  std::string text;
  for (const ConfigError& error : errors) absl::StrAppend(&text, error.ToString(), "\n");
  return text;
}

void Findings::Sort() {
  SortAndCut(errors);
  SortAndCut(warnings);
}

Place Places::Find(std::string path) const {
  while (true) {
    const auto found = places_.find(path);
    if (found != places_.end()) return found->second;
    const size_t end = path.find_last_of(".[");
    if (end == std::string::npos) return Place{1, 1};
    path.resize(end);
  }
}

ConfigError Places::ErrorAt(const std::string& path, std::string message) const {
  const Place place = Find(path);
  return {file_, place.line, place.column, path, std::move(message)};
}

}  // namespace weir::config
