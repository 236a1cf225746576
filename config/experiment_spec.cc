#include "config/experiment_spec.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "config/analysis_spec.h"
#include "config/guardrail_spec.h"
#include "config/limits.h"
#include "config/notify_spec.h"
#include "config/proxy_spec.h"
#include "config/rollout_spec.h"

namespace weir::config {
namespace {

// A string that we only hash, compare or show.
std::optional<std::string> ReadFreeText(const Field& field) {
  const std::optional<std::string> text = field.ReadText();
  if (!text.has_value() || (!text->empty() && text->size() <= limits::kFreeStringBytes)) return text;
  field.ReportGot(absl::StrCat("must be a text of 1 to ", limits::kFreeStringBytes, " bytes"));
  return std::nullopt;
}

Variant ReadCandidate(const Field& field) {
  Mapping mapping(field);
  Variant variant;
  if (Field f = mapping.Required("name")) variant.name = f.ReadName().value_or("");
  if (Field f = mapping.Required("weight")) variant.weight = f.ReadWeight().value_or(Weight());
  mapping.Finish({"transform", "headers", "fallback", "endpoints"});
  return variant;
}

void ReadCandidates(const Field& field, Experiment& experiment) {
  std::map<std::string, std::string> seen;
  uint64_t hundredths = 0;
  const std::vector<Field> items = field.ReadList(1, limits::kVariants);
  const size_t errors_before = field.reading().findings.errors.size();
  for (const Field& item : items) {
    experiment.variants.push_back(ReadCandidate(item));
    const Variant& variant = experiment.variants.back();
    hundredths += variant.weight.hundredths();
    const auto [first, is_new] = seen.emplace(variant.name, item.path());
    if (is_new || variant.name.empty()) continue;
    item.Report(absl::StrCat("name: must differ from that of ", first->second, ", got ", variant.name));
  }
  const bool are_weights_read = field.reading().findings.errors.size() == errors_before;
  if (!items.empty() && hundredths == 0 && are_weights_read) field.Report("at least one weight must be above 0");
}

void FindDefault(const Field& field, Experiment& experiment) {
  const std::optional<std::string> name = field.ReadName();
  if (!name.has_value() || experiment.variants.empty()) return;
  const auto found = std::find_if(experiment.variants.begin(), experiment.variants.end(),
                                  [&](const Variant& v) { return v.name == *name; });
  if (found == experiment.variants.end()) {
    field.ReportGot("must be the name of one of spec.candidates");
  } else {
    experiment.default_variant = static_cast<size_t>(found - experiment.variants.begin());
  }
}

std::set<std::string> ReadMethods(const Field& field) {
  std::set<std::string> methods;
  for (const Field& item : field.ReadList(1, limits::kMirrorMethods)) {
    const std::optional<std::string> method = item.ReadText();
    if (!method.has_value()) continue;
    if (method->empty() || method->find_first_of("/. ") != std::string::npos) {
      item.ReportGot("must be the name of a method without its service, such as ModelInfer");
    } else if (!methods.insert(*method).second) {
      item.ReportGot("must be given once");
    }
  }
  return methods;
}

// One mirror. `methods` is the experiment's, whichever of its mirrors names it.
void ReadMirror(const Field& field, Experiment& experiment) {
  Mapping mapping(field);
  Mirror mirror;
  if (Field f = mapping.Required("name")) mirror.name = f.ReadName().value_or("");
  if (Field f = mapping.Optional("percent")) mirror.percent = f.ReadPercent().value_or(mirror.percent);
  if (Field f = mapping.Optional("methods")) {
    const std::set<std::string> methods = ReadMethods(f);
    if (!experiment.mirror_methods.empty() && methods != experiment.mirror_methods) {
      f.Report("must be the same list in every mirror of the experiment");
    }
    experiment.mirror_methods = methods;
  }
  mapping.Finish({"compare", "deadline", "when", "weight"});
  for (const Mirror& earlier : experiment.mirrors) {
    if (earlier.name == mirror.name && !mirror.name.empty()) {
      field.Report(absl::StrCat("name: must differ from that of the other mirrors, got ", mirror.name));
    }
  }
  experiment.mirrors.push_back(std::move(mirror));
}

// A header of the client's, for what it says of a call.
std::optional<std::string> ReadClientHeader(const Field& field) {
  std::optional<std::string> name = field.ReadHeaderName();
  if (!name.has_value() || !absl::StartsWith(*name, "x-weir-")) return name;
  field.ReportGot("must not be one of Weir's own headers (x-weir-...)");
  return std::nullopt;
}

std::optional<std::string> ReadParameterName(const Field& field) {
  const std::optional<std::string> name = field.ReadText();
  if (!name.has_value() || (!name->empty() && name->size() <= limits::kParameterNameBytes)) return name;
  field.ReportGot(absl::StrCat("must be the name of a parameter, at most ", limits::kParameterNameBytes, " bytes"));
  return std::nullopt;
}

void ReportUnnamed(const Field& field, size_t errors_before) {
  if (field.reading().findings.errors.size() == errors_before) field.Report("must name a header or a parameter");
}

// `header` or `parameter`, one of them.
std::optional<KeySource> ReadHeaderOrParameter(Mapping& mapping) {
  const Field header = mapping.Optional("header");
  const Field parameter = mapping.Optional("parameter");
  if (header && parameter) {
    parameter.Report("contradicts header: name one of the two");
    return std::nullopt;
  }
  const std::optional<std::string> name = header      ? ReadClientHeader(header)
                                          : parameter ? ReadParameterName(parameter)
                                                      : std::nullopt;
  if (!name.has_value()) return std::nullopt;
  return KeySource{*name, /*is_parameter=*/!header};
}

void ReadKeySource(const Field& field, Experiment& experiment) {
  const size_t errors_before = field.reading().findings.errors.size();
  Mapping mapping(field);
  if (const std::optional<KeySource> source = ReadHeaderOrParameter(mapping)) {
    std::vector<KeySource>& sources = experiment.key_sources;
    if (std::find(sources.begin(), sources.end(), *source) != sources.end()) field.Report("must be given once");
    sources.push_back(*source);
  }
  mapping.Finish({"identity", "cookie", "peer", "path"});
  if (field.node().children.empty()) ReportUnnamed(field, errors_before);
}

SequenceKey ReadSequence(const Field& field) {
  const size_t errors_before = field.reading().findings.errors.size();
  Mapping mapping(field);
  SequenceKey sequence;
  const std::optional<KeySource> source = ReadHeaderOrParameter(mapping);
  if (source.has_value()) (source->is_parameter ? sequence.parameter : sequence.header) = source->name;
  if (!sequence.parameter.empty()) {
    // As KServe's second protocol has them, and Triton.
    sequence.start = "sequence_start";
    sequence.end = "sequence_end";
  }
  for (const auto& [key, name] : {std::pair("start", &sequence.start), std::pair("end", &sequence.end)}) {
    Field f = mapping.Optional(key);
    if (!f) continue;
    if (!sequence.header.empty()) f.Report("needs a sequence that is named by a parameter");
    *name = ReadParameterName(f).value_or("");
  }
  mapping.Finish();
  if (!source.has_value()) ReportUnnamed(field, errors_before);
  const std::set<std::string> names = {sequence.parameter, sequence.start, sequence.end};
  const bool are_read = field.reading().findings.errors.size() == errors_before;
  if (are_read && source->is_parameter && names.size() < 3) field.Report("parameter, start and end must differ");
  return sequence;
}

void ReadAssignment(const Field& field, Experiment& experiment) {
  Mapping mapping(field);
  if (Field f = mapping.Optional("key")) {
    for (const Field& item : f.ReadList(1, limits::kKeySources)) ReadKeySource(item, experiment);
  }
  if (Field f = mapping.Optional("salt")) experiment.salt = ReadFreeText(f).value_or(experiment.salt);
  if (Field f = mapping.Optional("sequence")) experiment.sequence = ReadSequence(f);
  mapping.Finish({"layer", "trustedFrom", "from", "exclude", "bucket"});
}

std::set<int> ReadErrorCodes(const Field& field) {
  static constexpr std::pair<const char*, int> kCodes[] = {
      {"CANCELLED", 1}, {"UNKNOWN", 2},        {"INVALID_ARGUMENT", 3},    {"DEADLINE_EXCEEDED", 4},
      {"NOT_FOUND", 5}, {"ALREADY_EXISTS", 6}, {"PERMISSION_DENIED", 7},   {"RESOURCE_EXHAUSTED", 8},
      {"ABORTED", 10},  {"OUT_OF_RANGE", 11},  {"FAILED_PRECONDITION", 9}, {"UNIMPLEMENTED", 12},
      {"INTERNAL", 13}, {"UNAVAILABLE", 14},   {"DATA_LOSS", 15},          {"UNAUTHENTICATED", 16}};
  std::set<int> codes;
  for (const Field& item : field.ReadList(1, std::size(kCodes))) {
    const std::optional<std::string> name = item.ReadText();
    if (!name.has_value()) continue;
    const auto known =
        std::find_if(std::begin(kCodes), std::end(kCodes), [&](const auto& c) { return *name == c.first; });
    if (known == std::end(kCodes)) {
      item.ReportGot("must be the name of a gRPC status other than OK, such as UNAVAILABLE");
    } else if (!codes.insert(known->second).second) {
      item.ReportGot("must be given once");
    }
  }
  return codes;
}

// Whether calls that a file matches are among those that carry parameters.
bool MayCarryParameters(const Match& match) {
  return CarriesParameters(match.service == "*" ? kInferenceService : match.service,
                           match.method.empty() ? "ModelInfer" : match.method);
}

// What only the whole tells.
void CheckExperiment(const Field& spec, const Experiment& experiment) {
  const auto place = [&](const char* part) { return absl::StrCat(spec.path(), ".", part); };
  Findings& findings = spec.reading().findings;
  const Places& places = spec.reading().places;
  const bool compares = std::any_of(experiment.guardrails.begin(), experiment.guardrails.end(),
                                    [](const Guardrail& g) { return ComparesWithDefault(g.rule); });
  if (compares && experiment.variants.size() == 1) {
    findings.errors.push_back(
        places.ErrorAt(place("guardrails"), "compareTo needs a candidate beside the default, got the default alone"));
  } else if (compares && !experiment.variants.empty() && !experiment.rollout &&
             experiment.variants[experiment.default_variant].weight == Weight()) {
    findings.warnings.push_back(
        places.ErrorAt(place("guardrails"),
                       "the default has weight 0: nothing can be compared with it, only absolute guardrails watch"));
  }
  const bool reads_body = (experiment.sequence.has_value() && !experiment.sequence->parameter.empty()) ||
                          std::any_of(experiment.key_sources.begin(), experiment.key_sources.end(),
                                      [](const KeySource& source) { return source.is_parameter; });
  if (reads_body && !experiment.match.service.empty() && !MayCarryParameters(experiment.match)) {
    findings.errors.push_back(places.ErrorAt(place("assignment"),
                                             "names a parameter: only inference.GRPCInferenceService's ModelInfer and "
                                             "ModelStreamInfer have any, and spec.match leaves them out"));
  }
  if (experiment.key_sources.empty()) {
    findings.warnings.push_back(places.ErrorAt(
        place("assignment"), "names no key: each call is assigned at random, and no user stays with a variant"));
  }
  if (experiment.guardrails.empty() && experiment.variants.size() > 1) {
    findings.warnings.push_back(places.ErrorAt(place("guardrails"), "there is none: nothing shuts the gate"));
  }
}

void ReadSpec(const Field& field, Experiment& experiment) {
  Mapping spec(field);
  if (Field f = spec.Optional("run")) experiment.run = ReadFreeText(f).value_or("");
  if (Field f = spec.Required("candidates")) ReadCandidates(f, experiment);
  if (Field f = spec.Required("default")) FindDefault(f, experiment);
  if (Field f = spec.Optional("mirror")) {
    for (const Field& item : f.ReadListOrOne(limits::kMirrors)) ReadMirror(item, experiment);
  }
  if (Field f = spec.Optional("match")) experiment.match = ReadMatch(f, /*is_service_required=*/false);
  if (Field f = spec.Optional("assignment")) ReadAssignment(f, experiment);
  if (Field f = spec.Optional("errorCodes")) experiment.error_codes = ReadErrorCodes(f);
  if (Field f = spec.Optional("metrics")) experiment.metrics = ReadMetrics(f, experiment.queries);
  if (Field f = spec.Optional("guardrails")) experiment.guardrails = ReadGuardrails(f, experiment.metrics);
  if (Field f = spec.Optional("decision")) ReadDecision(f, experiment);
  if (Field f = spec.Optional("trends")) experiment.trends = ReadTrends(f, experiment.metrics);
  if (Field f = spec.Optional("rollout")) {
    experiment.rollout = ReadRollout(f);
    CheckRollout(f, experiment);
  }
  if (Field f = spec.Optional("joinWindow")) {
    experiment.join_window =
        f.ReadDuration(limits::kShortestJoinWindow, limits::kLongestJoinWindow).value_or(experiment.join_window);
  }
  if (Field f = spec.Optional("drainTimeout")) {
    experiment.drain_timeout =
        f.ReadDuration(absl::ZeroDuration(), limits::kLongestDrainTimeout).value_or(experiment.drain_timeout);
  }
  if (Field f = spec.Optional("ticketSample")) {
    experiment.ticket_sample = f.ReadPercent().value_or(experiment.ticket_sample);
  }
  if (Field f = spec.Optional("notify")) experiment.notify = ReadNotify(f);
  if (spec.is_mapping()) {
    CheckExperiment(field, experiment);
    CheckAnalyses(field, experiment);
  }
  spec.Finish({"targeting", "fallback",    "holdback",       "detector",    "resourceType", "config",   "strategy",
               "steps",     "maxDuration", "onInconclusive", "layer",       "bandit",       "schedule", "segments",
               "approval",  "hypothesis",  "owner",          "description", "plan",         "drift",    "analysis"});
}

}  // namespace

Experiment ReadExperiment(Mapping& document) {
  Experiment experiment;
  experiment.file = document.field().reading().places.file();
  experiment.match = {"*", ""};
  experiment.error_codes = DefaultErrorCodes();
  experiment.name = ReadMetadataName(document);
  experiment.salt = experiment.name;
  if (Field f = document.Required("spec")) ReadSpec(f, experiment);
  document.Finish({"status"});
  return experiment;
}

}  // namespace weir::config
