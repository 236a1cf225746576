// By how much a candidate may be worse than the default, at most: the bound under a share that grows by risk.
//
// Harm is a fraction from 0 (no worse) to 1 (as bad as can be): the greater of
//   errors   the excess of failed calls, p_candidate - p_default;
//   decline  of an outcome metric, if one is named, relative to the default: 1 - m_candidate / m_default where more is
//            better, m_candidate / m_default - 1 where less is. A default whose mean may be 0 or less leaves it at 1.
// The bound of each comes from the confidence sequences of both variants, each at half of its alpha: of proportions the
// Beta mixture's (proportion_sequence.h) over independent trials (divided by the design effect), of other outcomes the
// asymptotic one (outcomes.h), and none below 30. So it may be looked at after every call: it is ever too low with
// probability alpha at most, as long as the variants stay as they are. It begins at 1, since nothing is known.
//
// Variants do not stay as they are, and a long healthy history is slow to turn. So the same is computed over the calls
// of late, too: where their interval proves more harm than the whole history shows, the greater bound of the two holds.

#ifndef WEIR_STATS_HARM_H_
#define WEIR_STATS_HARM_H_

#include <optional>

#include "stats/propensity.h"

namespace weir::stats {

// What is known of one variant, over all of the history or of late.
struct HarmEvidence {
  ArmEstimate errors{};    // A proportion of calls.
  ArmEstimate outcomes{};  // Of the metric, if one is named.
};

// Of the metric.
struct OutcomeScale {
  bool is_proportion = true;
  bool is_more_better = true;
};

// The upper bound, from 0 to 1. `alpha` is divided evenly by errors and decline.
double HarmBound(const HarmEvidence& candidate, const HarmEvidence& baseline, const HarmEvidence& recent_candidate,
                 const HarmEvidence& recent_baseline, const std::optional<OutcomeScale>& metric, double alpha);

}  // namespace weir::stats

#endif  // WEIR_STATS_HARM_H_
