#include "config/parse.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "config/document.h"
#include "config/experiment_spec.h"
#include "config/field.h"
#include "config/proxy_spec.h"

namespace weir::config {
namespace {

constexpr char kApiVersion[] = "weir/v1";

enum class Kind { kProxy, kExperiment };

// Whether the document is one of ours. Documents of other systems are recognised, so that the error says what is the
// matter.
bool IsOurs(Mapping& document) {
  const Field field = document.Required("apiVersion");
  if (!field) return false;
  const std::optional<std::string> version = field.ReadText();
  if (!version.has_value()) return false;
  if (*version == kApiVersion) return true;
  for (const char* foreign : {"mlops.seldon.io/", "machinelearning.seldon.io/", "gateway.networking.k8s.io/",
                              "flagger.app/", "argoproj.io/", "serving.kserve.io/"}) {
    if (!absl::StartsWith(*version, foreign)) continue;
    field.Report(absl::StrCat(*version, " ", kNotYet, ": write weir/v1"));
    return false;
  }
  field.ReportGot("must be weir/v1");
  return false;
}

std::optional<Kind> ReadKind(Mapping& document) {
  const bool is_ours = IsOurs(document);
  const Field field = document.Required("kind");
  if (!is_ours || !field) return std::nullopt;
  return field.ReadChoice<Kind>({{"Proxy", Kind::kProxy}, {"Experiment", Kind::kExperiment}}, {"Overlay"});
}

// Whether a line begins another document: at its beginning "---" is always that, whatever it stands in.
bool IsDocumentMarker(const std::string& line) {
  return absl::StartsWith(line, "---") && (line.size() == 3 || absl::ascii_isspace(line[3]));
}

// The text of the document in which `line`, from 1, lies.
std::string DocumentAt(const std::string& text, int line) {
  std::string document;
  int number = 0;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size() - 1) + 1;
    const std::string present = text.substr(begin, end - begin);
    begin = end;
    ++number;
    if (IsDocumentMarker(present)) {
      if (number > line) break;
      document.clear();
      if (absl::StripAsciiWhitespace(present) == "---") continue;
    }
    document += present;
  }
  return document;
}

void ParseDocument(const Node& root, const std::string& file, std::string source, Documents& documents,
                   Findings& findings) {
  Places places(file);
  Reading reading{places, findings};
  Mapping document(Field(root, "", reading));
  if (!document.is_mapping()) return;
  const std::optional<Kind> kind = ReadKind(document);
  if (!kind.has_value()) return;
  if (*kind == Kind::kProxy) {
    Proxy proxy = ReadProxy(document);
    documents.proxies.push_back({std::move(proxy), std::move(places)});
  } else {
    Experiment experiment = ReadExperiment(document);
    experiment.source = std::move(source);
    documents.experiments.push_back({std::move(experiment), std::move(places)});
  }
}

template <typename T>
Parsed<T> Concluded(std::optional<T> value, Findings findings) {
  findings.Sort();
  if (!findings.errors.empty()) value.reset();
  return {std::move(value), std::move(findings.errors), std::move(findings.warnings)};
}

}  // namespace

Documents ParseDocuments(const std::string& text, const std::string& file, Findings& findings) {
  Documents documents;
  const size_t errors_before = findings.errors.size();
  std::vector<Node> roots = ParseYaml(text, file, findings);
  // What a "---" too many leaves.
  std::erase_if(roots, [](const Node& root) { return root.kind == Node::Kind::kNull; });
  for (const Node& root : roots) {
    std::string source = roots.size() == 1 ? text : DocumentAt(text, root.place.line);
    ParseDocument(root, file, std::move(source), documents, findings);
  }
  const bool is_empty = documents.proxies.empty() && documents.experiments.empty();
  if (is_empty && findings.errors.size() == errors_before) {
    findings.errors.push_back({file, 0, 0, "", "must hold a document of kind Proxy or Experiment, got none"});
  }
  return documents;
}

std::optional<Placed<Proxy>> ParseProxyFile(const std::string& text, const std::string& file, Findings& findings) {
  Documents documents = ParseDocuments(text, file, findings);
  for (const Placed<Experiment>& experiment : documents.experiments) {
    findings.errors.push_back(experiment.places.ErrorAt(
        "kind", "must be Proxy here, got Experiment: experiments belong into the files that spec.experiments names"));
  }
  for (size_t i = 1; i < documents.proxies.size(); ++i) {
    findings.errors.push_back(documents.proxies[i].places.ErrorAt("kind", "must be the only Proxy of its file"));
  }
  if (documents.proxies.empty()) return std::nullopt;
  return std::move(documents.proxies.front());
}

std::vector<Placed<Experiment>> ParseExperimentFile(const std::string& text, const std::string& file,
                                                    Findings& findings) {
  Documents documents = ParseDocuments(text, file, findings);
  for (const Placed<Proxy>& proxy : documents.proxies) {
    findings.errors.push_back(proxy.places.ErrorAt("kind", "must be Experiment here, got Proxy"));
  }
  return std::move(documents.experiments);
}

Parsed<Proxy> ParseProxy(const std::string& text, const std::string& file) {
  Findings findings;
  std::optional<Placed<Proxy>> placed = ParseProxyFile(text, file, findings);
  std::optional<Proxy> proxy;
  if (placed.has_value()) proxy = std::move(placed->value);
  return Concluded(std::move(proxy), std::move(findings));
}

Parsed<std::vector<Experiment>> ParseExperiments(const std::string& text, const std::string& file) {
  Findings findings;
  std::optional<std::vector<Experiment>> experiments(std::in_place);
  for (Placed<Experiment>& placed : ParseExperimentFile(text, file, findings)) {
    experiments->push_back(std::move(placed.value));
  }
  return Concluded(std::move(experiments), std::move(findings));
}

}  // namespace weir::config
