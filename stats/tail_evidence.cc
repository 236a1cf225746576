#include "stats/tail_evidence.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "stats/special_functions.h"

namespace weir::stats {
namespace {

constexpr int kBuckets = LatencyHistogram::kBuckets;
constexpr double kPriorCalls = 10;     // The prior weighs as much as ten calls.
constexpr double kLeastMass = 1e-290;  // Below it a double loses digits.

void SumFromTheEnd(std::array<int64_t, kBuckets>& counts) {
  for (int b = kBuckets - 2; b >= 0; --b) counts[b] += counts[b + 1];
}

// The minimum of LogHalfKept(E_A) + LogHalfKept(E_B) over edges, by bisection with bounds.
class EdgeSearch {
 public:
  EdgeSearch(const TailMixture& mixture, int shift, const TailCounts& a, const TailCounts& b, double design_effect)
      : mixture_(mixture), shift_(shift), a_(a), b_(b), scale_(1 / design_effect) {}

  double Minimum() {
    const Edge first = At(0);
    const Edge last = At(kBuckets - 1);
    least_ = std::min(first.log_a + first.log_b, last.log_a + last.log_b);
    Search(first, last);
    return least_;
  }

 private:
  struct Edge {
    int index;
    double log_a, log_b;
  };

  int64_t BaselineFrom(int edge) const { return a_.from[edge]; }
  // Nothing is known above the last edge, nor below the first one, where edges are not in proportion.
  int64_t CandidateFrom(int edge) const {
    const int shifted = edge + shift_ + 1;
    return edge + 1 < kBuckets && shifted < kBuckets ? b_.from[std::max(shifted, 1)] : 0;
  }
  double LogA(int edge) const {
    return LogHalfKept(
        mixture_.LogBelow(static_cast<double>(BaselineFrom(edge)) * scale_, static_cast<double>(a_.calls) * scale_));
  }
  double LogB(int edge) const {
    return LogHalfKept(
        mixture_.LogAbove(static_cast<double>(CandidateFrom(edge)) * scale_, static_cast<double>(b_.calls) * scale_));
  }
  Edge At(int edge) const { return {edge, LogA(edge), LogB(edge)}; }

  Edge Between(const Edge& low, const Edge& high) const {
    const int index = std::midpoint(low.index, high.index);
    const auto like = [&](auto from, double Edge::*log, auto compute) {
      if (from(index) == from(low.index)) return low.*log;
      if (from(index) == from(high.index)) return high.*log;
      return compute(index);
    };
    return {index, like([&](int i) { return BaselineFrom(i); }, &Edge::log_a, [&](int i) { return LogA(i); }),
            like([&](int i) { return CandidateFrom(i); }, &Edge::log_b, [&](int i) { return LogB(i); })};
  }

  // No edge strictly between has less evidence than low's for the baseline plus high's for the candidate.
  void Search(const Edge& low, const Edge& high) {
    if (high.index - low.index < 2 || low.log_a + high.log_b >= least_) return;
    const Edge middle = Between(low, high);
    least_ = std::min(least_, middle.log_a + middle.log_b);
    Search(low, middle);
    Search(middle, high);
  }

  const TailMixture& mixture_;
  const int shift_;
  const TailCounts& a_;
  const TailCounts& b_;
  const double scale_;
  double least_ = 0;
};

}  // namespace

TailCounts CertainlySlow(const VariantCounts& counts, absl::Time now) {
  TailCounts tail{.calls = counts.started()};
  const auto add = [&](int bucket, int64_t n) { tail.from[bucket] += n; };
  counts.latencies().ForEachNonzero(add);
  counts.cancelled().ForEachNonzero(add);
  const auto add_in_flight = [&](Tick tick, int64_t n) {
    if (n > 0) add(LatencyHistogram::BucketOf(now - StartOf(tick + 1)), n);
  };
  for (const auto& [tick, cohort] : counts.cohorts()) add_in_flight(tick, cohort.started - cohort.ended);
  if (!counts.cohorts().empty()) {
    add_in_flight(counts.cohorts().back().first - VariantCounts::kRingTicks, counts.InFlightOfClosedCohorts());
  }
  SumFromTheEnd(tail.from);
  return tail;
}

TailCounts PossiblySlow(const VariantCounts& counts, Tick before) {
  TailCounts tail{.calls = counts.started()};
  int64_t young_ended = 0;
  for (auto cohort = counts.cohorts().rbegin(); cohort != counts.cohorts().rend() && cohort->first >= before;
       ++cohort) {
    tail.calls -= cohort->second.started;
    young_ended += cohort->second.ended;
  }
  int64_t fast = 0;
  for (int b = 0; b < kBuckets; ++b) {
    tail.from[b] = tail.calls - std::clamp<int64_t>(fast - young_ended, 0, tail.calls);
    fast += counts.latencies().at(b);
  }
  return tail;
}

TailMixture::TailMixture(double quantile)
    : tail_(1 - quantile),
      a_(kPriorCalls * tail_),
      b_(kPriorCalls * quantile),
      log_beta_(LogBeta(a_, b_)),
      log_mass_above_(std::log(BetaAbove(a_, b_, tail_))),
      log_mass_below_(std::log(BetaBelow(a_, b_, tail_))),
      log_tail_(std::log(tail_)),
      log_body_(std::log1p(-tail_)) {}

double TailMixture::LogMarginal(double slow, double calls) const {
  return LogBeta(a_ + slow, b_ + calls - slow) - log_beta_ - slow * log_tail_ - (calls - slow) * log_body_;
}

// Far on the other side, some 36 standard deviations off, the posterior's mass I underflows. There, with B the
// posterior's beta function, I B = x^a (1-x)^b / a * 1 / (1 - x (a+b) / (a+1)), the first convergent of its continued
// fraction, to about one part in a thousand; and all powers with calls in them cancel out. `a`, `b` and `x` are those
// of the side under test.
double TailMixture::LogFarOff(double a, double b, double x) const {
  return a_ * log_tail_ + b_ * log_body_ - log_beta_ - std::log(a) - std::log1p(-x * (a + b) / (a + 1));
}

double TailMixture::LogAbove(double slow, double calls) const {
  const double a = a_ + slow, b = b_ + calls - slow;
  const double mass = BetaAbove(a, b, tail_);
  const double log_e = mass > kLeastMass ? std::log(mass) + LogMarginal(slow, calls) : LogFarOff(b, a, 1 - tail_);
  return log_e - log_mass_above_;
}

double TailMixture::LogBelow(double slow, double calls) const {
  const double a = a_ + slow, b = b_ + calls - slow;
  const double mass = BetaBelow(a, b, tail_);
  const double log_e = mass > kLeastMass ? std::log(mass) + LogMarginal(slow, calls) : LogFarOff(a, b, tail_);
  return log_e - log_mass_below_;
}

double LogTailRatio(const TailMixture& mixture, int shift, const TailCounts& baseline, const TailCounts& candidate,
                    double design_effect) {
  return EdgeSearch(mixture, shift, baseline, candidate, design_effect).Minimum();
}

double LogTailCeiling(const TailMixture& mixture, int bucket, const TailCounts& candidate, double design_effect) {
  const double slow = bucket < kBuckets ? static_cast<double>(candidate.from[bucket]) : 0;
  return mixture.LogAbove(slow / design_effect, static_cast<double>(candidate.calls) / design_effect);
}

int BucketAtOrAbove(absl::Duration max) {
  const int bucket = LatencyHistogram::BucketOf(max);
  return LatencyHistogram::LowerEdge(bucket) >= max ? bucket : bucket + 1;
}

double LogHalfKept(double log_e) {
  constexpr double kLog2 = 0.69314718055994530942;
  return log_e > 0 ? log_e + std::log1p(std::exp(-log_e)) - kLog2 : std::log1p(std::exp(log_e)) - kLog2;
}

}  // namespace weir::stats
