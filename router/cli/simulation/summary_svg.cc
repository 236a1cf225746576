#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "router/cli/simulation/simulate_command.h"
#include "router/cli/svg.h"

namespace weir::cli {
namespace {

constexpr double kWidth = 800, kLeft = 130, kRight = 740;
constexpr double kBarsTop = 76, kBarPitch = 26;
constexpr double kCurveTop = 232, kCurveHeight = 190;
constexpr char kSoft[] = "#5d6b78", kRed[] = "#c0392b";

std::string Bar(int place, const char* label, int count, int runs, const char* colour) {
  const double y = kBarsTop + kBarPitch * place, width = (kRight - kLeft) * count / runs;
  const std::string share = absl::StrFormat("%.2f %%", 100.0 * count / runs);
  const bool fits = width > 80;  // The figure, inside of the bar.
  return absl::StrCat(
      SvgLabel(kLeft - 8, y + 14, "end", label),
      absl::StrFormat("<rect x='%g' y='%g' width='%.2f' height='18' fill='%s'/>\n", kLeft, y, width, colour),
      fits ? SvgLabel(kLeft + width - 7, y + 14, "end", share, "white")
           : SvgLabel(kLeft + width + 7, y + 14, "start", share));
}

// The share of all runs whose gate had shut, over the time since the fault.
std::string Curve(const std::vector<double>& seconds, int runs) {
  const SvgAxis x(SvgAxis::Scale::kLinear, 0, std::max(seconds.back(), 1.0), kLeft, kRight);
  const SvgAxis y(SvgAxis::Scale::kLinear, 0, 1, kCurveTop + kCurveHeight, kCurveTop);
  std::string svg = SvgLabel(kLeft, kCurveTop - 12, "start", "Gates that had shut, by time since the fault");
  for (const double tick : x.Ticks()) {
    absl::StrAppendFormat(&svg, "<line x1='%.1f' x2='%.1f' y1='%g' y2='%g' stroke='#e4e8ec'/>", x.At(tick), x.At(tick),
                          kCurveTop, kCurveTop + kCurveHeight);
    svg += SvgLabel(x.At(tick), kCurveTop + kCurveHeight + 18, "middle", absl::StrFormat("%g s", tick), kSoft);
  }
  for (const double share : {0.0, 0.25, 0.5, 0.75, 1.0}) {
    absl::StrAppendFormat(&svg, "<line x1='%g' x2='%g' y1='%.1f' y2='%.1f' stroke='#e4e8ec'/>", kLeft, kRight,
                          y.At(share), y.At(share));
    svg += SvgLabel(kLeft - 8, y.At(share) + 4, "end", absl::StrFormat("%.0f %%", 100 * share), kSoft);
  }
  std::string points = absl::StrFormat("%.1f,%.1f ", x.At(0), y.At(0));
  // A step for each gate, or for each of about 400 groups of them.
  const size_t group = std::max<size_t>(1, seconds.size() / 400);
  double before = 0;
  for (size_t i = group - 1; i < seconds.size(); i += group) {
    const double share = static_cast<double>(i + 1) / runs;
    absl::StrAppendFormat(&points, "%.1f,%.1f %.1f,%.1f ", x.At(seconds[i]), y.At(before), x.At(seconds[i]),
                          y.At(share));
    before = share;
  }
  absl::StrAppendFormat(&svg, "<polyline points='%s' fill='none' stroke='%s' stroke-width='2'/>\n", points, kRed);
  absl::StrAppendFormat(&svg, "<rect x='%g' y='%g' width='%g' height='%g' fill='none' stroke='#9aa5b1'/>\n", kLeft,
                        kCurveTop, kRight - kLeft, kCurveHeight);
  return svg;
}

}  // namespace

std::string SummarySvg(const SimulationTitle& title, const SimulationSummary& summary) {
  std::string svg = absl::StrFormat("<text x='20' y='32' font-size='18' font-weight='600'>%s: %s</text>\n",
                                    SvgText(title.experiment), SvgText(ToString(title.faults)));
  svg += SvgLabel(20, 54, "start",
                  absl::StrFormat("%d runs of %g calls/s by %d users, errors %g %%, median latency %g ms", summary.runs,
                                  title.traffic.calls_per_second, title.traffic.users, 100 * title.traffic.error_rate,
                                  title.traffic.latency_ms),
                  kSoft);
  // A rollout is either of those that promote or of those that complete.
  const bool is_completed = summary.completed > 0;
  svg += Bar(0, is_completed ? "completed" : "promoted", is_completed ? summary.completed : summary.promoted,
             summary.runs, "#16845b");
  svg += Bar(1, "rolled back", summary.rolled_back, summary.runs, kRed);
  svg += Bar(2, "falsely", summary.false_rollbacks, summary.runs, "#b27300");
  svg += Bar(3, "neither", summary.inconclusive + summary.still_running, summary.runs, "#7f8c8d");
  if (summary.delay_seconds.empty()) return SvgDocument(kWidth, kBarsTop + 4 * kBarPitch + 10, svg);
  svg += Curve(summary.delay_seconds, summary.runs);
  return SvgDocument(kWidth, kCurveTop + kCurveHeight + 36, svg);
}

}  // namespace weir::cli
