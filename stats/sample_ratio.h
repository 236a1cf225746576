// Sample ratio mismatch: did the variants get the shares of users that were configured? If not, something loses or
// moves users, and no other number of the experiment can be believed. Counts are of assigned *users* (or, in a second
// use, of reported outcomes per request routed): they are to be independent, which requests of one user are not.
//
// Fixed: Pearson's chi-square at one planned look. Sequential, to be looked at for ever (Lindon, Malek 2020): the Bayes
// factor of a Dirichlet(a) prior on the shares against the configured shares theta,
//   log BF = log B(a + n) - log B(a) - sum_i n_i log theta_i,    log B(a) = sum log Gamma(a_i) - log Gamma(sum a),
// is a martingale under the configured shares, so that P(ever BF >= 1/alpha) <= alpha, and 1 / max BF so far is an
// always-valid p-value. The prior is concentrated on theta: a = 10,000 theta unless given. Rounding: below 1e-8 in log
// BF up to 1e9 users.

#ifndef WEIR_STATS_SAMPLE_RATIO_H_
#define WEIR_STATS_SAMPLE_RATIO_H_

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"

namespace weir::stats {

inline constexpr double kSampleRatioConcentration = 10'000;
inline constexpr double kSampleRatioAlpha = 0.001;

struct ChiSquareResult {
  double chi_square = 0;
  int degrees_of_freedom = 0;
  double p_value = 1;
};
// `weights` have any scale. InvalidArgument unless there are two variants at least, as many counts as weights, no
// negative count and one positive at least, and all weights are positive and finite.
absl::StatusOr<ChiSquareResult> SampleRatioChiSquare(std::span<const double> counts, std::span<const double> weights);

class SequentialSampleRatio {
 public:
  // What a checkpoint keeps.
  struct State {
    std::vector<double> counts;
    double greatest_log_bayes_factor = 0;  // Over all looks so far; 0 before the first.
    bool operator==(const State&) const = default;
  };

  // Two weights at least, positive, of any scale; concentration > 0. InvalidArgument else.
  static absl::StatusOr<SequentialSampleRatio> Create(std::span<const double> weights,
                                                      double concentration = kSampleRatioConcentration);
  // With the Dirichlet prior's own parameters, as many as weights and positive.
  static absl::StatusOr<SequentialSampleRatio> Create(std::span<const double> weights, std::span<const double> prior);

  // Takes up a batch, one count a variant, none negative, and looks. The Bayes factor does not depend on how counts
  // were cut into batches; the p-value does, through how often it looked.
  void Add(std::span<const double> counts);
  // InvalidArgument where the state is of another number of variants, or no state at all.
  absl::Status Restore(State state);

  double log_bayes_factor() const { return log_bayes_factor_; }  // Of a mismatch over none, now.
  double p_value() const;                                        // min(1, 1 / the greatest so far).
  bool IsMismatch(double alpha = kSampleRatioAlpha) const { return p_value() <= alpha; }
  const State& state() const { return state_; }

 private:
  SequentialSampleRatio(std::vector<double> shares, std::vector<double> prior);
  double LogBayesFactor() const;

  std::vector<double> log_shares_, prior_;
  double prior_sum_ = 0;
  State state_;
  double log_bayes_factor_ = 0;
};

}  // namespace weir::stats

#endif  // WEIR_STATS_SAMPLE_RATIO_H_
