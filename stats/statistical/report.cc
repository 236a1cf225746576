#include "stats/statistical/report.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"

namespace weir::stats {
namespace {

// --- JSON.

std::string JsonText(const std::string& text) {
  return absl::StrCat("\"", absl::StrReplaceAll(text, {{"\\", "\\\\"}, {"\"", "\\\""}}), "\"");
}

std::string JsonNumber(double number) {
  return std::isfinite(number) ? absl::StrFormat("%.6g", number) : std::string("null");
}

std::string CellJson(const MeasuredCell& cell) {
  const Measurement& m = cell.measurement;
  return absl::StrCat("{\"cell\":", JsonText(cell.name), ",\"result\":", JsonText(ResultName(ResultOf(m))),
                      ",\"value\":", JsonNumber(m.value), ",\"low\":", JsonNumber(m.low),
                      ",\"high\":", JsonNumber(m.high), ",\"judged\":", JsonNumber(m.judged),
                      ",\"least\":", JsonNumber(m.least), ",\"most\":", JsonNumber(m.most),
                      ",\"note\":", JsonText(m.note), "}");
}

// --- The page.

constexpr double kLabelWidth = 350, kPlotWidth = 430, kNoteWidth = 500, kRowHeight = 24, kAxisHeight = 30;

std::string HtmlText(const std::string& text) {
  return absl::StrReplaceAll(text, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}});
}

// From values to places on the page.
class Axis {
 public:
  explicit Axis(const MeasuredTarget& target) : is_logarithmic_(target.target.is_logarithmic) {
    std::vector<double> shown;
    for (const MeasuredCell& cell : target.cells) {
      const Measurement& m = cell.measurement;
      for (const double value : {m.value, m.low, m.high, m.least, m.most}) {
        if (std::isfinite(value) && (!is_logarithmic_ || value > 0)) shown.push_back(value);
      }
    }
    if (shown.empty()) shown = {0.1, 1};
    least_ = *std::min_element(shown.begin(), shown.end());
    most_ = *std::max_element(shown.begin(), shown.end());
    if (is_logarithmic_) {
      least_ = std::pow(10, std::floor(std::log10(least_) - 0.1));
      most_ = std::pow(10, std::ceil(std::log10(most_) + 0.1));
    } else {
      const double margin = std::max(0.04 * (most_ - least_), 1e-3);
      least_ = least_ < 0.5 * most_ ? std::min(0.0, least_) : least_ - margin;
      most_ += margin;
    }
  }

  double At(double value) const {
    const double part = is_logarithmic_ ? std::log(std::max(value, least_) / least_) / std::log(most_ / least_)
                                        : (value - least_) / (most_ - least_);
    return kLabelWidth + kPlotWidth * std::clamp(part, 0.0, 1.0);
  }

  std::vector<double> Ticks() const {
    std::vector<double> ticks;
    if (is_logarithmic_) {
      const double decades = std::round(std::log10(most_ / least_)), step = std::max(1.0, std::ceil(decades / 6));
      for (double d = 0; d <= decades; d += step) ticks.push_back(least_ * std::pow(10, d));
      return ticks;
    }
    const double rough = (most_ - least_) / 6, power = std::pow(10, std::floor(std::log10(rough)));
    const double step = power * (rough / power < 2 ? 2 : rough / power < 5 ? 5 : 10);
    for (double i = std::ceil(least_ / step); i * step <= most_; ++i) ticks.push_back(i * step);
    return ticks;
  }

 private:
  bool is_logarithmic_;
  double least_ = 0, most_ = 1;
};

std::string Row(const MeasuredCell& cell, const Axis& axis, double y) {
  const Measurement& m = cell.measurement;
  const std::string result = ResultName(ResultOf(m));
  const double from = axis.At(std::isfinite(m.least) ? m.least : -1e300);
  const double to = axis.At(std::isfinite(m.most) ? m.most : 1e300);
  const double middle = y + kRowHeight / 2;
  return absl::StrCat(
      "<g class=\"", result, "\"><title>",
      HtmlText(absl::StrFormat("%s: %.4g (%.4g to %.4g). %s", cell.name, m.value, m.low, m.high, m.note)), "</title>",
      absl::StrFormat("<text x=\"%.0f\" y=\"%.0f\" text-anchor=\"end\">%s</text>", kLabelWidth - 12, middle + 4,
                      HtmlText(cell.name)),
      absl::StrFormat("<rect class=\"promise\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>", from, y + 3,
                      std::max(1.5, to - from), kRowHeight - 6),
      absl::StrFormat("<line class=\"chance\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>", axis.At(m.low),
                      axis.At(m.high), middle, middle),
      absl::StrFormat("<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4.5\"/>", axis.At(m.value), middle),
      absl::StrFormat("<text class=\"figure\" x=\"%.0f\" y=\"%.0f\">%s</text>", kLabelWidth + kPlotWidth + 12,
                      middle + 4, HtmlText(absl::StrFormat("%s  %.3g: %s", result, m.value, m.note))),
      "</g>\n");
}

std::string Plot(const MeasuredTarget& target) {
  const Axis axis(target);
  const double bottom = kRowHeight * static_cast<double>(target.cells.size());
  const double width = kLabelWidth + kPlotWidth + kNoteWidth;
  std::string svg = absl::StrFormat("<svg viewBox=\"0 0 %.0f %.0f\" role=\"img\">\n", width, bottom + kAxisHeight);
  for (const double tick : axis.Ticks()) {
    const double x = axis.At(tick);
    absl::StrAppendFormat(&svg, "<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" y1=\"0\" y2=\"%.0f\"/>", x, x, bottom);
    absl::StrAppendFormat(&svg, "<text class=\"tick\" x=\"%.1f\" y=\"%.0f\" text-anchor=\"middle\">%.3g</text>\n", x,
                          bottom + 14, tick);
  }
  for (size_t i = 0; i < target.cells.size(); ++i) {
    svg += Row(target.cells[i], axis, kRowHeight * static_cast<double>(i));
  }
  absl::StrAppendFormat(&svg, "<text class=\"tick\" x=\"%.0f\" y=\"%.0f\" text-anchor=\"middle\">%s</text></svg>\n",
                        kLabelWidth + kPlotWidth / 2, bottom + 27, HtmlText(target.target.axis));
  return svg;
}

std::string Section(const MeasuredTarget& target) {
  int passed = 0, open = 0;
  for (const MeasuredCell& cell : target.cells) {
    passed += ResultOf(cell.measurement) == Result::kPass;
    open += ResultOf(cell.measurement) == Result::kOpen;
  }
  const std::string rest = open == 0 ? "" : absl::StrCat(", ", open, open == 1 ? " is open" : " are open");
  return absl::StrFormat("<section><h2>%s</h2><p>%s <b>%d of %d</b> keep the promise%s.</p>\n%s</section>\n",
                         HtmlText(target.target.title), HtmlText(target.target.text), passed,
                         static_cast<int>(target.cells.size()), rest, Plot(target));
}

constexpr char kStyle[] = R"(<style>
:root{--ink:#1b2733;--soft:#5d6b78;--page:#fbfcfd;--line:#dfe5ea;--pass:#16845b;--open:#b27300;--fail:#c22f2f;
--band:#e3f2eb}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#93a1ae;--page:#11161b;--line:#2b343c;--pass:#45c490;
--open:#e3aa3a;--fail:#ff7b72;--band:#173529}}
body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--page);max-width:1320px;margin:40px auto;
padding:0 24px}
h1{font-size:28px;margin:0}h2{font-size:20px;margin:44px 0 0}p{margin:4px 0 12px;color:var(--soft);max-width:75ch}
p b{color:var(--ink)}svg{width:100%;height:auto;font:12.5px system-ui,sans-serif}text{fill:var(--ink)}
.grid{stroke:var(--line)}.tick{fill:var(--soft)}.figure{fill:var(--soft)}.promise{fill:var(--band)}
.PASS circle{fill:var(--pass)}.OPEN circle{fill:var(--open)}.FAIL circle{fill:var(--fail)}.chance{stroke-width:2}
.PASS .chance{stroke:var(--pass)}.OPEN .chance{stroke:var(--open)}.FAIL .chance{stroke:var(--fail)}
.FAIL .figure{fill:var(--fail)}g:hover .figure{fill:var(--ink)}
</style>)";

}  // namespace

int StatisticalReport::CountOf(Result result) const {
  int count = 0;
  for (const MeasuredTarget& target : targets) {
    for (const MeasuredCell& cell : target.cells) count += ResultOf(cell.measurement) == result;
  }
  return count;
}

std::string ReportJson(const StatisticalReport& report) {
  std::vector<std::string> targets;
  for (const MeasuredTarget& target : report.targets) {
    const std::string cells = absl::StrJoin(
        target.cells, ",\n", [](std::string* out, const MeasuredCell& cell) { absl::StrAppend(out, CellJson(cell)); });
    targets.push_back(absl::StrCat("{\"target\":", target.target.number, ",\"title\":", JsonText(target.target.title),
                                   ",\"cells\":[\n", cells, "]}"));
  }
  return absl::StrCat("{\"streams\":", report.settings.streams, ",\"seed\":", report.settings.seed,
                      ",\"alpha\":", JsonNumber(report.settings.alpha), ",\"seconds\":", JsonNumber(report.seconds),
                      ",\"targets\":[\n", absl::StrJoin(targets, ",\n"), "]}\n");
}

std::string ReportPage(const StatisticalReport& report) {
  std::string page = absl::StrCat(
      "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width\"><title>Weir: what the statistics promise, measured</title>\n",
      kStyle, "\n<h1>What the statistics promise, measured</h1>\n");
  absl::StrAppendFormat(&page,
                        "<p><b>%d kept, %d missed, %d open</b> (outside, but within chance). %d streams from seed "
                        "%d in %.0f s. A dot is what was measured, its line the limits of chance, and the shaded band "
                        "what was promised.</p>\n",
                        report.CountOf(Result::kPass), report.CountOf(Result::kFail), report.CountOf(Result::kOpen),
                        report.settings.streams, report.settings.seed, report.seconds);
  for (const MeasuredTarget& target : report.targets) page += Section(target);
  return page + "</html>\n";
}

}  // namespace weir::stats
