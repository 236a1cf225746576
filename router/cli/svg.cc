#include "router/cli/svg.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"

namespace weir::cli {

std::string SvgText(const std::string& text) {
  return absl::StrReplaceAll(text, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"'", "&#39;"}, {"\"", "&quot;"}});
}

std::string SvgLabel(double x, double y, const char* anchor, const std::string& text, const char* colour) {
  return absl::StrFormat("<text x='%.1f' y='%.1f' text-anchor='%s' fill='%s'>%s</text>\n", x, y, anchor, colour,
                         SvgText(text));
}

std::string SvgDocument(double width, double height, const std::string& body) {
  return absl::StrCat(
      absl::StrFormat("<svg xmlns='http://www.w3.org/2000/svg' width='%g' height='%g' viewBox='0 0 %g %g' "
                      "font-family='system-ui,sans-serif' font-size='13' fill='#1b2733'>"
                      "<rect width='100%%' height='100%%' fill='white'/>\n",
                      width, height, width, height),
      body, "</svg>\n");
}

double SvgAxis::At(double value) const {
  const double part = scale_ == Scale::kLinear ? (value - least_) / (most_ - least_)
                                               : std::log(std::max(value, least_) / least_) / std::log(most_ / least_);
  return from_ + (to_ - from_) * std::clamp(part, 0.0, 1.0);
}

std::vector<double> SvgAxis::Ticks() const {
  constexpr double kSlack = 1 + 1e-9;
  std::vector<double> ticks;
  if (scale_ == Scale::kLinear) {
    const double rough = (most_ - least_) / 5, power = std::pow(10, std::floor(std::log10(rough)));
    const double step = power * (rough / power < 2 ? 2 : rough / power < 5 ? 5 : 10);
    for (double i = std::ceil(least_ / step); i * step <= most_ * kSlack; ++i) ticks.push_back(i * step);
    return ticks;
  }
  const double decades = std::log10(most_ / least_);
  for (double power = std::floor(std::log10(least_)); power <= std::log10(most_) * kSlack; ++power) {
    std::vector<double> digits = {1};
    if (decades < 3) digits = {1, 2, 5};
    if (decades < 1) digits = {1, 1.5, 2, 3, 4, 5, 7};
    for (const double digit : digits) {
      const double tick = digit * std::pow(10, power);
      if (tick * kSlack >= least_ && tick <= most_ * kSlack) ticks.push_back(tick);
    }
  }
  return ticks;
}

}  // namespace weir::cli
