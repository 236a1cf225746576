// Soft limits: does a metric drift away from where it was? Four control charts on standardised 10-second windows
//   z = (mean of the window - mu) / (sigma / sqrt n),
// which are standard normal while nothing changes, if windows are independent and of some 30 values or more. They warn;
// a chart's false alarms are a matter of rate (ARL0, the mean number of windows to one), not of probability.
//   three-sigma    |z| > 3                                            ARL0 370 (Shewhart 1931)
//   EWMA           e <- .1 z + .9 e,  |e| > 2.814 sqrt(.1 / 1.9)      ARL0 500 (Lucas, Saccucci 1990)
//   CUSUM          s <- max(0, s + z - .5), the same of -z, any > 5   ARL0 465 (Page 1954)
//   Page-Hinkley   m <- m + z - mean z - .5, m - min m > 7, also -z   (Hinkley 1971)
// Page-Hinkley compares with the mean of its own history, and so needs no mu: it sees changes, not standing offsets.

#ifndef WEIR_STATS_TREND_H_
#define WEIR_STATS_TREND_H_

#include <cstdint>
#include <map>
#include <vector>

#include "absl/time/time.h"

namespace weir::stats {

inline constexpr absl::Duration kTrendWindow = absl::Seconds(10);

// The number of the 10-second window since the Unix epoch.
int64_t TrendWindowOf(absl::Time time);

// Where the metric was: of single values.
struct TrendReference {
  double mean = 0;
  double standard_deviation = 0;  // Above 0.
};
// n is positive.
double StandardisedWindow(const TrendReference& reference, int64_t n, double mean_of_window);

// Values by window, until a window is complete and can be standardised. Sums add, so that any partition over replicas,
// in any order, gives the same windows. The newest kWindows are kept; values of older ones are dropped.
class TrendWindows {
 public:
  static constexpr int64_t kWindows = 30;  // Five minutes.
  struct Window {
    int64_t n = 0;
    double sum = 0;
    bool operator==(const Window&) const = default;
  };
  void Add(int64_t window, double value) { Add(window, Window{.n = 1, .sum = value}); }
  void Merge(const TrendWindows& other);
  // Takes out the windows before `window`, in the order of time; those without values are not among them.
  std::vector<Window> TakeBefore(int64_t window);
  const std::map<int64_t, Window>& windows() const { return windows_; }
  bool operator==(const TrendWindows&) const = default;

 private:
  void Add(int64_t window, const Window& values);
  std::map<int64_t, Window> windows_;
};

// The charts are plain values whose fields a checkpoint writes. Each `Add` takes the next z and says whether the chart
// is beyond its limit. A z that is not finite is left out.
struct ThreeSigma {
  static constexpr double kLimit = 3;
  bool Add(double z) const { return z > kLimit || z < -kLimit; }
};

struct Ewma {
  static constexpr double kLambda = 0.1, kWidth = 2.814;
  double value = 0;
  bool Add(double z);
  bool operator==(const Ewma&) const = default;
};

struct Cusum {
  static constexpr double kSlack = 0.5, kLimit = 5;
  double up = 0, down = 0;
  bool Add(double z);
  bool operator==(const Cusum&) const = default;
};

struct PageHinkley {
  static constexpr double kSlack = 0.5, kLimit = 7;
  int64_t n = 0;
  double mean = 0;          // Of all z.
  double up = 0, down = 0;  // Above the least sum so far, in either direction.
  bool Add(double z);
  bool operator==(const PageHinkley&) const = default;
};

// All four side by side.
struct TrendCharts {
  struct Alarms {
    bool three_sigma = false, ewma = false, cusum = false, page_hinkley = false;
    bool any() const { return three_sigma || ewma || cusum || page_hinkley; }
  };
  ThreeSigma three_sigma;
  Ewma ewma;
  Cusum cusum;
  PageHinkley page_hinkley;
  Alarms Add(double z);
};

}  // namespace weir::stats

#endif  // WEIR_STATS_TREND_H_
