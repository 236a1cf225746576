#include "router/cli/status_text.h"

#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "router/cli/analysis_text.h"
#include "router/cli/outside_text.h"
#include "router/cli/plain_message.h"
#include "router/cli/text_table.h"

namespace weir::cli {
namespace {

using Align = TextTable::Align;

constexpr int kBarWidth = 20;

absl::Time TimeOf(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

// 7012 as "7,012".
std::string Count(int64_t count) {
  std::string digits = std::to_string(count);
  const int first = count < 0 ? 1 : 0;
  for (int at = static_cast<int>(digits.size()) - 3; at > first; at -= 3) digits.insert(at, ",");
  return digits;
}

std::string Percentage(double fraction) { return absl::StrFormat("%.4g %%", fraction * 100); }

std::string Rate(int64_t part, int64_t whole) {
  return whole == 0 ? "-" : absl::StrFormat("%.2f %%", 100.0 * static_cast<double>(part) / static_cast<double>(whole));
}

std::string Millis(const google::protobuf::Duration& duration, bool is_known) {
  if (!is_known) return "-";
  const double ms = static_cast<double>(duration.seconds()) * 1e3 + duration.nanos() / 1e6;
  return absl::StrFormat(ms < 100 ? "%.1f ms" : "%.0f ms", ms);
}

// To the second: "3m12s".
std::string Elapsed(absl::Duration duration) {
  return absl::FormatDuration(absl::Trunc(std::max(duration, absl::ZeroDuration()), absl::Seconds(1)));
}

std::string PhaseName(weir::v1::Phase phase) {
  switch (phase) {
    case weir::v1::RUNNING:
      return "RUNNING";
    case weir::v1::ROLLED_BACK:
      return "ROLLED BACK";
    case weir::v1::PHASE_UNSPECIFIED:
      return "UNKNOWN";
    default:
      return weir::v1::Phase_IsValid(phase) ? weir::v1::Phase_Name(phase) : "UNKNOWN";
  }
}

// How far the evidence has come: nothing below 1 (log10 0), full at the threshold.
std::string Bar(double evidence, double threshold) {
  const double part = threshold > 0 ? evidence / threshold : 0;
  const int filled = static_cast<int>(std::clamp(std::isnan(part) ? 0 : part, 0.0, 1.0) * kBarWidth);
  return "[" + std::string(filled, '#') + std::string(kBarWidth - filled, '.') + "]";
}

std::string OutcomeText(const weir::v1::OutcomeStatus& outcome) {
  std::string text = absl::StrFormat("%s %.4g", outcome.metric(), outcome.mean());
  if (outcome.has_lower() && outcome.has_upper()) {
    absl::StrAppendFormat(&text, " [%.4g, %.4g]", outcome.lower(), outcome.upper());
  }
  return absl::StrCat(text, " of ", Count(outcome.count()));
}

std::string VariantTable(const weir::v1::ExperimentStatus& experiment) {
  TextTable table({{"variant"},
                   {"share", Align::kRight},
                   {"run's calls", Align::kRight},
                   {"errors", Align::kRight},
                   {"p50", Align::kRight},
                   {"p95", Align::kRight},
                   {"p99", Align::kRight},
                   {"diverted", Align::kRight},
                   {"healthy", Align::kRight},
                   {"outcomes, with 95 % intervals"}});
  for (const auto& variant : experiment.variants()) {
    std::vector<std::string> outcomes;
    for (const auto& outcome : variant.outcomes()) {
      if (outcome.count() > 0) outcomes.push_back(OutcomeText(outcome));
    }
    if (variant.has_business_impact())
      outcomes.push_back(absl::StrFormat("net value %+.4g", variant.business_impact()));
    std::string share = Percentage(variant.share());
    // What the file asks for, where a shut gate keeps it from being in force.
    if (std::abs(variant.share() - variant.configured_share()) > 1e-9) {
      absl::StrAppend(&share, " (file: ", Percentage(variant.configured_share()), ")");
    }
    const bool has_latency = variant.ended() > 0;
    table.AddRow({absl::StrCat(variant.name(), variant.is_default() ? " *" : ""), share, Count(variant.started()),
                  Rate(variant.run_errors(), variant.ended()), Millis(variant.p50(), has_latency),
                  Millis(variant.p95(), has_latency), Millis(variant.p99(), has_latency), Count(variant.diverted()),
                  Count(variant.healthy_endpoints()), absl::StrJoin(outcomes, ", ")});
  }
  return table.ToString(2);
}

// Test traffic, which is in no column of the table.
std::string PreviewText(const weir::v1::VariantStatus& variant) {
  if (variant.previewed() == 0) return "";
  return absl::StrCat("  previewed calls of ", variant.name(), ": ", Count(variant.previewed()), ", of which ",
                      Rate(variant.preview_errors(), variant.previewed()), " failed\n");
}

std::string GuardrailTable(const weir::v1::ExperimentStatus& experiment) {
  TextTable table({{"guardrail"}, {"variant"}, {"evidence of a breach, log10"}, {"rule"}});
  for (const auto& guardrail : experiment.guardrails()) {
    std::string evidence =
        absl::StrFormat("%s %5.2f of %.2f", Bar(guardrail.log10_evidence(), guardrail.log10_threshold()),
                        guardrail.log10_evidence(), guardrail.log10_threshold());
    if (guardrail.breached()) evidence += "  BREACHED";
    std::string rule = absl::StrCat(guardrail.rule(), ": ", guardrail.action());
    std::vector<std::string> notes;
    for (const std::string& note : {guardrail.note(), DetectorText(guardrail)}) {
      if (!note.empty()) notes.push_back(note);
    }
    if (!notes.empty()) absl::StrAppend(&rule, " (", absl::StrJoin(notes, "; "), ")");
    table.AddRow({guardrail.name(), guardrail.variant(), evidence, rule});
  }
  return table.ToString(2);
}

std::string MirrorTable(const weir::v1::ExperimentStatus& experiment) {
  TextTable table({{"mirror"}, {"copies", Align::kRight}, {"errors", Align::kRight}, {"dropped", Align::kRight}});
  for (const auto& mirror : experiment.mirrors()) {
    table.AddRow(
        {mirror.name(), Count(mirror.requests()), Rate(mirror.errors(), mirror.requests()), Count(mirror.dropped())});
  }
  return table.ToString(2);
}

std::string BreachText(const weir::v1::Breach& breach) {
  const double flip_ms = absl::ToDoubleMilliseconds(TimeOf(breach.published_at()) - TimeOf(breach.judged_at()));
  return absl::StrFormat(
      "  breach: %s of %s, log10 evidence %.2f of %.2f, after %s calls (%s errors) against %s (%s) of the default; "
      "the gate shut %.1f ms later\n",
      breach.guardrail(), breach.variant(), breach.log10_evidence(), breach.log10_threshold(),
      Count(breach.candidate_calls()), Count(breach.candidate_errors()), Count(breach.default_calls()),
      Count(breach.default_errors()), flip_ms);
}

// "canary, step 2 of 4, by hand 12 %, waits: 3m left, 1 approval missing (owner), approved by ann"
std::string RolloutText(const weir::v1::RolloutStatus& rollout) {
  std::vector<std::string> parts = {rollout.strategy()};
  if (rollout.step() > 0) parts.push_back(absl::StrCat("step ", rollout.step(), " of ", rollout.steps()));
  if (rollout.has_share_by_hand()) {
    parts.push_back(absl::StrCat("candidates have ", Percentage(rollout.share_by_hand()), " by hand"));
  }
  if (!rollout.waits_for().empty()) parts.push_back(absl::StrCat("waits: ", rollout.waits_for()));
  if (rollout.awaits_approval()) {
    const std::string roles = absl::StrJoin(rollout.approval_roles(), " or ");
    parts.push_back(absl::StrCat("`weirctl approve`", roles.empty() ? "" : " by ", roles));
  }
  for (const auto& approval : rollout.approvals()) parts.push_back(absl::StrCat("approved by ", approval.by()));
  return absl::StrJoin(parts, ", ");
}

// One line for the policy, and one for each arm.
std::string AllocationText(const weir::v1::AllocationStatus& allocation) {
  std::string text = absl::StrCat("  shares by ", allocation.policy());
  if (allocation.has_allowed()) absl::StrAppend(&text, ", at most ", Percentage(allocation.allowed()));
  if (allocation.has_regret()) absl::StrAppendFormat(&text, ", regret %.3g a call", allocation.regret());
  if (allocation.has_next_move()) {
    absl::StrAppend(&text, ", next move not before ",
                    absl::FormatTime(absl::RFC3339_sec, TimeOf(allocation.next_move()), absl::UTCTimeZone()));
  }
  if (!allocation.waits_for().empty()) absl::StrAppend(&text, ", waits: ", allocation.waits_for());
  text += "\n";
  for (const auto& arm : allocation.arms()) {
    absl::StrAppendFormat(&text, "    %s: %.4g +- %.2g of %s", arm.variant(), arm.mean(), arm.standard_error(),
                          Count(arm.count()));
    if (arm.has_best()) absl::StrAppend(&text, ", best with ", Percentage(arm.best()));
    if (arm.has_harm()) absl::StrAppendFormat(&text, ", harm at most %.3g", arm.harm());
    text += "\n";
  }
  return text;
}

std::string ExperimentText(const weir::v1::ExperimentStatus& experiment, absl::Time now) {
  std::string text =
      absl::StrFormat("%s: %s for %s, run %d%s, epoch %d, false rollback at most %.3g%s\n", experiment.name(),
                      PhaseName(experiment.phase()), Elapsed(now - TimeOf(experiment.phase_since())), experiment.run(),
                      experiment.run_label().empty() ? "" : " (" + experiment.run_label() + ")", experiment.epoch(),
                      experiment.alpha_total(),
                      experiment.rolls_back_beside_alpha().empty()
                          ? ""
                          : ", beside " + absl::StrJoin(experiment.rolls_back_beside_alpha(), " and "));
  if (!experiment.phase_reason().empty()) absl::StrAppend(&text, "  why: ", experiment.phase_reason(), "\n");
  if (experiment.has_rollout()) absl::StrAppend(&text, "  rollout: ", RolloutText(experiment.rollout()), "\n");
  if (experiment.rollout().has_allocation()) text += AllocationText(experiment.rollout().allocation());
  if (experiment.has_breach()) text += BreachText(experiment.breach());
  if (!experiment.notice().empty()) absl::StrAppend(&text, "  note: ", experiment.notice(), "\n");
  text += VariantTable(experiment);
  for (const auto& variant : experiment.variants()) text += PreviewText(variant);
  if (experiment.guardrails_size() > 0) text += GuardrailTable(experiment);
  text += AnalysisText(experiment);
  if (experiment.mirrors_size() > 0) text += MirrorTable(experiment);
  text += ExternalMetricsText(experiment);
  return text;
}

std::string JournalText(const weir::v1::JournalStatus& journal) {
  if (!journal.healthy()) {
    return absl::StrCat("journal UNHEALTHY: ", journal.error(), ", ", journal.unjournalled(), " rows wait");
  }
  std::string text = "journal healthy";
  if (journal.unjournalled() > 0) absl::StrAppend(&text, ", ", journal.unjournalled(), " rows wait");
  return text;
}

std::string ModelsText(const weir::v1::Status& status) {
  TextTable table({{"model"}, {"endpoints", Align::kRight}, {"healthy", Align::kRight}, {"requests", Align::kRight}});
  for (const auto& model : status.models()) {
    table.AddRow({model.name(), Count(model.endpoints()), Count(model.healthy_endpoints()), Count(model.requests())});
  }
  return table.ToString(2);
}

}  // namespace

std::string PhaseText(const weir::v1::ExperimentStatus& told) {
  const weir::v1::ExperimentStatus experiment = PlainCopy(told);
  std::string text = absl::StrCat(experiment.name(), ": ", PhaseName(experiment.phase()));
  if (experiment.has_rollout()) absl::StrAppend(&text, ", ", RolloutText(experiment.rollout()));
  for (const auto& variant : experiment.variants()) {
    absl::StrAppend(&text, ", ", variant.name(), " has ", Percentage(variant.share()));
  }
  return text;
}

std::string StatusText(const weir::v1::Status& told) {
  const weir::v1::Status status = PlainCopy(told);
  const absl::Time now = TimeOf(status.now());
  std::string text =
      absl::StrFormat("%s: %s, weir %s, up %s, %s\n", status.proxy(), status.ready() ? "ready" : "NOT READY",
                      status.version(), Elapsed(now - TimeOf(status.started_at())), JournalText(status.journal()));
  if (status.configuration_errors_size() > 0) {
    text += "the files as they are now were REFUSED; the last good ones are in force:\n";
    for (const std::string& error : status.configuration_errors()) absl::StrAppend(&text, "  ", error, "\n");
  }
  if (status.oldest_adopted_version() < status.table_version()) {
    absl::StrAppend(&text, "table ", status.table_version(), " is published, ", status.oldest_adopted_version(),
                    " adopted by every worker\n");
  }
  for (const auto& experiment : status.experiments()) absl::StrAppend(&text, "\n", ExperimentText(experiment, now));
  if (status.experiments_size() == 0) text += "\nno experiments\n";
  if (status.models_size() > 0) absl::StrAppend(&text, "\nmodels\n", ModelsText(status));
  if (status.notify_targets_size() > 0) absl::StrAppend(&text, "\nnotification\n", NotifyTargetsText(status));
  return text;
}

absl::StatusOr<std::string> StatusJson(const weir::v1::Status& status) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.always_print_primitive_fields = true;
  options.preserve_proto_field_names = true;
  std::string json;
  const auto printed = google::protobuf::util::MessageToJsonString(status, &json, options);
  if (!printed.ok()) return absl::InternalError(printed.ToString());
  return json;
}

std::string ExplainText(const weir::v1::ExplainResponse& told) {
  const weir::v1::ExplainResponse response = PlainCopy(told);
  std::string text;
  for (const auto& assignment : response.assignments()) {
    absl::StrAppend(&text, text.empty() ? "" : "\n", assignment.experiment(), ": ", assignment.text(), "\n");
    TextTable table({{"variant"}, {"weight", Align::kRight}, {"u", Align::kRight}, {"arrival", Align::kRight}});
    for (const auto& draw : assignment.draws()) {
      table.AddRow({absl::StrCat(draw.variant(), draw.variant() == assignment.variant() ? " <-" : ""),
                    absl::StrFormat("%g", draw.weight()), absl::StrFormat("%.9f", draw.unit_interval()),
                    std::isinf(draw.arrival()) ? "never" : absl::StrFormat("%.6g", draw.arrival())});
    }
    absl::StrAppend(&text, table.ToString(2), "  user hash ", assignment.user_hash(), ", bucket ",
                    assignment.user_bucket(), "\n");
  }
  return text.empty() ? "no experiments\n" : text;
}

std::string Trouble(const weir::v1::Status& status) {
  if (!status.ready()) return "the proxy is not ready";
  if (status.configuration_errors_size() > 0) return "the files as they are now were refused";
  if (!status.journal().healthy()) return "the journal is unhealthy: " + status.journal().error();
  for (const auto& experiment : status.experiments()) {
    const weir::v1::Phase phase = experiment.phase();
    if (phase == weir::v1::ROLLED_BACK || phase == weir::v1::FROZEN || phase == weir::v1::INCONCLUSIVE ||
        phase == weir::v1::PHASE_UNSPECIFIED) {
      return absl::StrCat(experiment.name(), " is ", PhaseName(experiment.phase()));
    }
  }
  return "";
}

}  // namespace weir::cli
