#include "config/validate.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "config/field.h"
#include "config/limits.h"

namespace weir::config {
namespace {

// "experiments/a.yaml:3:7"
std::string Where(const Places& places, const std::string& path) {
  const Place place = places.Find(path);
  return absl::StrCat(places.file(), ":", place.line, ":", place.column);
}

std::string Item(const char* list, size_t i, const char* part) { return absl::StrCat(list, "[", i, "].", part); }

// A single mirror may stand for the list.
std::string MirrorPath(const Places& places, size_t i) {
  const std::string path = Item("spec.mirror", i, "name");
  return places.Has(path) ? path : "spec.mirror.name";
}

// The names of the proxy's models, and which of them something uses.
class ModelNames {
 public:
  explicit ModelNames(const std::vector<Model>& models) {
    for (const Model& model : models) {
      if (!model.name.empty()) names_.insert(model.name);
    }
  }
  void Use(const std::string& name, const Places& places, const std::string& path, Findings& findings) {
    used_.insert(name);
    if (name.empty() || names_.contains(name)) return;
    const std::optional<std::string> nearest = Nearest(name, names_);
    findings.errors.push_back(
        places.ErrorAt(path, absl::StrCat("must be one of the proxy's models, got ", name,
                                          nearest.has_value() ? absl::StrCat(" (did you mean ", *nearest, "?)") : "")));
  }
  bool IsUsed(const std::string& name) const { return used_.contains(name); }

 private:
  std::set<std::string> names_;
  std::set<std::string> used_;
};

void CheckModels(const Placed<Proxy>& proxy, const std::vector<Placed<Experiment>>& experiments, Findings& findings) {
  ModelNames models(proxy.value.models);
  for (const auto& [experiment, places] : experiments) {
    for (size_t i = 0; i < experiment.variants.size(); ++i) {
      models.Use(experiment.variants[i].name, places, Item("spec.candidates", i, "name"), findings);
    }
    for (size_t i = 0; i < experiment.mirrors.size(); ++i) {
      models.Use(experiment.mirrors[i].name, places, MirrorPath(places, i), findings);
    }
  }
  for (size_t i = 0; i < proxy.value.routes.size(); ++i) {
    models.Use(proxy.value.routes[i].model, proxy.places, Item("spec.routes", i, "model"), findings);
  }
  for (size_t i = 0; i < proxy.value.models.size(); ++i) {
    const std::string& name = proxy.value.models[i].name;
    if (name.empty() || models.IsUsed(name)) continue;
    findings.warnings.push_back(proxy.places.ErrorAt(Item("spec.models", i, "name"),
                                                     absl::StrCat(name, " is named by no experiment and no route")));
  }
}

// Every call that `later` matches, `earlier` matches too.
bool Hides(const Route& earlier, const Route& later) {
  // A path of another form than /service/method reaches only a passthrough for all.
  if (later.passthrough && !earlier.passthrough && later.match == Match{"*", ""}) return false;
  const bool covers_service = earlier.match.service == "*" || earlier.match.service == later.match.service;
  return covers_service && (earlier.match.method.empty() || earlier.match.method == later.match.method);
}

void CheckRoutes(const Placed<Proxy>& proxy, Findings& findings) {
  const std::vector<Route>& routes = proxy.value.routes;
  for (size_t i = 0; i < routes.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (routes[i].match.service.empty() || !Hides(routes[j], routes[i])) continue;
      findings.warnings.push_back(
          proxy.places.ErrorAt(absl::StrCat("spec.routes[", i, "]"),
                               absl::StrCat("is never reached: spec.routes[", j, "] matches all of it")));
      break;
    }
  }
}

void CheckForceHeader(const Placed<Proxy>& proxy, const std::vector<Placed<Experiment>>& experiments,
                      Findings& findings) {
  if (!proxy.value.force_variant_header.has_value()) return;
  const std::string& name = proxy.value.force_variant_header->name;
  for (const auto& [experiment, places] : experiments) {
    for (size_t i = 0; i < experiment.key_sources.size(); ++i) {
      if (name.empty() || experiment.key_sources[i] != KeySource{name}) continue;
      findings.errors.push_back(
          places.ErrorAt(Item("spec.assignment.key", i, "header"),
                         absl::StrCat("must differ from the proxy's forceVariantHeader (",
                                      Where(proxy.places, "spec.forceVariantHeader.name"), "), got ", name)));
    }
  }
}

}  // namespace

void ValidateExperiments(const std::vector<Placed<Experiment>>& experiments, Findings& findings) {
  std::map<std::string, const Placed<Experiment>*> by_name;
  std::map<std::pair<std::string, std::string>, const Placed<Experiment>*> by_match;
  for (const Placed<Experiment>& experiment : experiments) {
    const auto& [value, places] = experiment;
    const auto [same_name, is_new_name] = by_name.emplace(value.name, &experiment);
    if (!is_new_name && !value.name.empty()) {
      findings.errors.push_back(places.ErrorAt(
          "metadata.name", absl::StrCat("must differ from that of ", Where(same_name->second->places, "metadata.name"),
                                        ", got ", value.name)));
      continue;  // Most likely a copy: its match is the same as well.
    }
    const auto [same_match, is_new_match] =
        by_match.emplace(std::pair(value.match.service, value.match.method), &experiment);
    if (is_new_match) continue;
    const Placed<Experiment>& other = *same_match->second;
    findings.errors.push_back(places.ErrorAt(
        "spec.match", absl::StrCat("must differ from that of ", other.value.name, " (",
                                   Where(other.places, "spec.match"), "): one of the two would never be reached")));
  }
  if (experiments.size() > limits::kExperiments) {
    findings.errors.push_back(experiments.back().places.ErrorAt(
        "", absl::StrCat("there must be at most ", limits::kExperiments, " experiments, got ", experiments.size())));
  }
}

void Validate(const Placed<Proxy>& proxy, const std::vector<Placed<Experiment>>& experiments, Findings& findings) {
  ValidateExperiments(experiments, findings);
  CheckModels(proxy, experiments, findings);
  CheckRoutes(proxy, findings);
  CheckForceHeader(proxy, experiments, findings);
}

}  // namespace weir::config
