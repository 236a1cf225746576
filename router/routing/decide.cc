#include "router/routing/decide.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <utility>

#include "config/network.h"

namespace weir::routing {
namespace {

// "/package.Service/Method" in two, or both empty if the path has another form. A service may hold slashes: the last
// divides.
struct Call {
  std::string_view service;
  std::string_view method;
};

Call SplitPath(std::string_view path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string_view::npos || slash < 2 || path.front() != '/' || slash + 1 == path.size()) return {};
  return {path.substr(1, slash - 1), path.substr(slash + 1)};
}

bool Matches(const config::Match& match, const Call& call) {
  if (call.service.empty()) return false;
  if (!match.method.empty() && match.method != call.method) return false;
  return match.service == call.service || match.service == "*";
}

bool Matches(const PlainRoute& route, const Call& call) {
  if (route.passthrough && route.match.service == "*" && route.match.method.empty()) return true;
  return Matches(route.match, call);
}

// True in `share` of the calls.
bool Draw(config::Percent share, absl::BitGenRef rng) {
  if (share == config::Percent::All()) return true;
  if (share == config::Percent()) return false;
  const uint64_t fraction =
      rng() >> 32;  // Of 2^32; what the scaling below favours is less than one in 2^18 of a basis point.
  return ((fraction * 10000) >> 32) < static_cast<uint64_t>(share.basis_points());
}

// The variant that a listed peer asks for: nullopt without one. An unknown name turns `decision` into a refusal.
std::optional<uint16_t> ForcedVariant(const RouteTable& table, const ExperimentRoute& experiment,
                                      const RequestHead& head, Decision& decision) {
  if (!table.force_variant_header.has_value()) return std::nullopt;
  const config::ForceVariantHeader& force = *table.force_variant_header;
  const std::optional<std::string_view> wanted = head.headers->Find(force.name);
  if (!wanted.has_value()) return std::nullopt;
  const bool may_force = std::any_of(force.from.begin(), force.from.end(),
                                     [&](const config::Network& n) { return config::Contains(n, *head.peer); });
  if (!may_force) return std::nullopt;
  const auto named = std::find_if(experiment.variants.begin(), experiment.variants.end(),
                                  [&](const WeightedVariant& v) { return v.name == *wanted; });
  if (named == experiment.variants.end() || head.headers->IsRepeated(force.name)) {
    decision.kind = Decision::Kind::kUnknownForced;
    return std::nullopt;
  }
  return static_cast<uint16_t>(named - experiment.variants.begin());
}

// Whether `decision` is one already: a refusal, or a wait for the body.
bool IsDecided(const Decision& decision) { return decision.kind != Decision::Kind::kUnrouted; }

// The header's value; nullopt when it is absent or empty. One that occurs twice turns `decision` into a refusal.
std::optional<std::string_view> FindOnly(const std::string& name, const HeaderView& headers, Decision& decision) {
  const std::optional<std::string_view> value = headers.Find(name);
  if (!value.has_value()) return std::nullopt;
  if (headers.IsRepeated(name)) {
    decision.kind = Decision::Kind::kRepeatedKey;
    return std::nullopt;
  }
  return value->empty() ? std::nullopt : value;
}

// A call that a preview asks to be the candidate's.
bool IsPreviewed(const ExperimentRoute& experiment, const HeaderView& headers, Decision& decision) {
  if (!experiment.preview.has_value()) return false;
  const std::optional<std::string_view> value = FindOnly(experiment.preview->header, headers, decision);
  return value.has_value() && (experiment.preview->value.empty() || *value == experiment.preview->value);
}

// What is known of a body.
using Body = std::optional<std::span<const Parameter>>;

// Nothing yet, or its parameters: none where the rule asks for none, or where such calls have none.
Body BodyOf(const ExperimentRoute& experiment, const RequestHead& head, const Call& call) {
  if (experiment.parameters.empty() || !config::CarriesParameters(call.service, call.method))
    return Body(std::in_place);
  return head.parameters;
}

// A parameter's text, in memory of its own where it is a number.
class ParameterText {
 public:
  // nullopt: there is none of that name, or it is empty, or says yes or no. Where the body is not known yet, `decision`
  // becomes a wait for it.
  std::optional<std::string_view> Find(std::string_view name, const Body& body, Decision& decision) {
    if (!body.has_value()) {
      decision.kind = Decision::Kind::kNeedsBody;
      return std::nullopt;
    }
    const Parameter* const found = FindIn(*body, name);
    return found == nullptr ? std::nullopt : std::visit(*this, found->value);
  }

  static const Parameter* FindIn(std::span<const Parameter> parameters, std::string_view name) {
    const auto found =
        std::find_if(parameters.begin(), parameters.end(), [&](const Parameter& p) { return p.name == name; });
    return found == parameters.end() ? nullptr : &*found;
  }
  static bool IsTrue(std::span<const Parameter> parameters, std::string_view name) {
    const Parameter* const found = FindIn(parameters, name);
    return found != nullptr && found->value == decltype(found->value)(true);
  }

  using Text = std::optional<std::string_view>;
  Text operator()(bool) { return std::nullopt; }
  Text operator()(std::string_view text) { return text.empty() ? std::nullopt : Text(text); }
  template <typename Number>
  Text operator()(Number number) {
    is_zero_ = number == 0;
    const auto end = std::to_chars(digits_.data(), digits_.data() + digits_.size(), number).ptr;
    return std::string_view(digits_.data(), static_cast<size_t>(end - digits_.data()));
  }

  bool is_zero() const { return is_zero_; }

 private:
  std::array<char, 20> digits_;  // Of 64 bits, with a sign.
  bool is_zero_ = false;
};

// The call's sequence; nullopt: it is of none, or `decision` is a refusal or a wait.
std::optional<std::string_view> FindSequence(const ExperimentRoute& experiment, const HeaderView& headers,
                                             const Body& body, ParameterText& text, Decision& decision) {
  if (!experiment.sequence.has_value()) return std::nullopt;
  const config::SequenceKey& names = *experiment.sequence;
  if (names.parameter.empty()) return FindOnly(names.header, headers, decision);
  const std::optional<std::string_view> sequence = text.Find(names.parameter, body, decision);
  if (!sequence.has_value() || text.is_zero()) return std::nullopt;  // As Triton has it, 0 is none.
  decision.begins_sequence = ParameterText::IsTrue(*body, names.start);
  decision.ends_sequence = ParameterText::IsTrue(*body, names.end);
  return sequence;
}

// By whose hash the call is assigned: the user's by the key, without one the sequence's, and by chance without either.
UserHash IdentifyUser(const ExperimentRoute& experiment, const HeaderView& headers, const Body& body,
                      std::optional<std::string_view> sequence, absl::BitGenRef rng, Decision& decision) {
  std::optional<std::string_view> key;
  ParameterText text;
  for (const config::KeySource& source : experiment.key_sources) {
    key = source.is_parameter ? text.Find(source.name, body, decision) : FindOnly(source.name, headers, decision);
    if (IsDecided(decision)) return {};
    if (key.has_value()) break;
  }
  if (!key.has_value()) key = sequence;
  decision.is_keyless = !key.has_value();
  // Two draws, or hashes: the user's number says nothing about the variant.
  const UserHash user = key.has_value() ? HashUser(*key, experiment.salt_seed) : UserHash{rng()};
  decision.user = key.has_value() ? UserNumber(*key) : rng();
  decision.user_bucket = BucketOf(decision.user);
  return user;
}

// Assigns by the rule, or as the sequence was. A repeated key or sequence turns `decision` into a refusal, and one that
// only the body tells into a wait for it.
void AssignUser(const ExperimentRoute& experiment, const RequestHead& head, const Body& body, absl::BitGenRef rng,
                Decision& decision) {
  decision.reason = stats::Reason::kAssigned;
  ParameterText text;
  const std::optional<std::string_view> sequence = FindSequence(experiment, *head.headers, body, text, decision);
  if (IsDecided(decision)) return;
  const UserHash user = IdentifyUser(experiment, *head.headers, body, sequence, rng, decision);
  if (IsDecided(decision)) return;
  decision.by_rule = decision.assigned = static_cast<uint16_t>(Assign(user, experiment.variants));
  if (!sequence.has_value()) return;
  decision.sequence = SequenceNumber(*sequence, user);
  if (head.sequences == nullptr || decision.begins_sequence) return;
  const std::optional<uint16_t> before = head.sequences->Find(experiment.run, decision.sequence);
  if (!before.has_value() || *before >= experiment.variants.size()) return;
  decision.is_moved = *before != decision.assigned;
  decision.assigned = *before;
}

// All calls of a user or none.
bool IsLogged(const RouteTable& table, uint64_t user) {
  return table.log_sample.has_value() && IsInSample(user, table.log_sample->basis_points());
}

// Who serves, given who is assigned.
void Place(const ExperimentRoute& experiment, std::span<const bool> healthy, Decision& decision) {
  decision.served = decision.assigned;
  decision.model = experiment.variant_models[decision.assigned];
  decision.kind = Decision::Kind::kForward;
  if (healthy[decision.model]) {
    decision.enters_inference = decision.reason == stats::Reason::kAssigned && !decision.is_moved;
    return;
  }
  const ModelIndex fallback = experiment.variant_models[experiment.default_variant];
  const bool may_divert =
      decision.reason == stats::Reason::kAssigned && decision.assigned != experiment.default_variant;
  if (!may_divert || !healthy[fallback]) {
    decision.kind = Decision::Kind::kUnavailable;
    return;
  }
  decision.reason = stats::Reason::kDiverted;
  decision.served = experiment.default_variant;
  decision.model = fallback;
}

void ChooseMirrors(const ExperimentRoute& experiment, std::string_view method, absl::BitGenRef rng,
                   Decision& decision) {
  if (experiment.mirrors.empty()) return;
  const std::vector<std::string>& safe = experiment.mirror_methods;
  if (!safe.empty() && std::find(safe.begin(), safe.end(), method) == safe.end()) return;
  for (size_t i = 0; i < experiment.mirrors.size(); ++i) {
    if (!Draw(experiment.mirrors[i].percent, rng)) continue;
    decision.mirrors.push_back({static_cast<uint16_t>(i), experiment.mirrors[i].model});
  }
}

void DecideWithin(const RouteTable& table, const ExperimentRoute& experiment, const RequestHead& head, const Call& call,
                  std::span<const bool> healthy, absl::BitGenRef rng, Decision& decision) {
  const std::optional<uint16_t> forced = ForcedVariant(table, experiment, head, decision);
  if (IsDecided(decision)) return;
  if (forced.has_value()) {
    decision.assigned = *forced;
    decision.reason = stats::Reason::kForced;
  } else if (IsPreviewed(experiment, *head.headers, decision)) {
    decision.assigned = experiment.preview->variant;
    decision.reason = stats::Reason::kTargeted;
  } else if (!IsDecided(decision)) {
    AssignUser(experiment, head, BodyOf(experiment, head, call), rng, decision);
    decision.is_logged = IsLogged(table, decision.user);
  }
  if (IsDecided(decision)) return;
  Place(experiment, healthy, decision);
  if (decision.kind != Decision::Kind::kForward) return;
  ChooseMirrors(experiment, call.method, rng, decision);
  decision.wants_ticket = decision.enters_inference && experiment.issues_tickets && Draw(experiment.ticket_sample, rng);
}

const ExperimentRoute* FindMatch(const RouteTable& table, const Call& call) {
  for (const ExperimentRoute& experiment : table.experiments) {
    if (Matches(experiment.match, call)) return &experiment;
  }
  return nullptr;
}

}  // namespace

const ExperimentRoute* FindExperiment(const RouteTable& table, std::string_view path) {
  return FindMatch(table, SplitPath(path));
}

Decision Decide(const RouteTable& table, const RequestHead& head, std::span<const bool> healthy, absl::BitGenRef rng) {
  Decision decision;
  const Call call = SplitPath(head.path);
  if (const ExperimentRoute* const experiment = FindMatch(table, call)) {
    decision.experiment = static_cast<uint16_t>(experiment - table.experiments.data());
    DecideWithin(table, *experiment, head, call, healthy, rng, decision);
    return decision;
  }
  for (size_t i = 0; i < table.routes.size(); ++i) {
    if (!Matches(table.routes[i], call)) continue;
    decision.route = static_cast<uint16_t>(i);
    decision.model = table.routes[i].model;
    decision.kind = healthy[decision.model] ? Decision::Kind::kForward : Decision::Kind::kUnavailable;
    return decision;
  }
  return decision;
}

}  // namespace weir::routing
