// What every plot of weirctl needs to draw. Pure.

#ifndef WEIR_ROUTER_CLI_SVG_H_
#define WEIR_ROUTER_CLI_SVG_H_

#include <string>
#include <vector>

namespace weir::cli {

// Text as it stands between tags or in an attribute.
std::string SvgText(const std::string& text);

// A line of text; `anchor`: "start", "middle" or "end".
std::string SvgLabel(double x, double y, const char* anchor, const std::string& text, const char* colour = "#1b2733");

// A whole document of that size around `body`, on white.
std::string SvgDocument(double width, double height, const std::string& body);

// One axis of a plot: from values to places, both ascending or places descending.
class SvgAxis {
 public:
  enum class Scale { kLinear, kLogarithmic };
  // least < most; of a logarithmic scale both positive.
  SvgAxis(Scale scale, double least, double most, double from, double to)
      : scale_(scale), least_(least), most_(most), from_(from), to_(to) {}

  // Values beyond an end are put on it.
  double At(double value) const;
  // Round values within: of a logarithmic scale powers of ten, or with 2 and 5 where those are few.
  std::vector<double> Ticks() const;

 private:
  Scale scale_;
  double least_, most_, from_, to_;
};

}  // namespace weir::cli

#endif  // WEIR_ROUTER_CLI_SVG_H_
