#include "router/control/report_folder.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "router/experiment/proto_time.h"
#include "router/experiment/report_text.h"

namespace weir::control {
namespace {

std::string NameOf(const std::string& experiment, uint32_t run, absl::Time at) {
  return absl::StrCat(experiment, "-run", run, "-", absl::FormatTime("%Y%m%dT%H%M%E3SZ", at, absl::UTCTimeZone()));
}

// The time in a page's name; empty where it is none of that experiment's.
std::string TimeIn(const std::string& name, const std::string& experiment) {
  const std::string prefix = experiment + "-run";
  if (!absl::StartsWith(name, prefix)) return "";
  const std::string rest = name.substr(prefix.size());  // "12-20261128T150405.123Z"
  const size_t digits = static_cast<size_t>(
      std::find_if_not(rest.begin(), rest.end(), [](char c) { return absl::ascii_isdigit(c); }) - rest.begin());
  const bool is_own = digits > 0 && digits < rest.size() && rest[digits] == '-' &&
                      rest.find('-', digits + 1) == std::string::npos && absl::EndsWith(rest, "Z");
  return is_own ? rest.substr(digits + 1) : "";
}

absl::Status WriteWhole(const std::string& path, const std::string& text) {
  const std::string beside = path + ".new";
  {
    std::ofstream out(beside, std::ios::trunc);
    out << text;
    if (!out.flush()) return absl::UnavailableError(absl::StrCat("writing ", beside, " failed"));
  }
  if (std::rename(beside.c_str(), path.c_str()) != 0)
    return absl::ErrnoToStatus(errno, absl::StrCat("moving ", beside));
  return absl::OkStatus();
}

}  // namespace

bool ReportFolder::Has(const std::string& experiment, uint32_t run, absl::Time at) const {
  std::error_code error;
  return std::filesystem::exists(absl::StrCat(path_, "/", NameOf(experiment, run, at), ".md"), error);
}

absl::StatusOr<std::string> ReportFolder::Write(const v1::RunReport& report) const {
  std::error_code error;
  std::filesystem::create_directories(path_, error);
  if (error) return absl::ErrnoToStatus(error.value(), absl::StrCat("making ", path_));
  const absl::Time at = experiment::TimeOf(report.at());
  if (Has(report.experiment(), report.run(), at)) return "";
  const std::string path = absl::StrCat(path_, "/", NameOf(report.experiment(), report.run(), at));
  const absl::StatusOr<std::string> json = experiment::ReportJson(report);
  if (!json.ok()) return json.status();
  // The page last: where it is, both are.
  if (absl::Status status = WriteWhole(path + ".json", *json); !status.ok()) return status;
  if (absl::Status status = WriteWhole(path + ".md", experiment::ReportMarkdown(report)); !status.ok()) return status;
  const std::vector<std::string> all = Of(report.experiment());
  for (size_t i = 0; i + kKept < all.size(); ++i) {
    for (const char* ending : {".md", ".json"}) std::filesystem::remove(all[i] + ending, error);
  }
  return path + ".md";
}

std::vector<std::string> ReportFolder::Of(const std::string& experiment) const {
  std::vector<std::pair<std::string, std::string>> found;  // By time.
  std::error_code error;
  std::filesystem::directory_iterator entry(path_, error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    if (entry->path().extension() != ".md") continue;
    const std::string name = entry->path().stem().string();
    const std::string time = TimeIn(name, experiment);
    if (!time.empty()) found.push_back({time, absl::StrCat(path_, "/", name)});
  }
  std::sort(found.begin(), found.end());
  std::vector<std::string> paths;
  for (auto& [time, path] : found) paths.push_back(std::move(path));
  return paths;
}

}  // namespace weir::control
