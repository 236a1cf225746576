#include "router/cli/specification_reader.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "config/limits.h"
#include "config/load.h"
#include "config/parse.h"
#include "config/validate.h"

namespace weir::cli {
namespace {

using config::ConfigError;

// What was found in all files so far.
struct Found {
  config::Findings findings;
  std::vector<config::Experiment> experiments;  // Valid or not.
  std::set<std::string> covered;                // Files that were checked.
};

void Add(std::vector<ConfigError>& to, const std::vector<ConfigError>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

// The files that `paths` mean, folders unfolded.
std::vector<std::string> FilesOf(const std::vector<std::string>& paths, const config::FileReader& files, Found& found) {
  std::vector<std::string> all;
  for (std::string path : paths) {
    while (path.size() > 1 && path.ends_with("/")) path.pop_back();
    if (files.KindOf(path) != config::FileReader::Kind::kFolder) {
      all.push_back(path);
      continue;
    }
    const auto names = files.List(path);
    if (!names.ok()) found.findings.errors.push_back({path, 0, 0, "", std::string(names.status().message())});
    const size_t before = all.size();
    for (const std::string& name : names.ok() ? *names : std::vector<std::string>()) {
      const std::string file = absl::StrCat(path, "/", name);
      const bool is_yaml = absl::EndsWith(name, ".yaml") || absl::EndsWith(name, ".yml");
      if (is_yaml && name[0] != '.' && files.KindOf(file) == config::FileReader::Kind::kFile) all.push_back(file);
    }
    if (names.ok() && all.size() == before) {
      found.findings.errors.push_back({path, 0, 0, "", "holds no *.yaml or *.yml file"});
    }
  }
  return all;
}

void CheckProxy(const std::string& file, const config::FileReader& files, Found& found) {
  config::Loaded loaded = config::Load(file, files);
  Add(found.findings.errors, loaded.errors);
  Add(found.findings.warnings, loaded.warnings);
  found.covered.insert(loaded.files.begin(), loaded.files.end());
  if (loaded.config.has_value()) {
    for (config::Experiment& e : loaded.config->experiments) found.experiments.push_back(std::move(e));
  }
}

// Experiments without their proxy.
void CheckExperiments(const std::vector<std::pair<std::string, std::string>>& texts, Found& found) {
  std::vector<config::Placed<config::Experiment>> experiments;
  for (const auto& [file, text] : texts) {
    if (!found.covered.insert(file).second) continue;
    for (auto& experiment : config::ParseExperimentFile(text, file, found.findings)) {
      experiments.push_back(std::move(experiment));
    }
  }
  config::ValidateExperiments(experiments, found.findings);
  for (auto& experiment : experiments) found.experiments.push_back(std::move(experiment.value));
}

}  // namespace

Specifications ReadSpecifications(const std::vector<std::string>& paths, const config::FileReader& files) {
  Found found;
  std::vector<std::pair<std::string, std::string>> others;
  for (const std::string& file : FilesOf(paths, files, found)) {
    const absl::StatusOr<std::string> text = files.Read(file, config::limits::kFileBytes);
    if (!text.ok()) {
      found.findings.errors.push_back({file, 0, 0, "", std::string(text.status().message())});
      continue;
    }
    config::Findings unused;
    const bool is_proxy = !config::ParseDocuments(*text, file, unused).proxies.empty();
    if (is_proxy) {
      CheckProxy(file, files, found);
    } else {
      others.emplace_back(file, *text);
    }
  }
  CheckExperiments(others, found);
  found.findings.Sort();
  // A file that two proxies name is checked with each: what both found is said once.
  for (auto* list : {&found.findings.errors, &found.findings.warnings}) {
    list->erase(std::unique(list->begin(), list->end()), list->end());
  }
  return {.experiments = std::move(found.experiments),
          .findings = std::move(found.findings),
          .files = found.covered.size()};
}

std::string FindingsText(const config::Findings& findings) {
  std::string text;
  for (const ConfigError& error : findings.errors) absl::StrAppend(&text, error.ToString(), "\n");
  for (const ConfigError& warning : findings.warnings) absl::StrAppend(&text, warning.ToString(), " (warning)\n");
  return text;
}

OneExperiment ReadExperiment(const std::string& path, const std::string& name, const config::FileReader& files) {
  const Specifications read = ReadSpecifications({path}, files);
  OneExperiment one{.experiment = std::nullopt, .said = FindingsText(read.findings)};
  if (!read.findings.errors.empty()) return one;
  std::vector<std::string> names;
  for (const config::Experiment& experiment : read.experiments) {
    names.push_back(experiment.name);
    if (name.empty() ? read.experiments.size() == 1 : experiment.name == name) one.experiment = experiment;
  }
  if (one.experiment) return one;
  const std::string held = names.empty() ? "none" : absl::StrJoin(names, ", ");
  absl::StrAppend(&one.said, path, ": ",
                  name.empty()
                      ? absl::StrCat("must hold one Experiment, or --experiment must name one; it holds ", held)
                      : absl::StrCat("holds no Experiment ", name, "; it holds ", held),
                  "\n");
  return one;
}

}  // namespace weir::cli
