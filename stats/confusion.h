// How good a classifier is, from labels that clients reported: precision, recall, F1 and accuracy of one variant, and
// their differences between two, each with its error by the jackknife over user buckets.
//   precision = TP / (TP + FP), recall = TP / (TP + FN), F1 = 2 TP / (2 TP + FP + FN),
//   accuracy = (TP + TN) / (TP + FP + FN + TN)            (van Rijsbergen 1979)

#ifndef WEIR_STATS_CONFUSION_H_
#define WEIR_STATS_CONFUSION_H_

#include <cstdint>
#include <optional>

#include "stats/jackknife.h"

namespace weir::stats {

enum class ConfusionScore { kPrecision, kRecall, kF1, kAccuracy };

// One variant's labelled predictions by user bucket. A value that adds up exactly, in any order.
class ConfusionCounts {
 public:
  void Add(uint8_t user_bucket, bool predicted, bool actual, double times = 1);
  void Merge(const ConfusionCounts& other) { table_.Merge(other.table_); }

  // Nothing where the score is 0/0, as precision without a positive prediction, or below 128 active users.
  std::optional<JackknifeEstimate> Estimate(ConfusionScore score) const;
  const BucketTable& table() const { return table_; }  // Columns: TP, FP, FN, TN.
  bool operator==(const ConfusionCounts&) const = default;

 private:
  BucketTable table_{4};
};

// The candidate's score less the default's.
std::optional<JackknifeEstimate> ScoreDifference(ConfusionScore score, const ConfusionCounts& baseline,
                                                 const ConfusionCounts& candidate);

}  // namespace weir::stats

#endif  // WEIR_STATS_CONFUSION_H_
