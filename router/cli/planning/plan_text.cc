#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "router/cli/planning/experiment_plan.h"
#include "router/cli/quantities.h"
#include "router/cli/text_table.h"

namespace weir::cli {
namespace {

constexpr TextTable::Align kRight = TextTable::Align::kRight;
constexpr double kSecondsOfDay = 86'400;

double SecondsOf(absl::Duration span) { return absl::ToDoubleSeconds(span); }

bool IsCandidate(const config::Experiment& experiment, size_t place) {
  return place != experiment.default_variant && experiment.variants[place].weight > config::Weight();
}

// The places of the stages in which something can be seen.
std::vector<size_t> Lasting(const ExperimentPlan& plan) {
  std::vector<size_t> places;
  for (size_t s = 0; s < plan.stages.size(); ++s) {
    if (!plan.stages[s].is_passing()) places.push_back(s);
  }
  return places;
}

std::string Title(const ExperimentPlan& plan) {
  const config::Experiment& experiment = plan.experiment;
  const double rate = plan.assumptions.calls_per_second;
  const std::string strategy = experiment.rollout ? config::ToString(experiment.rollout->strategy) : "no rollout";
  return absl::StrFormat("%s: %s at %.4g calls/s, %s a day\n", experiment.name, strategy, rate,
                         CountText(rate * kSecondsOfDay));
}

std::string AssumptionsText(const Assumptions& assumptions) {
  TextTable table({{"option"}, {"value", kRight}, {""}, {"meaning"}});
  for (const Assumed& said : assumptions.said) {
    table.AddRow({said.option, said.value, said.source, said.meaning});
  }
  return absl::StrCat("\nWhat the plan goes by, beside the file\n", table.ToString(2));
}

std::string StagesText(const ExperimentPlan& plan) {
  const config::Experiment& experiment = plan.experiment;
  std::vector<TextTable::Column> columns = {{"stage"}};
  for (const config::Variant& variant : experiment.variants) columns.push_back({variant.name, kRight});
  columns.insert(columns.end(),
                 {{"lasts", kRight}, {"begins", kRight}, {"calls of the rarest variant", kRight}, {"because of"}});
  TextTable table(columns);
  for (const Stage& stage : plan.stages) {
    std::vector<std::string> cells = {stage.name};
    double rarest = 1;
    for (size_t i = 0; i < stage.shares.size(); ++i) {
      cells.push_back(PercentText(stage.shares[i]));
      if (i == experiment.default_variant || IsCandidate(experiment, i)) rarest = std::min(rarest, stage.shares[i]);
    }
    cells.push_back(SpanText(SecondsOf(stage.length)));
    cells.push_back(SpanText(SecondsOf(stage.starts)));
    cells.push_back(rarest > 0 ? CountText(rarest * stage.calls(plan.assumptions)) : "0");
    cells.push_back(stage.approvals > 0 ? absl::StrCat(stage.because, ", then ", stage.approvals,
                                                       stage.approvals == 1 ? " approval" : " approvals")
                                        : stage.because);
    table.AddRow(std::move(cells));
  }
  std::string text = absl::StrCat("\nStages, after the holdback\n", table.ToString(2));
  if (!experiment.rollout) return text;
  absl::StrAppend(&text, "  in all ", SpanText(SecondsOf(plan.length)), " without the watch");
  const bool waits_for_people =
      std::any_of(plan.stages.begin(), plan.stages.end(), [](const Stage& stage) { return stage.approvals > 0; });
  if (waits_for_people) absl::StrAppend(&text, " and without the time that people take to approve");
  if (experiment.rollout->max_duration != absl::InfiniteDuration()) {
    absl::StrAppend(&text, "; maxDuration is ", SpanText(SecondsOf(experiment.rollout->max_duration)));
  }
  return text + "\n";
}

// "+0.45 points", "-1.2 ms"; of a proportion in percentage points.
std::string DifferenceText(const PlannedMetric& metric, double difference) {
  const char* sign = metric.direction == stats::Direction::kRise ? "+" : "-";
  if (metric.is_proportion) return absl::StrFormat("%s%.3g points", sign, 100 * difference);
  return absl::StrCat(absl::StrFormat("%s%.3g", sign, difference), metric.unit.empty() ? "" : " ", metric.unit);
}

std::string BaselineText(const PlannedMetric& metric) {
  if (metric.is_proportion) return PercentText(metric.baseline);
  return absl::StrCat(absl::StrFormat("%.3g", metric.baseline), metric.unit.empty() ? "" : " ", metric.unit);
}

std::string NameOf(const PlannedMetric& metric) {
  const std::string name = metric.name == "latency" ? "latency (mean)" : metric.name;
  return metric.is_primary ? name + " *" : name;
}

std::string EffectsText(const ExperimentPlan& plan) {
  std::vector<TextTable::Column> columns = {{"metric"}, {"baseline", kRight}};
  for (const size_t s : Lasting(plan)) columns.push_back({plan.stages[s].name, kRight});
  const bool has_several = plan.stages.size() > 1;
  if (has_several) columns.push_back({"all steps", kRight});
  TextTable table(columns);
  const auto cell = [](const PlannedMetric& metric, const std::optional<double>& least) {
    return least ? DifferenceText(metric, *least) : std::string("nothing");
  };
  int comparisons = 1;
  for (const PlannedMetric& metric : plan.metrics) {
    std::vector<std::string> cells = {NameOf(metric), BaselineText(metric)};
    for (const size_t s : Lasting(plan)) cells.push_back(cell(metric, metric.by_stage[s]));
    if (has_several) cells.push_back(cell(metric, metric.together));
    table.AddRow(std::move(cells));
    comparisons = std::max(comparisons, metric.comparisons);
  }
  std::string text = absl::StrFormat("\nThe least change that each stage can show (power %g, alpha %g two-sided",
                                     plan.assumptions.power, plan.assumptions.alpha);
  if (comparisons > 1) {
    absl::StrAppend(&text, "; * primaries by candidates are ", comparisons,
                    " comparisons: Bonferroni, and Holm's first step");
  }
  return absl::StrCat(text, ")\n", table.ToString(2));
}

std::string SizesText(const ExperimentPlan& plan) {
  std::vector<TextTable::Column> columns = {{"metric"}, {"change", kRight}, {"calls of each, half and half", kRight}};
  for (const size_t s : Lasting(plan)) columns.push_back({"at " + plan.stages[s].name, kRight});
  TextTable table(columns);
  for (const PlannedMetric& metric : plan.metrics) {
    for (const PlannedEffect& effect : metric.effects) {
      std::vector<std::string> cells = {NameOf(metric), DifferenceText(metric, effect.difference),
                                        CountText(effect.calls_of_each)};
      for (const size_t s : Lasting(plan)) cells.push_back(SpanText(effect.seconds[s]));
      table.AddRow(std::move(cells));
    }
  }
  return absl::StrCat("\nHow many calls a change takes, and how long at each stage's shares\n", table.ToString(2));
}

std::string AnalysesText(const ExperimentPlan& plan) {
  if (plan.analyses.empty()) return "";
  TextTable table({{"stage"}, {"metric"}, {"by the end of its pause", kRight}, {"by its timeout", kRight}});
  const auto cell = [&](const PlannedAnalysis& analysis, absl::Duration time, const std::optional<double>& change) {
    if (time == absl::InfiniteDuration()) return std::string("no timeout");
    const std::string shown = change ? DifferenceText(plan.metrics[analysis.metric], *change) : "nothing";
    return absl::StrCat(shown, ", ", SpanText(SecondsOf(time)));
  };
  for (const PlannedAnalysis& analysis : plan.analyses) {
    table.AddRow({plan.stages[analysis.stage].name, NameOf(plan.metrics[analysis.metric]),
                  cell(analysis, analysis.pause, analysis.by_pause),
                  cell(analysis, analysis.timeout, analysis.by_timeout)});
  }
  return absl::StrCat(
      "\nWhat the analysis of a step lets through, looked at all the time: how much better a candidate is that\n"
      "half of the time is shown to be so by then\n",
      table.ToString(2));
}

std::string DelayCell(const PlannedDelay& delay) {
  if (!std::isfinite(delay.requests)) {
    return std::isfinite(delay.bound_requests) ? absl::StrCat("never (", CountText(delay.bound_requests), ")")
                                               : "never";
  }
  return absl::StrCat(CountText(delay.requests), " (", CountText(delay.bound_requests), "), ", SpanText(delay.seconds));
}

std::string MeasuredCell(const PlannedDelay& delay) {
  if (!delay.measured) return "-";
  const MeasuredDelay& m = *delay.measured;
  if (m.shut == 0) return absl::StrCat("none of ", m.runs);
  return absl::StrCat(CountText(m.requests), ", ", SpanText(m.seconds), " (", m.shut, " of ", m.runs, ")");
}

bool IsMeasured(const DelaysAtStage& at) {
  return std::any_of(at.faults.begin(), at.faults.end(), [](const PlannedDelay& d) { return d.measured.has_value(); });
}
bool IsMeasured(const ExperimentPlan& plan) {
  return std::any_of(plan.guardrails.begin(), plan.guardrails.end(), [](const PlannedGuardrail& planned) {
    return std::any_of(planned.stages.begin(), planned.stages.end(), [](const auto& at) { return IsMeasured(at); });
  });
}

std::string GuardrailText(const ExperimentPlan& plan, const PlannedGuardrail& planned) {
  const config::Guardrail& guardrail = plan.experiment.guardrails[planned.guardrail];
  std::string text = absl::StrFormat("  %s: %s, alpha %g, %s\n", guardrail.name, config::ToString(guardrail.rule),
                                     guardrail.alpha, ToString(guardrail.action));
  std::vector<TextTable::Column> columns = {{"stage"}, {"candidate"}, {"share", kRight}, {"alpha here", kRight}};
  for (const PlannedFault& fault : planned.faults) {
    columns.push_back({absl::StrCat(fault.name, ", ", fault.text), kRight});
  }
  TextTable table(columns);
  for (const DelaysAtStage& at : planned.stages) {
    const Stage& stage = plan.stages[at.stage];
    if (stage.is_passing()) continue;
    const std::string& candidate = plan.experiment.variants[at.candidate].name;
    std::vector<std::string> cells = {stage.name, candidate, PercentText(stage.shares[at.candidate]),
                                      absl::StrFormat("%.2g", at.alpha)};
    std::vector<std::string> measured = {"", "simulated", "", ""};
    for (const PlannedDelay& delay : at.faults) {
      cells.push_back(DelayCell(delay));
      measured.push_back(MeasuredCell(delay));
    }
    table.AddRow(std::move(cells));
    if (IsMeasured(at)) table.AddRow(std::move(measured));
  }
  return text + (planned.stages.empty() ? "    no stage gives it anything to judge\n" : table.ToString(4));
}

std::string GuardrailsText(const ExperimentPlan& plan) {
  if (plan.guardrails.empty()) return "\nNo guardrails: nothing ever shuts the gate.\n";
  std::string text = absl::StrCat("\nA run is rolled back falsely with probability ",
                                  experiment::Describe(plan.false_rollback), ".\n");
  absl::StrAppend(
      &text,
      "\nHow long a guardrail takes to see a fault that a stage begins with: candidate requests, in the mean "
      "by the\ntest's own evidence along its mean path (in brackets Wald's bound, which no method beats), and "
      "time\n");
  if (IsMeasured(plan)) {
    absl::StrAppend(
        &text,
        "simulated: the means of the runs that saw it within about four times that, of how many; these users "
        "differ in how\noften they call and in nothing else, so that no design effect is in it\n");
  }
  for (const PlannedGuardrail& planned : plan.guardrails) text += GuardrailText(plan, planned);
  return text;
}

}  // namespace

std::string PlanText(const ExperimentPlan& plan) {
  std::string text = absl::StrCat(Title(plan), AssumptionsText(plan.assumptions), StagesText(plan), EffectsText(plan),
                                  SizesText(plan), AnalysesText(plan), GuardrailsText(plan));
  if (plan.warnings.empty()) return text;
  absl::StrAppend(&text, "\nMind\n");
  for (const std::string& warning : plan.warnings) absl::StrAppend(&text, "  - ", warning, "\n");
  return text;
}

}  // namespace weir::cli
