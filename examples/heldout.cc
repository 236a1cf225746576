#include "examples/heldout.h"

#include <charconv>
#include <cstddef>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace weir::examples {
namespace {

std::optional<int> WholeNumber(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// A column holds a pixel where its name is "p" and a number.
bool IsPixel(std::string_view name) { return name.starts_with('p') && WholeNumber(name.substr(1)).has_value(); }

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

absl::StatusOr<HeldOutRow> ParseRow(const std::vector<std::string_view>& names, std::string_view line, size_t number) {
  const std::vector<std::string_view> cells = Split(line, ',');
  if (cells.size() != names.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("line ", number, ": expected ", names.size(), " cells, got ", cells.size()));
  }
  HeldOutRow row;
  for (size_t i = 0; i < cells.size(); ++i) {
    const std::optional<int> value = WholeNumber(cells[i]);
    if (!value) {
      return absl::InvalidArgumentError(
          absl::StrCat("line ", number, ": not a whole number: '", std::string(cells[i]), "'"));
    }
    if (i == 0) {
      row.digit = *value;
    } else if (IsPixel(names[i])) {
      row.pixels.push_back(*value);
    } else {
      row.prediction[std::string(names[i])] = *value;
    }
  }
  return row;
}

}  // namespace

absl::StatusOr<std::vector<HeldOutRow>> ParseHeldOut(std::string_view csv) {
  if (csv.ends_with('\n')) csv.remove_suffix(1);
  const std::vector<std::string_view> lines = Split(csv, '\n');
  if (!lines[0].starts_with("digit,")) {
    return absl::InvalidArgumentError("line 1: expected a head line that begins with 'digit,'");
  }
  if (lines.size() == 1) return absl::InvalidArgumentError("no row after the head line");
  const std::vector<std::string_view> names = Split(lines[0], ',');
  std::vector<HeldOutRow> rows;
  rows.reserve(lines.size() - 1);
  for (size_t i = 1; i < lines.size(); ++i) {
    absl::StatusOr<HeldOutRow> row = ParseRow(names, lines[i], i + 1);
    if (!row.ok()) return row.status();
    rows.push_back(*std::move(row));
  }
  return rows;
}

}  // namespace weir::examples
