#include "config/proxy_spec.h"

#include <algorithm>
#include <filesystem>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "config/limits.h"
#include "config/network.h"

namespace weir::config {
namespace {

// `path` relative to the folder of the file that names it.
std::string Resolve(const std::string& path, const std::string& file) {
  const std::filesystem::path resolved = std::filesystem::path(file).parent_path() / path;
  std::string text = resolved.lexically_normal().string();
  while (text.size() > 1 && text.back() == '/') text.pop_back();
  return text;
}

std::optional<std::string> ReadPath(const Field& field) {
  const std::optional<std::string> text = field.ReadText();
  if (!text.has_value()) return std::nullopt;
  if (!text->empty()) return Resolve(*text, field.reading().places.file());
  field.ReportGot("must be a path");
  return std::nullopt;
}

std::optional<Address> ReadAddress(const Field& field) {
  const std::optional<std::string> text = field.ReadText();
  if (!text.has_value()) return std::nullopt;
  const absl::StatusOr<Address> address = ParseAddress(*text);
  if (address.ok()) return *address;
  field.ReportGot(std::string(address.status().message()));
  return std::nullopt;
}

// Of our own: a name would have to be resolved before we could listen.
std::optional<Address> ReadListenAddress(const Field& field) {
  std::optional<Address> address = ReadAddress(field);
  if (!address.has_value() || address->host == "localhost" || ParseIp(address->host).has_value()) return address;
  field.ReportGot("must be a numeric address (or localhost) and a port, such as 0.0.0.0:8080");
  return std::nullopt;
}

std::optional<Address> ReadEndpoint(const Field& field) {
  std::optional<Address> address = ReadAddress(field);
  if (!address.has_value() || address->port != 0) return address;
  field.ReportGot("must have a port from 1 to 65535");
  return std::nullopt;
}

void ReadListener(const Field& field, Proxy& proxy) {
  Mapping listener(field);
  if (Field f = listener.Required("address")) proxy.listener = ReadListenAddress(f).value_or(proxy.listener);
  if (Field f = listener.Optional("workers")) {
    proxy.workers = f.ReadInteger(1, limits::kWorkers).value_or(proxy.workers);
  }
  if (Field f = listener.Optional("profile")) {
    proxy.profile = f.ReadChoice<Profile>({{"mesh", Profile::kMesh}, {"edge", Profile::kEdge}}).value_or(proxy.profile);
  }
  if (Field f = listener.Optional("drainGrace")) {
    proxy.drain_grace = f.ReadDuration(absl::ZeroDuration(), limits::kLongestDrainGrace).value_or(proxy.drain_grace);
  }
  listener.Finish({"tls", "maxConnectionAge", "maxConnections", "keepalive", "proxyProtocol", "authentication"});
}

// `admin` and `metrics`: an address alone.
std::optional<Address> ReadSideListener(const Field& field, bool must_be_loopback) {
  Mapping mapping(field);
  std::optional<Address> address;
  if (Field f = mapping.Required("address")) {
    address = ReadListenAddress(f);
    if (address.has_value() && must_be_loopback && !IsLoopback(*address)) {
      f.ReportGot("must be a loopback address: beyond it, TLS and authentication are needed, and TLS " +
                  std::string(kNotYet));
    }
  }
  mapping.Finish({"tls", "authentication", "tokens", "roles"});
  return address;
}

std::optional<HealthCheck> ReadHealth(const Field& field) {
  Mapping mapping(field);
  HealthCheck health;
  if (Field f = mapping.Required("method")) {
    health.method =
        f.ReadChoice<std::string>(
             {{"ModelReady", "ModelReady"}, {"ServerReady", "ServerReady"}, {"grpc.health.v1", "grpc.health.v1"}},
             {"ServerLive"})
            .value_or("");
  }
  if (Field f = mapping.Optional("interval")) {
    health.interval =
        f.ReadDuration(limits::kShortestHealthInterval, limits::kLongestHealthInterval).value_or(health.interval);
  }
  mapping.Finish({"timeout", "unhealthyThreshold", "healthyThreshold", "service", "model"});
  return health;
}

Model ReadModel(const Field& field) {
  Mapping mapping(field);
  Model model;
  if (Field f = mapping.Required("name")) model.name = f.ReadName().value_or("");
  if (Field f = mapping.Required("endpoints")) {
    std::map<std::string, std::string> seen;
    for (const Field& item : f.ReadList(1, limits::kEndpoints)) {
      const std::optional<Address> endpoint = ReadEndpoint(item);
      if (!endpoint.has_value()) continue;
      const auto [first, is_new] = seen.emplace(endpoint->ToString(), item.path());
      if (is_new) model.endpoints.push_back(*endpoint);
      if (!is_new) item.ReportGot(absl::StrCat("must differ from ", first->second));
    }
  }
  if (Field f = mapping.Optional("health")) model.health = ReadHealth(f);
  if (Field f = mapping.Optional("deadline")) {
    model.deadline = f.ReadDuration(limits::kShortestDeadline, limits::kLongestDeadline);
  }
  mapping.Finish({"tls", "retry", "retries", "breaker", "balancer", "outlierDetection", "maxConnections", "keepalive",
                  "fallback", "identity", "weight"});
  return model;
}

bool IsIdentifier(const std::string& text) {
  return !text.empty() && text.size() <= limits::kServiceBytes && !absl::ascii_isdigit(text[0]) &&
         std::all_of(text.begin(), text.end(), [](char c) { return absl::ascii_isalnum(c) || c == '_'; });
}

// "package.Service": identifiers with dots between them.
bool IsServiceName(const std::string& text) {
  if (text.size() > limits::kServiceBytes) return false;
  for (size_t begin = 0;;) {
    const size_t end = std::min(text.find('.', begin), text.size());
    if (!IsIdentifier(text.substr(begin, end - begin))) return false;
    if (end == text.size()) return true;
    begin = end + 1;
  }
}

Route ReadRoute(const Field& field) {
  Mapping mapping(field);
  Route route;
  if (Field f = mapping.Required("match")) route.match = ReadMatch(f, /*is_service_required=*/true);
  if (Field f = mapping.Required("model")) route.model = f.ReadName().value_or("");
  if (Field f = mapping.Optional("passthrough")) route.passthrough = f.ReadBool().value_or(false);
  mapping.Finish({"fallback", "deadline", "retry", "retries", "mirror", "headers", "rateLimit", "targeting"});
  return route;
}

ForceVariantHeader ReadForceVariantHeader(const Field& field) {
  Mapping mapping(field);
  ForceVariantHeader force;
  if (Field f = mapping.Required("name")) {
    force.name = f.ReadHeaderName().value_or("");
    for (const char* own : {"x-weir-variant", "x-weir-reason", "x-weir-ticket", "x-weir-mirror"}) {
      if (force.name == own) f.ReportGot("must not be a header that Weir itself sets");
    }
  }
  if (Field f = mapping.Required("from")) {
    for (const Field& item : f.ReadList(1, limits::kForceNetworks)) {
      const std::optional<std::string> text = item.ReadText();
      if (!text.has_value()) continue;
      const absl::StatusOr<Network> network = ParseNetwork(*text);
      if (network.ok()) force.from.push_back(*network);
      if (!network.ok()) item.ReportGot(std::string(network.status().message()));
    }
  }
  mapping.Finish({"identities", "roles"});
  return force;
}

AssignmentLog ReadAssignmentLog(const Field& field) {
  Mapping mapping(field);
  AssignmentLog log;
  if (Field f = mapping.Required("file")) {
    log.file = f.ReadText().value_or("");
    if (log.file.empty() || log.file.back() == '/') f.ReportGot("must be the path of a file");
  }
  if (Field f = mapping.Optional("sample")) {
    log.sample = f.ReadPercent().value_or(log.sample);
    if (log.sample == Percent()) f.ReportGot("must be above 0 (leave assignmentLog out to log nothing)");
  }
  if (Field f = mapping.Optional("fileBytes")) {
    const std::optional<int> bytes = f.ReadInteger(limits::kLeastLogFileBytes, limits::kLargestLogFileBytes);
    if (bytes.has_value()) log.file_bytes = *bytes;
  }
  if (Field f = mapping.Optional("files")) log.files = f.ReadInteger(1, limits::kMostLogFiles).value_or(log.files);
  mapping.Finish({"format", "experiments", "compress"});
  return log;
}

void ReadModels(const Field& field, Proxy& proxy) {
  std::map<std::string, std::string> seen;
  for (const Field& item : field.ReadList(1, limits::kModels)) {
    proxy.models.push_back(ReadModel(item));
    const std::string& name = proxy.models.back().name;
    const auto [first, is_new] = seen.emplace(name, item.path());
    if (is_new || name.empty()) continue;
    item.Report(absl::StrCat("name: must differ from that of ", first->second, ", got ", name));
  }
}

// Two of our own listeners on one fixed port would leave the second without it.
void CheckListenersDiffer(const Field& spec, const Proxy& proxy) {
  const std::pair<const char*, const Address*> listeners[] = {
      {"listener", &proxy.listener},
      {"admin", proxy.admin.has_value() ? &*proxy.admin : nullptr},
      {"metrics", proxy.metrics.has_value() ? &*proxy.metrics : nullptr}};
  for (size_t i = 0; i < 3; ++i) {
    for (size_t j = 0; j < i; ++j) {
      const Address* a = listeners[j].second;
      const Address* b = listeners[i].second;
      if (a == nullptr || b == nullptr || a->port == 0 || *a != *b) continue;
      const std::string path = absl::StrCat(spec.path(), ".", listeners[i].first, ".address");
      spec.reading().findings.errors.push_back(spec.reading().places.ErrorAt(
          path, absl::StrCat("must differ from that of ", listeners[j].first, ", got ", b->ToString())));
    }
  }
}

}  // namespace

std::string ReadMetadataName(Mapping& document) {
  std::string name;
  if (Field field = document.Required("metadata")) {
    Mapping metadata(field);
    if (Field f = metadata.Required("name")) name = f.ReadName().value_or("");
    metadata.Finish({"namespace", "labels", "annotations"});
  }
  return name;
}

Match ReadMatch(const Field& field, bool is_service_required) {
  Mapping mapping(field);
  Match match{"*", ""};
  if (Field f = is_service_required ? mapping.Required("service") : mapping.Optional("service")) {
    const std::optional<std::string> text = f.ReadText();
    if (text.has_value()) match.service = *text;
    if (text.has_value() && *text != "*" && !IsServiceName(*text)) {
      f.ReportGot("must be a full service name such as inference.GRPCInferenceService, or \"*\"");
    }
  }
  if (Field f = mapping.Optional("method")) {
    const std::optional<std::string> text = f.ReadText();
    if (text.has_value()) match.method = *text;
    if (text.has_value() && !IsIdentifier(*text)) {
      f.ReportGot("must be the name of a method such as ModelInfer (leave it out for all)");
    }
  }
  mapping.Finish({"model", "headers", "parameter", "parameters", "authority", "path"});
  return match;
}

Proxy ReadProxy(Mapping& document) {
  Proxy proxy;
  proxy.name = ReadMetadataName(document);
  if (Field field = document.Required("spec")) {
    Mapping spec(field);
    if (Field f = spec.Required("listener")) ReadListener(f, proxy);
    if (Field f = spec.Optional("admin")) proxy.admin = ReadSideListener(f, /*must_be_loopback=*/true);
    if (Field f = spec.Optional("metrics")) proxy.metrics = ReadSideListener(f, /*must_be_loopback=*/false);
    if (Field f = spec.Required("stateDirectory")) proxy.state_directory = ReadPath(f).value_or("");
    if (Field f = spec.Optional("experiments")) proxy.experiments = ReadPath(f).value_or("");
    if (Field f = spec.Required("models")) ReadModels(f, proxy);
    if (Field f = spec.Optional("routes")) {
      for (const Field& item : f.ReadList(0, limits::kRoutes)) proxy.routes.push_back(ReadRoute(item));
    }
    if (Field f = spec.Optional("forceVariantHeader")) proxy.force_variant_header = ReadForceVariantHeader(f);
    if (Field f = spec.Optional("assignmentLog")) proxy.assignment_log = ReadAssignmentLog(f);
    CheckListenersDiffer(field, proxy);
    spec.Finish({"fleet", "overlays", "tls", "authentication", "notify", "log", "accessLog", "tracing", "feedback",
                 "limits", "store", "etcd", "dashboard", "fallback", "layers", "rateLimit"});
  }
  document.Finish({"status"});
  return proxy;
}

}  // namespace weir::config
