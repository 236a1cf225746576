#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "router/cli/planning/experiment_plan.h"
#include "router/cli/quantities.h"
#include "router/cli/svg.h"

namespace weir::cli {
namespace {

constexpr double kWidth = 900, kLeft = 80, kRight = 720;  // Of the plots; their legends stand to the right.
constexpr double kTimelineTop = 96, kTimelineHeight = 70;
constexpr double kPanelHeight = 220, kPanelPitch = 308;
constexpr const char* kColours[] = {"#1b6ca8", "#c0392b", "#16845b", "#b27300",
                                    "#7d3c98", "#2c7a7b", "#a04000", "#566573"};

const char* ColourOf(size_t stage) { return kColours[stage % std::size(kColours)]; }
double SecondsOf(absl::Duration span) { return absl::ToDoubleSeconds(span); }

double CandidatesShare(const ExperimentPlan& plan, const Stage& stage) {
  return 1 - stage.shares[plan.experiment.default_variant];
}

// What the candidates get together, over time. Of stages that end.
std::string Timeline(const ExperimentPlan& plan) {
  double total = 0;
  for (const Stage& stage : plan.stages) {
    const double end = SecondsOf(stage.starts + stage.length);
    if (std::isfinite(end)) total = std::max(total, end);
  }
  std::string svg = SvgLabel(kLeft, kTimelineTop - 12, "start", "What the candidates get together, over time");
  absl::StrAppendFormat(&svg, "<rect x='%g' y='%g' width='%g' height='%g' fill='#f4f6f8'/>\n", kLeft, kTimelineTop,
                        kRight - kLeft, kTimelineHeight);
  svg += SvgLabel(kLeft - 8, kTimelineTop + 10, "end", "100 %", "#5d6b78");
  svg += SvgLabel(kLeft - 8, kTimelineTop + kTimelineHeight, "end", "0", "#5d6b78");
  if (!(total > 0)) return svg;
  const SvgAxis time(SvgAxis::Scale::kLinear, 0, total, kLeft, kRight);
  double labelled_to = 0;
  for (size_t s = 0; s < plan.stages.size(); ++s) {
    const Stage& stage = plan.stages[s];
    const double begin = SecondsOf(stage.starts), end = SecondsOf(stage.starts + stage.length);
    if (!std::isfinite(end) || stage.is_passing()) continue;
    const double share = CandidatesShare(plan, stage), height = std::max(1.5, share * kTimelineHeight);
    const double x = time.At(begin), width = std::max(2.0, time.At(end) - x);
    absl::StrAppendFormat(
        &svg,
        "<rect x='%.1f' y='%.1f' width='%.1f' height='%.1f' fill='%s' fill-opacity='0.75'>"
        "<title>%s</title></rect>\n",
        x, kTimelineTop + kTimelineHeight - height, width, height, ColourOf(s),
        SvgText(absl::StrCat(stage.name, ": ", PercentText(share), " for ", SpanText(SecondsOf(stage.length)))));
    // A label that would lie on the one before is left to the legends.
    if (x < labelled_to) continue;
    const std::string label = absl::StrCat(stage.name, ", ", PercentText(share));
    svg += SvgLabel(x, kTimelineTop + kTimelineHeight + 16, "start", label, ColourOf(s));
    labelled_to = x + 7.2 * static_cast<double>(label.size());
  }
  svg += SvgLabel(kRight + 10, kTimelineTop + kTimelineHeight, "start", SpanText(total), "#5d6b78");
  return svg;
}

struct Curve {
  size_t stage = 0;
  std::string label;
  std::vector<double> sizes;
  std::vector<PlannedDelay> delays;
};

// The least and the most that a fault is drawn at.
std::pair<double, double> SizesOf(const config::GuardrailRule& rule) {
  if (std::holds_alternative<config::ErrorRatio>(rule) || std::holds_alternative<config::ErrorCeiling>(rule)) {
    return {1.1, 30};
  }
  return {1.1, 6};
}

const char* FaultAxisOf(const ExperimentPlan& plan, const config::GuardrailRule& rule) {
  if (std::holds_alternative<config::ErrorRatio>(rule) || std::holds_alternative<config::ErrorCeiling>(rule)) {
    return "the candidate's errors, times the usual rate";
  }
  const auto* bound = std::get_if<config::OutcomeBound>(&rule);
  if (bound == nullptr) return "the candidate's latencies, times the usual ones";
  const bool is_mean = plan.assumptions.metrics.at(bound->metric).type == config::MetricType::kMean;
  if (is_mean) return "how far the candidate's mean moves, in deviations";
  return bound->min ? "the candidate's failures, times the usual rate" : "the candidate's rate, times the usual one";
}

// One for each stage: of the candidate with the smallest share there.
std::vector<Curve> CurvesOf(const ExperimentPlan& plan, const PlannedGuardrail& planned) {
  constexpr int kPoints = 80;
  const config::Guardrail& guardrail = plan.experiment.guardrails[planned.guardrail];
  const auto [least, most] = SizesOf(guardrail.rule);
  std::vector<Curve> curves;
  for (size_t s = 0; s < plan.stages.size(); ++s) {
    if (plan.stages[s].is_passing()) continue;
    const DelaysAtStage* slowest = nullptr;
    const std::vector<double>& shares = plan.stages[s].shares;
    for (const DelaysAtStage& at : planned.stages) {
      if (at.stage == s && (slowest == nullptr || shares[at.candidate] < shares[slowest->candidate])) slowest = &at;
    }
    if (slowest == nullptr) continue;
    Curve curve{.stage = s,
                .label = absl::StrCat(plan.stages[s].name, ", ", PercentText(shares[slowest->candidate])),
                .sizes = {},
                .delays = {}};
    for (int i = 0; i <= kPoints; ++i) {
      curve.sizes.push_back(least * std::pow(most / least, static_cast<double>(i) / kPoints));
      curve.delays.push_back(DelayOf(guardrail.rule, plan.assumptions, curve.sizes.back(), shares[slowest->candidate],
                                     shares[plan.experiment.default_variant], slowest->alpha));
    }
    curves.push_back(std::move(curve));
  }
  return curves;
}

std::string Line(const Curve& curve, const SvgAxis& x, const SvgAxis& y, double most, double PlannedDelay::*seconds,
                 const char* style) {
  std::string points;
  for (size_t i = 0; i < curve.sizes.size(); ++i) {
    const double value = curve.delays[i].*seconds;
    if (std::isfinite(value) && value <= most)
      absl::StrAppendFormat(&points, "%.1f,%.1f ", x.At(curve.sizes[i]), y.At(value));
  }
  return absl::StrFormat("<polyline points='%s' fill='none' stroke='%s' %s/>\n", points, ColourOf(curve.stage), style);
}

std::string Frame(const SvgAxis& x, const SvgAxis& y, double top) {
  std::string svg;
  for (const double tick : x.Ticks()) {
    absl::StrAppendFormat(&svg, "<line x1='%.1f' x2='%.1f' y1='%g' y2='%g' stroke='#e4e8ec'/>", x.At(tick), x.At(tick),
                          top, top + kPanelHeight);
    svg += SvgLabel(x.At(tick), top + kPanelHeight + 17, "middle", absl::StrFormat("x%g", tick), "#5d6b78");
  }
  for (const double seconds :
       {0.1, 1.0, 10.0, 60.0, 600.0, 3600.0, 6 * 3600.0, 86'400.0, 7 * 86'400.0, 30 * 86'400.0}) {
    const double at = y.At(seconds);
    if (at <= top || at >= top + kPanelHeight) continue;
    absl::StrAppendFormat(&svg, "<line x1='%g' x2='%g' y1='%.1f' y2='%.1f' stroke='#e4e8ec'/>", kLeft, kRight, at, at);
    svg += SvgLabel(kLeft - 8, at + 4, "end", SpanText(seconds), "#5d6b78");
  }
  absl::StrAppendFormat(&svg, "<rect x='%g' y='%g' width='%g' height='%g' fill='none' stroke='#9aa5b1'/>\n", kLeft, top,
                        kRight - kLeft, kPanelHeight);
  return svg;
}

std::string Panel(const ExperimentPlan& plan, const PlannedGuardrail& planned, double top) {
  const config::Guardrail& guardrail = plan.experiment.guardrails[planned.guardrail];
  std::string svg =
      SvgLabel(kLeft, top - 12, "start",
               absl::StrCat("How long until ", guardrail.name, " is proven (", config::ToString(guardrail.rule), ")"));
  const std::vector<Curve> curves = CurvesOf(plan, planned);
  double least = std::numeric_limits<double>::infinity(), most = 0;
  constexpr double kLongest = 60 * 86'400;  // Nobody waits longer.
  for (const Curve& curve : curves) {
    for (const PlannedDelay& delay : curve.delays) {
      if (delay.bound_seconds > 0) least = std::min(least, delay.bound_seconds);
      if (std::isfinite(delay.seconds)) most = std::max(most, std::min(delay.seconds, kLongest));
    }
  }
  if (!(most > 0)) return svg + SvgLabel(kLeft, top + 14, "start", "No fault of this size is ever proven.", "#5d6b78");
  const auto [smallest, largest] = SizesOf(guardrail.rule);
  const SvgAxis x(SvgAxis::Scale::kLogarithmic, smallest, largest, kLeft, kRight);
  const SvgAxis y(SvgAxis::Scale::kLogarithmic, least / 1.5, most * 1.5, top + kPanelHeight, top);
  svg += Frame(x, y, top);
  for (size_t i = 0; i < curves.size(); ++i) {
    svg += Line(curves[i], x, y, most, &PlannedDelay::bound_seconds, "stroke-width='1.2' stroke-dasharray='3 4'");
    svg += Line(curves[i], x, y, most, &PlannedDelay::seconds, "stroke-width='2.2'");
    svg += SvgLabel(kRight + 12, top + 14 + 19 * static_cast<double>(i), "start", curves[i].label,
                    ColourOf(curves[i].stage));
  }
  return svg + SvgLabel((kLeft + kRight) / 2, top + kPanelHeight + 38, "middle", FaultAxisOf(plan, guardrail.rule),
                        "#5d6b78");
}

}  // namespace

std::string PlanSvg(const ExperimentPlan& plan) {
  std::string svg = absl::StrFormat("<text x='20' y='32' font-size='18' font-weight='600'>%s at %.4g calls/s</text>\n",
                                    SvgText(plan.experiment.name), plan.assumptions.calls_per_second);
  svg += SvgLabel(20, 54, "start",
                  absl::StrFormat("A run is rolled back falsely with probability %g at most. Lines: the mean of the "
                                  "guardrail's own test; dashes: Wald's bound.",
                                  plan.false_rollback.at_most),
                  "#5d6b78");
  svg += Timeline(plan);
  double top = kTimelineTop + kTimelineHeight + 74;
  for (const PlannedGuardrail& planned : plan.guardrails) {
    svg += Panel(plan, planned, top);
    top += kPanelPitch;
  }
  return SvgDocument(kWidth, top - 20, svg);
}

}  // namespace weir::cli
