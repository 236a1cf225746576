#include "router/cli/report_svg.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "config/plain_text.h"
#include "router/cli/quantities.h"
#include "router/cli/svg.h"
#include "router/experiment/proto_time.h"

namespace weir::cli {
namespace {

constexpr double kWidth = 980, kLeft = 150, kRight = 760;  // Of the panels; their legends stand to the right.
constexpr double kSharesTop = 120, kSharesHeight = 180;
constexpr double kLinePitch = 19, kBarPitch = 24, kTailHeight = 200;
constexpr size_t kMostEvents = 24;  // That are listed; the first and the last of more.
constexpr size_t kMostLetters = 118;
constexpr char kSoft[] = "#5d6b78", kGrid[] = "#e4e8ec", kRed[] = "#c0392b", kGreen[] = "#16845b";
constexpr const char* kColours[] = {"#5d6b78", "#1b6ca8", "#b27300", "#7d3c98", "#2c7a7b", "#a04000"};

const char* ColourOf(size_t variant) { return kColours[std::min(variant, std::size(kColours) - 1)]; }

std::string Line(double x1, double y1, double x2, double y2, const char* colour, const char* more = "") {
  return absl::StrFormat("<line x1='%.1f' y1='%.1f' x2='%.1f' y2='%.1f' stroke='%s' %s/>\n", x1, y1, x2, y2, colour,
                         more);
}

std::string Frame(double top, double height) {
  return absl::StrFormat("<rect x='%g' y='%g' width='%g' height='%g' fill='none' stroke='#9aa5b1'/>\n", kLeft, top,
                         kRight - kLeft, height);
}

std::string Shortened(const std::string& text) {
  const std::string plain = config::ToPlainText(text);
  if (plain.size() <= kMostLetters) return plain;
  return absl::StrCat(std::string(config::Beginning(plain, kMostLetters)), "...");
}

std::string MillisecondsText(double ms) {
  return ms < 1000 ? absl::StrFormat("%g ms", ms) : absl::StrFormat("%g s", ms / 1000);
}

std::string WhenText(absl::Time time) { return absl::FormatTime("%Y-%m-%d %H:%M:%S UTC", time, absl::UTCTimeZone()); }

// Everything that has to do with time, over the run's length.
class Course {
 public:
  explicit Course(const v1::RunReport& report)
      : report_(report), began_(experiment::TimeOf(report.run_started_at())), ended_(experiment::TimeOf(report.at())) {
    for (const v1::TimelineEntry& entry : report.timeline()) {
      began_ = std::min(began_, experiment::TimeOf(entry.at()));
      ended_ = std::max(ended_, experiment::TimeOf(entry.at()));
    }
    ended_ = std::max(ended_, began_ + absl::Milliseconds(1));
    for (const v1::VariantReport& variant : report.variants()) variants_.push_back(variant.name());
    for (const v1::TimelineEntry& entry : report.timeline()) {
      for (const v1::VariantWeight& share : entry.shares()) Learn(share.name());
    }
  }

  const std::vector<std::string>& variants() const { return variants_; }

  std::string Shares() const {
    std::string svg = SvgLabel(kLeft, kSharesTop - 12, "start", "Who got how much");
    const SvgAxis share(SvgAxis::Scale::kLinear, 0, 1, kSharesTop + kSharesHeight, kSharesTop);
    for (const double tick : {0.0, 0.25, 0.5, 0.75, 1.0}) {
      svg += Line(kLeft, share.At(tick), kRight, share.At(tick), kGrid);
      svg += SvgLabel(kLeft - 8, share.At(tick) + 4, "end", absl::StrFormat("%.0f %%", 100 * tick), kSoft);
    }
    const SvgAxis seconds(SvgAxis::Scale::kLinear, 0, absl::ToDoubleSeconds(ended_ - began_), kLeft, kRight);
    for (const double tick : seconds.Ticks()) {
      svg += Line(seconds.At(tick), kSharesTop, seconds.At(tick), kSharesTop + kSharesHeight, kGrid);
      svg += SvgLabel(seconds.At(tick), kSharesTop + kSharesHeight + 17, "middle", tick == 0 ? "0" : SpanText(tick),
                      kSoft);
    }
    svg += Events();
    for (size_t v = 0; v < variants_.size(); ++v) {
      svg += absl::StrFormat("<polyline points='%s' fill='none' stroke='%s' stroke-width='2.5'/>\n",
                             Steps(variants_[v], share), ColourOf(v));
      svg += SvgLabel(kRight + 12, kSharesTop + 14 + kLinePitch * static_cast<double>(v), "start",
                      Shortened(variants_[v]), ColourOf(v));
    }
    return svg + Frame(kSharesTop, kSharesHeight);
  }

  // What the numbers in the plot stand for.
  std::string EventList(double top) const {
    std::string svg = SvgLabel(kLeft, top, "start", "What happened");
    const std::vector<size_t> listed = Listed();
    for (size_t i = 0; i < listed.size(); ++i) {
      const v1::TimelineEntry& entry = report_.timeline(static_cast<int>(listed[i]));
      const double y = top + kLinePitch * static_cast<double>(i + 1);
      const absl::Duration after = experiment::TimeOf(entry.at()) - began_;
      svg += SvgLabel(20, y, "start", absl::StrCat(listed[i] + 1), kSoft);
      svg += SvgLabel(kLeft - 8, y, "end", SpanText(absl::ToDoubleSeconds(after)), kSoft);
      svg += SvgLabel(kLeft, y, "start",
                      Shortened(absl::StrCat(entry.action(), " by ", entry.actor(), entry.detail().empty() ? "" : ": ",
                                             entry.detail())),
                      ColourOf(entry));
    }
    return svg;
  }
  double EventListHeight() const { return kLinePitch * static_cast<double>(Listed().size() + 1); }

 private:
  static const char* ColourOf(const v1::TimelineEntry& entry) {
    const std::string& action = entry.action();
    if (action == "rolled-back" || action == "aborted" || action == "rejected") return kRed;
    if (action == "promoted" || action == "completed" || action == "approved") return kGreen;
    return "#1b2733";
  }
  static const char* ColourOf(size_t variant) { return cli::ColourOf(variant); }

  void Learn(const std::string& variant) {
    if (std::find(variants_.begin(), variants_.end(), variant) == variants_.end()) variants_.push_back(variant);
  }

  double At(const v1::TimelineEntry& entry) const {
    const SvgAxis axis(SvgAxis::Scale::kLinear, 0, absl::ToDoubleSeconds(ended_ - began_), kLeft, kRight);
    return axis.At(absl::ToDoubleSeconds(experiment::TimeOf(entry.at()) - began_));
  }

  std::vector<size_t> Listed() const {
    const size_t all = static_cast<size_t>(report_.timeline_size());
    std::vector<size_t> listed;
    for (size_t i = 0; i < all; ++i) {
      if (all <= kMostEvents || i < kMostEvents / 2 || i + kMostEvents / 2 >= all) listed.push_back(i);
    }
    return listed;
  }

  // A line for each, and its number where there is room.
  std::string Events() const {
    std::string svg;
    double labelled_to = kLeft;
    for (const size_t i : Listed()) {
      const v1::TimelineEntry& entry = report_.timeline(static_cast<int>(i));
      const double x = At(entry);
      absl::StrAppendFormat(
          &svg,
          "<line x1='%.1f' y1='%g' x2='%.1f' y2='%g' stroke='%s' stroke-dasharray='3 3'>"
          "<title>%s</title></line>\n",
          x, kSharesTop, x, kSharesTop + kSharesHeight, ColourOf(entry),
          SvgText(Shortened(absl::StrCat(entry.action(), " by ", entry.actor(), ": ", entry.detail()))));
      if (x < labelled_to) continue;
      const bool is_at_the_end = x > kRight - 18;
      svg += SvgLabel(is_at_the_end ? x - 3 : x + 3, kSharesTop + 12, is_at_the_end ? "end" : "start",
                      absl::StrCat(i + 1), ColourOf(entry));
      labelled_to = x + 18;
    }
    return svg;
  }

  static std::optional<double> ShareIn(const v1::TimelineEntry& entry, const std::string& variant) {
    double own = 0, sum = 0;
    for (const v1::VariantWeight& share : entry.shares()) {
      sum += share.hundredths();
      if (share.name() == variant) own = share.hundredths();
    }
    return sum > 0 ? std::optional(own / sum) : std::nullopt;
  }

  std::string Steps(const std::string& variant, const SvgAxis& share) const {
    std::string points;
    std::optional<double> before;
    for (const v1::TimelineEntry& entry : report_.timeline()) {
      const std::optional<double> now = ShareIn(entry, variant);
      if (!now) continue;
      if (before) absl::StrAppendFormat(&points, "%.1f,%.1f ", At(entry), share.At(*before));
      absl::StrAppendFormat(&points, "%.1f,%.1f ", At(entry), share.At(*now));
      before = now;
    }
    if (before) absl::StrAppendFormat(&points, "%g,%.1f", kRight, share.At(*before));
    return points;
  }

  const v1::RunReport& report_;
  absl::Time began_, ended_;
  std::vector<std::string> variants_;  // The default first.
};

// Evidence as a part of what is needed, on a scale of powers of ten.
std::string Guardrails(const v1::RunReport& report, double top) {
  std::string svg = SvgLabel(kLeft, top, "start", "What the guardrails had seen, of what they need to act");
  const double bars_top = top + 12, bottom = bars_top + kBarPitch * report.judgements_size();
  double most = 1.5;
  for (const v1::JudgementRecord& judgement : report.judgements()) {
    if (judgement.log10_threshold() > 0)
      most = std::max(most, judgement.log10_evidence() / judgement.log10_threshold());
  }
  const SvgAxis part(SvgAxis::Scale::kLinear, 0, std::min(most, 4.0), kLeft, kRight);
  for (int i = 0; i < report.judgements_size(); ++i) {
    const v1::JudgementRecord& judgement = report.judgements(i);
    const double y = bars_top + kBarPitch * i;
    const double of = judgement.log10_threshold() > 0 ? judgement.log10_evidence() / judgement.log10_threshold() : 0;
    const double width = std::max(1.0, part.At(std::max(of, 0.0)) - kLeft);
    svg += SvgLabel(kLeft - 8, y + 15, "end", Shortened(judgement.guardrail()));
    absl::StrAppendFormat(&svg, "<rect x='%g' y='%.1f' width='%.1f' height='18' fill='%s'/>\n", kLeft, y, width,
                          judgement.breached() ? "#eab5ae" : "#c5d5e1");
    svg += SvgLabel(kRight + 12, y + 15, "start",
                    absl::StrFormat("10^%.2f of 10^%.2f%s", judgement.log10_evidence(), judgement.log10_threshold(),
                                    judgement.breached() ? ", breached" : ""),
                    judgement.breached() ? kRed : kSoft);
    svg += SvgLabel(kLeft + 6, y + 14, "start", Shortened(absl::StrCat(judgement.candidate(), ": ", judgement.rule())));
  }
  return svg + Line(part.At(1), bars_top - 4, part.At(1), bottom, "#1b2733", "stroke-width='1.5'");
}

// Of each variant, which part of its calls took longer than x.
std::string Tails(const v1::RunReport& report, const std::vector<std::string>& variants, double top) {
  double fastest = INFINITY, slowest = 0;
  for (const v1::VariantReport& variant : report.variants()) {
    for (const v1::LatencyBucket& bucket : variant.latencies()) {
      fastest = std::min(fastest, std::max(bucket.from_ms(), 1e-3));
      slowest = std::max(slowest, std::isfinite(bucket.below_ms()) ? bucket.below_ms() : bucket.from_ms());
    }
  }
  if (!(fastest < slowest)) return "";
  std::string svg = SvgLabel(kLeft, top, "start", "Which part of the calls took longer");
  const double plot_top = top + 12, bottom = plot_top + kTailHeight;
  const SvgAxis ms(SvgAxis::Scale::kLogarithmic, fastest, slowest, kLeft, kRight);
  const SvgAxis part(SvgAxis::Scale::kLogarithmic, 1e-4, 1, bottom, plot_top);
  for (const double tick : ms.Ticks()) {
    svg += Line(ms.At(tick), plot_top, ms.At(tick), bottom, kGrid);
    svg += SvgLabel(ms.At(tick), bottom + 17, "middle", MillisecondsText(tick), kSoft);
  }
  for (const double tick : {1.0, 0.5, 0.1, 0.05, 0.01, 0.001, 0.0001}) {
    svg += Line(kLeft, part.At(tick), kRight, part.At(tick), kGrid);
    const bool is_quantile = tick == 0.5 || tick == 0.05 || tick == 0.01;
    svg += SvgLabel(
        kLeft - 8, part.At(tick) + 4, "end",
        absl::StrFormat("%s%g %%", is_quantile ? absl::StrFormat("p%g   ", 100 - 100 * tick) : "", 100 * tick), kSoft);
  }
  for (const v1::VariantReport& variant : report.variants()) {
    int64_t all = 0, slower = 0;
    for (const v1::LatencyBucket& bucket : variant.latencies()) all += bucket.count();
    if (all == 0) continue;
    slower = all;
    std::string points;
    for (const v1::LatencyBucket& bucket : variant.latencies()) {
      absl::StrAppendFormat(&points, "%.1f,%.1f ", ms.At(bucket.from_ms()),
                            part.At(static_cast<double>(slower) / static_cast<double>(all)));
      slower -= bucket.count();
      if (slower == 0 && std::isfinite(bucket.below_ms()))
        absl::StrAppendFormat(&points, "%.1f,%.1f ", ms.At(bucket.below_ms()), bottom);
      if (slower == 0) break;
    }
    const size_t place =
        static_cast<size_t>(std::find(variants.begin(), variants.end(), variant.name()) - variants.begin());
    absl::StrAppendFormat(&svg, "<polyline points='%s' fill='none' stroke='%s' stroke-width='2'/>\n", points,
                          ColourOf(place));
    svg += SvgLabel(kRight + 12, plot_top + 14 + kLinePitch * static_cast<double>(place), "start",
                    absl::StrFormat("%s, %d calls", Shortened(variant.name()), all), ColourOf(place));
    if (variant.ended() >= variant.started()) continue;
    svg += SvgLabel(kRight + 12, plot_top + 14 + kLinePitch * static_cast<double>(variants.size() + place), "start",
                    absl::StrFormat("and %d unanswered", variant.started() - variant.ended()), ColourOf(place));
  }
  return svg + Frame(plot_top, kTailHeight);
}

}  // namespace

std::string ReportSvg(const v1::RunReport& report) {
  const Course course(report);
  const std::string end = report.is_rolled_back() ? absl::StrCat("rolled back by ", report.actor()) : "as it is";
  std::string svg = absl::StrFormat("<text x='20' y='32' font-size='18' font-weight='600'>%s</text>\n",
                                    SvgText(absl::StrCat(report.experiment(), ", run ", report.run(), ": ", end)));
  svg += SvgLabel(20, 54, "start",
                  absl::StrCat("began ", WhenText(experiment::TimeOf(report.run_started_at())), "; this is of ",
                               WhenText(experiment::TimeOf(report.at()))),
                  kSoft);
  if (!report.why().empty()) svg += SvgLabel(20, 74, "start", Shortened(report.why()), kRed);
  svg += course.Shares();
  double top = kSharesTop + kSharesHeight + 52;
  svg += course.EventList(top);
  top += course.EventListHeight() + 28;
  if (report.judgements_size() > 0) {
    svg += Guardrails(report, top);
    top += kBarPitch * report.judgements_size() + 50;
  }
  const std::string tails = Tails(report, course.variants(), top);
  svg += tails;
  if (!tails.empty()) top += kTailHeight + 44;
  return SvgDocument(kWidth, top, svg);
}

}  // namespace weir::cli
