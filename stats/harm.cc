#include "stats/harm.h"

#include <algorithm>
#include <limits>

#include "stats/outcomes.h"
#include "stats/proportion_sequence.h"

namespace weir::stats {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::infinity();
constexpr int64_t kLeastOutcomes = 30;

// A harm with its interval.
struct Bounded {
  double lower = -kUnknown;
  double estimate = kUnknown;
  double upper = kUnknown;
};

Interval OfProportion(const ArmEstimate& arm, double alpha) {
  const double trials = EffectiveTrials(arm);
  return ProportionSequence(std::clamp(arm.mean, 0.0, 1.0) * trials, trials, alpha);
}

Interval OfMean(const ArmEstimate& arm, double alpha) {
  if (arm.n < kLeastOutcomes || !(arm.standard_error > 0)) return {-kUnknown, kUnknown};
  const double half = ConfidenceSequenceHalfWidth(arm.standard_error, arm.effective_n, alpha);
  return {arm.mean - half, arm.mean + half};
}

Bounded ExcessErrors(const ArmEstimate& candidate, const ArmEstimate& baseline, double alpha) {
  const Interval a = OfProportion(baseline, alpha / 2), b = OfProportion(candidate, alpha / 2);
  return {b.lower - a.upper, candidate.mean - baseline.mean, b.upper - a.lower};
}

Bounded Decline(const OutcomeScale& scale, const ArmEstimate& candidate, const ArmEstimate& baseline, double alpha) {
  const auto interval = scale.is_proportion ? OfProportion : OfMean;
  const Interval a = interval(baseline, alpha / 2), b = interval(candidate, alpha / 2);
  if (!(a.lower > 0)) return {};
  if (!scale.is_more_better) {
    return {b.lower / a.upper - 1, candidate.mean / baseline.mean - 1, b.upper / a.lower - 1};
  }
  return {1 - b.upper / a.lower, 1 - candidate.mean / baseline.mean, 1 - b.lower / a.upper};
}

double WorstOf(const Bounded& whole, const Bounded& recent) {
  const bool has_turned = recent.lower > whole.estimate;
  return std::clamp(has_turned ? std::max(whole.upper, recent.upper) : whole.upper, 0.0, 1.0);
}

}  // namespace

double HarmBound(const HarmEvidence& candidate, const HarmEvidence& baseline, const HarmEvidence& recent_candidate,
                 const HarmEvidence& recent_baseline, const std::optional<OutcomeScale>& metric, double alpha) {
  const double each = metric ? alpha / 2 : alpha;
  const double errors = WorstOf(ExcessErrors(candidate.errors, baseline.errors, each),
                                ExcessErrors(recent_candidate.errors, recent_baseline.errors, each));
  if (!metric) return errors;
  const double decline = WorstOf(Decline(*metric, candidate.outcomes, baseline.outcomes, each),
                                 Decline(*metric, recent_candidate.outcomes, recent_baseline.outcomes, each));
  return std::max(errors, decline);
}

}  // namespace weir::stats
