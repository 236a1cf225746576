#include "config/load.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "config/limits.h"
#include "config/parse.h"
#include "config/utf8.h"
#include "config/validate.h"

namespace weir::config {
namespace {

// A file's name is shown, and journalled with what it holds: both take text alone.
bool HasReadableName(const std::string& path, Findings& findings) {
  if (IsUtf8(path)) return true;
  findings.errors.push_back({Readable(path), 0, 0, "", "has a name that is not UTF-8: rename it"});
  return false;
}

std::optional<std::string> ReadFile(const std::string& path, const FileReader& files, Findings& findings) {
  absl::StatusOr<std::string> text = files.Read(path, limits::kFileBytes);
  if (text.ok()) return *std::move(text);
  findings.errors.push_back({path, 0, 0, "", std::string(text.status().message())});
  return std::nullopt;
}

// The specifications of a folder. A name that is a folder or a dangling link is none.
std::vector<std::string> SpecificationsIn(const std::string& folder, const FileReader& files, Findings& findings) {
  const absl::StatusOr<std::vector<std::string>> names = files.List(folder);
  if (!names.ok()) {
    findings.errors.push_back({folder, 0, 0, "", std::string(names.status().message())});
    return {};
  }
  std::vector<std::string> paths;
  for (const std::string& name : *names) {
    const std::string path = absl::StrCat(folder, "/", name);
    if (!IsSpecification(name)) continue;
    const FileReader::Kind kind = files.KindOf(path);
    if (kind == FileReader::Kind::kFile && HasReadableName(path, findings)) paths.push_back(path);
    if (kind == FileReader::Kind::kAbsent) {
      findings.errors.push_back({Readable(path), 0, 0, "", "cannot be opened: it links to a file that does not exist"});
    }
  }
  if (paths.size() > limits::kExperimentFiles) {
    findings.errors.push_back(
        {folder, 0, 0, "", absl::StrCat("must hold at most ", limits::kExperimentFiles, " files, got ", paths.size())});
    return {};
  }
  return paths;
}

std::vector<std::string> ExperimentFiles(const Placed<Proxy>& proxy, const FileReader& files, Findings& findings) {
  const std::string& path = proxy.value.experiments;
  if (path.empty()) return {};
  switch (files.KindOf(path)) {
    case FileReader::Kind::kFile:
      return {path};
    case FileReader::Kind::kFolder:
      return SpecificationsIn(path, files, findings);
    default:
      findings.errors.push_back(
          proxy.places.ErrorAt("spec.experiments", absl::StrCat("must be a file or a folder, got ", path)));
      return {};
  }
}

Config Assemble(Placed<Proxy> proxy, std::vector<Placed<Experiment>> experiments) {
  Config config;
  config.proxy = std::move(proxy.value);
  for (Placed<Experiment>& experiment : experiments) config.experiments.push_back(std::move(experiment.value));
  std::sort(config.experiments.begin(), config.experiments.end(),
            [](const Experiment& a, const Experiment& b) { return a.name < b.name; });
  return config;
}

}  // namespace

bool IsSpecification(std::string_view name) {
  return !name.starts_with('.') && (name.ends_with(".yaml") || name.ends_with(".yml"));
}

Loaded Load(const std::string& proxy_file, const FileReader& files) {
  Findings findings;
  Loaded loaded;
  loaded.files.push_back(proxy_file);
  std::optional<Placed<Proxy>> proxy;
  std::vector<Placed<Experiment>> experiments;
  if (!HasReadableName(proxy_file, findings)) {
    loaded.errors = std::move(findings.errors);
    return loaded;
  }
  if (const std::optional<std::string> text = ReadFile(proxy_file, files, findings)) {
    proxy = ParseProxyFile(*text, proxy_file, findings);
  }
  if (proxy.has_value()) {
    for (const std::string& file : ExperimentFiles(*proxy, files, findings)) {
      loaded.files.push_back(file);
      const std::optional<std::string> text = ReadFile(file, files, findings);
      if (!text.has_value()) continue;
      const FileOrigin origin = files.OriginOf(file);
      for (Placed<Experiment>& e : ParseExperimentFile(*text, file, findings)) {
        e.value.origin = origin;
        experiments.push_back(std::move(e));
      }
    }
    Validate(*proxy, experiments, findings);
  }
  findings.Sort();
  if (findings.errors.empty()) loaded.config = Assemble(*std::move(proxy), std::move(experiments));
  loaded.errors = std::move(findings.errors);
  loaded.warnings = std::move(findings.warnings);
  return loaded;
}

}  // namespace weir::config
