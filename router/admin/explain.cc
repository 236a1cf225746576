#include "router/admin/explain.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "router/routing/assignment.h"

namespace weir::admin {
namespace {

using weir::v1::ExplainResponse;

ExplainResponse::Draw DrawOf(routing::UserHash user, const routing::WeightedVariant& variant) {
  ExplainResponse::Draw draw;
  draw.set_variant(variant.name);
  draw.set_weight(config::Weight::FromHundredths(variant.weight).value());
  draw.set_unit_interval(routing::UnitInterval(user, variant.name));
  draw.set_arrival(routing::Arrival(draw.unit_interval(), variant.weight));
  return draw;
}

// "alice goes to enhanced, which arrives first, at 0.0123; baseline arrives at 0.0456, shadow never (weight 0)"
std::string Sentence(std::string_view key, const ExplainResponse::Assignment& assignment, size_t winner) {
  std::vector<std::string> others;
  for (int i = 0; i < assignment.draws_size(); ++i) {
    const ExplainResponse::Draw& draw = assignment.draws(i);
    if (i == static_cast<int>(winner)) continue;
    others.push_back(draw.weight() > 0 ? absl::StrFormat("%s arrives at %.6g", draw.variant(), draw.arrival())
                                       : absl::StrCat(draw.variant(), " never arrives (weight 0)"));
  }
  std::string text = absl::StrFormat("%s goes to %s, which arrives first, at %.6g", std::string(key),
                                     assignment.variant(), assignment.draws(static_cast<int>(winner)).arrival());
  if (!others.empty()) absl::StrAppend(&text, "; ", absl::StrJoin(others, ", "));
  return text;
}

ExplainResponse::Assignment AssignmentOf(std::string_view key, const routing::ExperimentRoute& experiment) {
  ExplainResponse::Assignment assignment;
  const routing::UserHash user = routing::HashUser(key, experiment.salt_seed);
  const size_t winner = routing::Assign(user, experiment.variants);
  assignment.set_experiment(experiment.name);
  assignment.set_user_hash(absl::StrCat(absl::Hex(user.value, absl::kZeroPad16)));
  assignment.set_user_bucket(routing::UserBucket(key));
  for (const routing::WeightedVariant& variant : experiment.variants) *assignment.add_draws() = DrawOf(user, variant);
  assignment.set_variant(experiment.variants[winner].name);
  assignment.set_text(Sentence(key, assignment, winner));
  return assignment;
}

}  // namespace

absl::StatusOr<ExplainResponse> Explain(const routing::RouteTable& table, std::string_view key,
                                        std::string_view experiment) {
  ExplainResponse response;
  for (const routing::ExperimentRoute& route : table.experiments) {
    if (experiment.empty() || route.name == experiment) *response.add_assignments() = AssignmentOf(key, route);
  }
  if (response.assignments().empty() && !experiment.empty()) {
    return absl::NotFoundError(absl::StrCat("no experiment is named ", std::string(experiment)));
  }
  return response;
}

}  // namespace weir::admin
