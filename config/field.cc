#include "config/field.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "config/limits.h"
#include "config/plain_text.h"

namespace weir::config {
namespace {

constexpr size_t kShownBytes = 40;

// At most kShownBytes of what was written, on one line.
std::string Shown(const std::string& text) {
  std::string shown(Beginning(text, kShownBytes));
  if (shown.size() < text.size()) shown += "...";
  return absl::Utf8SafeCEscape(shown);
}

std::string Describe(const Node& node) {
  switch (node.kind) {
    case Node::Kind::kNull:
      return "nothing";
    case Node::Kind::kScalar:
      return node.is_quoted ? absl::StrCat("the text \"", Shown(node.text), "\"") : Shown(node.text);
    case Node::Kind::kSequence:
      return "a list";
    case Node::Kind::kMapping:
      return "a mapping";
    case Node::Kind::kRefused:
      return node.text;
  }
  return "";
}

bool AreDigits(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), absl::ascii_isdigit);
}

// A decimal number as JSON writes it (and ".5"): no hexadecimal, no octal, no underscores, no infinity.
bool IsDecimal(const std::string& text) {
  size_t i = 0;
  const auto skip_digits = [&] {
    const size_t begin = i;
    while (i < text.size() && absl::ascii_isdigit(text[i])) ++i;
    return i - begin;
  };
  if (i < text.size() && (text[i] == '-' || text[i] == '+')) ++i;
  const bool has_leading_zero = i + 1 < text.size() && text[i] == '0' && absl::ascii_isdigit(text[i + 1]);
  size_t digits = skip_digits();
  if (i < text.size() && text[i] == '.') ++i, digits += skip_digits();
  if (digits == 0 || has_leading_zero) return false;
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    if (i < text.size() && (text[i] == '-' || text[i] == '+')) ++i;
    if (skip_digits() == 0) return false;
  }
  return i == text.size();
}

std::optional<double> ParseDecimal(const std::string& text) {
  if (!IsDecimal(text)) return std::nullopt;
  const char* begin = text.data() + (text[0] == '+' ? 1 : 0);
  double value = 0;
  const auto [end, error] = std::from_chars(begin, text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

bool IsName(const std::string& text) {
  if (text.empty() || text.size() > limits::kNameBytes || !absl::ascii_isalnum(text[0])) return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_isalnum(c) || c == '.' || c == '_' || c == '-'; });
}

bool IsToken(const std::string& text) {  // RFC 9110, 5.6.2
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(c) || std::string("!#$%&'*+-.^_`|~").find(c) != std::string::npos;
  });
}

// Why a header may be neither a user's key nor force a variant; "" if it may.
std::string WhyReserved(const std::string& name) {
  static constexpr std::string_view kOfHttp[] = {
      "connection", "content-type", "content-length",    "host",    "keep-alive",         "proxy-connection",
      "te",         "trailer",      "transfer-encoding", "upgrade", "proxy-authenticate", "proxy-authorization"};
  for (std::string_view of_http : kOfHttp) {
    if (name == of_http) return "must not be a header of HTTP itself";
  }
  if (absl::StartsWith(name, "grpc-")) return "must not be a header of gRPC itself";
  if (absl::EndsWith(name, "-bin")) return "must not be a binary header (-bin): its encoding is not unique";
  return "";
}

size_t EditDistance(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t substituted = diagonal + (absl::ascii_tolower(a[i - 1]) != absl::ascii_tolower(b[j - 1]));
      diagonal = row[j];
      row[j] = std::min({substituted, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

std::string ChildPath(const std::string& path, const std::string& key) {
  const std::string shown = Shown(key);
  return path.empty() ? shown : absl::StrCat(path, ".", shown);
}

}  // namespace

std::optional<absl::Duration> ParseDuration(const std::string& text) {
  static constexpr std::pair<const char*, absl::Duration (*)()> kUnits[] = {
      {"ms", [] { return absl::Milliseconds(1); }}, {"us", [] { return absl::Microseconds(1); }},
      {"s", [] { return absl::Seconds(1); }},       {"m", [] { return absl::Minutes(1); }},
      {"h", [] { return absl::Hours(1); }},         {"d", [] { return absl::Hours(24); }}};
  const size_t end = text.find_first_not_of("0123456789.");
  if (end == std::string::npos || end == 0 || end > 12) return std::nullopt;
  const std::string number = text.substr(0, end);
  for (const auto& [unit, length] : kUnits) {
    if (text.substr(end) != unit) continue;
    if (AreDigits(number)) return std::stoll(number) * length();  // Exactly. At most 12 digits.
    const std::optional<double> value = ParseDecimal(number);
    if (value.has_value()) return *value * length();
  }
  return std::nullopt;
}

std::optional<std::string> Nearest(const std::string& key, const std::set<std::string>& known) {
  std::optional<std::string> nearest;
  size_t least = key.size() / 3 + 2;  // Beyond, it is another word.
  if (key.size() > limits::kNameBytes) return std::nullopt;
  for (const std::string& candidate : known) {
    const size_t distance = EditDistance(key, candidate);
    if (distance < least && distance < candidate.size()) least = distance, nearest = candidate;
  }
  return nearest;
}

Field::Field(const Node& node, std::string path, Reading& reading)
    : node_(&node), path_(std::move(path)), reading_(&reading) {
  reading.places.Add(path_, node.place);
}

void Field::Report(std::string message) const {
  const std::string file = reading_->places.file();
  reading_->findings.errors.push_back({file, node_->place.line, node_->place.column, path_, std::move(message)});
}

void Field::ReportGot(const std::string& expectation) const {
  if (node_->kind == Node::Kind::kRefused) return Report(node_->text);
  Report(absl::StrCat(expectation, ", got ", Describe(*node_)));
}

void Field::Warn(std::string message) const {
  const std::string file = reading_->places.file();
  reading_->findings.warnings.push_back({file, node_->place.line, node_->place.column, path_, std::move(message)});
}

bool Field::IsScalar(const std::string& expectation) const {
  if (node_->kind == Node::Kind::kScalar) return true;
  ReportGot(expectation);
  return false;
}

std::optional<std::string> Field::ReadText() const {
  if (!IsScalar("must be a text")) return std::nullopt;
  const std::string& text = node_->text;
  if (!node_->is_quoted && (text == "true" || text == "false")) {
    ReportGot("must be a text (in quotes, if this is one)");
    return std::nullopt;
  }
  if (text.size() > limits::kPathBytes || text.find('\n') != std::string::npos ||
      text.find('\r') != std::string::npos) {
    ReportGot(absl::StrCat("must be one line of at most ", limits::kPathBytes, " bytes"));
    return std::nullopt;
  }
  return text;
}

std::optional<std::string> Field::ReadName() const {
  const std::optional<std::string> text = ReadText();
  if (!text.has_value() || IsName(*text)) return text;
  ReportGot(absl::StrCat("must be 1 to ", limits::kNameBytes,
                         " letters, digits, \".\", \"_\" and \"-\" that begin with a letter or a digit"));
  return std::nullopt;
}

std::optional<std::string> Field::ReadHeaderName() const {
  const std::optional<std::string> text = ReadText();
  if (!text.has_value()) return std::nullopt;
  if (!IsToken(*text) || text->size() > limits::kHeaderNameBytes) {
    ReportGot(absl::StrCat("must be the name of a header, at most ", limits::kHeaderNameBytes, " bytes"));
    return std::nullopt;
  }
  const std::string name = absl::AsciiStrToLower(*text);
  const std::string reserved = WhyReserved(name);
  if (reserved.empty()) return name;
  ReportGot(reserved);
  return std::nullopt;
}

std::optional<double> Field::ReadNumber() const {
  if (!IsScalar("must be a number")) return std::nullopt;
  const std::optional<double> value = node_->is_quoted ? std::nullopt : ParseDecimal(node_->text);
  if (!value.has_value()) ReportGot("must be a number");
  return value;
}

std::optional<double> Field::ReadNumberBetween(double least, double most) const {
  const std::optional<double> value = ReadNumber();
  if (!value.has_value() || (*value >= least && *value <= most)) return value;
  ReportGot(absl::StrCat("must be from ", least, " to ", most));
  return std::nullopt;
}

std::optional<int> Field::ReadInteger(int least, int most) const {
  const std::optional<double> value = ReadNumber();
  if (!value.has_value()) return std::nullopt;
  if (*value >= least && *value <= most && *value == std::floor(*value)) return static_cast<int>(*value);
  ReportGot(absl::StrCat("must be a whole number from ", least, " to ", most));
  return std::nullopt;
}

std::optional<bool> Field::ReadBool() const {
  if (node_->kind == Node::Kind::kScalar && !node_->is_quoted) {
    if (node_->text == "true") return true;
    if (node_->text == "false") return false;
  }
  ReportGot("must be true or false");
  return std::nullopt;
}

std::optional<absl::Duration> Field::ReadDuration(absl::Duration least, absl::Duration most) const {
  constexpr char kForm[] = "must be a duration such as 500ms, 1s, 5m, 24h or 14d";
  if (!IsScalar(kForm)) return std::nullopt;
  const std::optional<absl::Duration> value = ParseDuration(node_->text);
  if (!value.has_value()) {
    ReportGot(kForm);
    return std::nullopt;
  }
  if (*value >= least && *value <= most) return value;
  ReportGot(absl::StrCat("must be from ", absl::FormatDuration(least), " to ", absl::FormatDuration(most)));
  return std::nullopt;
}

std::optional<Percent> Field::ReadPercent() const {
  const std::optional<double> value = ReadNumber();
  if (!value.has_value()) return std::nullopt;
  const absl::StatusOr<Percent> percent = Percent::FromDouble(*value);
  if (percent.ok()) return *percent;
  ReportGot(std::string(percent.status().message()));
  return std::nullopt;
}

std::optional<Weight> Field::ReadWeight() const {
  const std::optional<double> value = ReadNumber();
  if (!value.has_value()) return std::nullopt;
  const absl::StatusOr<Weight> weight = Weight::FromDouble(*value);
  if (weight.ok()) return *weight;
  ReportGot(std::string(weight.status().message()));
  return std::nullopt;
}

std::vector<Field> Field::ReadList(size_t least, size_t most) const {
  if (node_->kind != Node::Kind::kSequence) {
    ReportGot("must be a list");
    return {};
  }
  const size_t size = node_->children.size();
  if (size < least) Report(absl::StrCat("must have at least ", least, least == 1 ? " item" : " items", ", got ", size));
  if (size > most) {
    Report(absl::StrCat("must have at most ", most, " items, got ", size));
    return {};
  }
  std::vector<Field> items;
  for (size_t i = 0; i < size; ++i) items.emplace_back(node_->children[i], absl::StrCat(path_, "[", i, "]"), *reading_);
  return items;
}

std::vector<Field> Field::ReadListOrOne(size_t most) const {
  if (node_->kind == Node::Kind::kMapping) return {*this};
  if (node_->kind == Node::Kind::kSequence) return ReadList(1, most);
  ReportGot("must be a mapping or a list of them");
  return {};
}

void Field::ReportChoice(const std::vector<std::string>& words, std::initializer_list<const char*> later,
                         const std::string& text) const {
  if (std::find(later.begin(), later.end(), text) != later.end()) return Report(absl::StrCat(text, " ", kNotYet));
  std::string expectation = "must be ";
  for (size_t i = 0; i < words.size(); ++i) {
    absl::StrAppend(&expectation, i == 0 ? "" : i + 1 == words.size() ? " or " : ", ", words[i]);
  }
  ReportGot(expectation);
}

Mapping::Mapping(Field field) : field_(std::move(field)), is_mapping_(field_.node().kind == Node::Kind::kMapping) {
  if (!is_mapping_) field_.ReportGot("must be a mapping");
}

Field Mapping::Optional(const std::string& key) {
  asked_.insert(key);
  if (!is_mapping_) return {};
  for (const Node& child : field_.node().children) {
    if (child.key == key) return Field(child, ChildPath(field_.path(), key), field_.reading());
  }
  return {};
}

Field Mapping::Required(const std::string& key) {
  Field found = Optional(key);
  if (!found && is_mapping_) {
    const Node& node = field_.node();
    const std::string file = field_.reading().places.file();
    field_.reading().findings.errors.push_back(
        {file, node.place.line, node.place.column, ChildPath(field_.path(), key), "is missing"});
  }
  return found;
}

void Mapping::Finish(std::initializer_list<const char*> later) {
  if (!is_mapping_) return;
  const std::string file = field_.reading().places.file();
  std::vector<ConfigError>& errors = field_.reading().findings.errors;
  std::set<std::string> seen;
  for (const Node& child : field_.node().children) {
    const std::string path = ChildPath(field_.path(), child.key);
    const auto report = [&](std::string message) {
      errors.push_back({file, child.key_place.line, child.key_place.column, path, std::move(message)});
    };
    if (!seen.insert(child.key).second) {
      report("is given twice");
    } else if (std::find(later.begin(), later.end(), child.key) != later.end()) {
      report(kNotYet);
    } else if (child.kind == Node::Kind::kRefused && !asked_.contains(child.key)) {
      report(child.text);
    } else if (!asked_.contains(child.key)) {
      const std::optional<std::string> nearest = Nearest(child.key, asked_);
      report(nearest.has_value() ? absl::StrCat("is not a known key, did you mean \"", *nearest, "\"?")
                                 : absl::StrCat("is not a known key (known: ", absl::StrJoin(asked_, ", "), ")"));
    }
  }
}

}  // namespace weir::config
