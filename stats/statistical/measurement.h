// What the simulations measure, beside what the design promises.

#ifndef WEIR_STATS_STATISTICAL_MEASUREMENT_H_
#define WEIR_STATS_STATISTICAL_MEASUREMENT_H_

#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <vector>

namespace weir::stats {

struct Settings {
  int streams = 4000;  // Simulated runs of a cell under the null; delays and coverage take a tenth to a half of them.
  uint64_t seed = 1;   // The first stream's; each has one more.
  double alpha = 0.01;
  int threads = 2;
};

struct Measurement {
  double value = 0;
  double low = 0, high = 0;  // The 95 % limits of chance; the value itself where there is none.
  double judged = 0;         // What must be within the promise: the value, or one of its limits.
  // The promise.
  double least = -std::numeric_limits<double>::infinity();
  double most = std::numeric_limits<double>::infinity();
  std::string note = "";  // The raw figures, for people.
};

// kOpen: outside the promise, but by less than twice the limits of chance: too few streams to tell.
enum class Result { kPass, kOpen, kFail };
Result ResultOf(const Measurement& measurement);
const char* ResultName(Result result);

struct Cell {
  std::string name;
  std::function<Measurement(const Settings&)> measure;
};

// One of the design's targets, with all its cells.
struct Target {
  int number = 0;
  std::string title;
  std::string axis;  // What the values are.
  std::string text;  // A sentence or two for the page.
  bool is_logarithmic = false;
  std::vector<Cell> cells;
};

Target FalseAlarms();      // 2
Target ErrorDelays();      // 3
Target TailDelays();       // 4
Target Detector();         // 5
Target Coverage();         // 6
Target MergeInvariance();  // 7
Target Timings();          // 8

// `run(seed)` for each of `streams` seeds, over the threads; the results are in the order of seeds, so that a run is
// reproducible whatever the number of threads.
std::vector<double> OverStreams(const Settings& settings, int streams, const std::function<double(uint64_t seed)>& run);

// The 95 % limits of a proportion, one-sided each (Wilson's score).
double LowerLimit(double hits, double n);
double UpperLimit(double hits, double n);

struct MeanOfStreams {
  double mean = 0, standard_error = 0;
};
MeanOfStreams MeanOf(const std::vector<double>& values);

}  // namespace weir::stats

#endif  // WEIR_STATS_STATISTICAL_MEASUREMENT_H_
