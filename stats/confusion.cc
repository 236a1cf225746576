#include "stats/confusion.h"

namespace weir::stats {
namespace {

enum Cell { kTruePositive, kFalsePositive, kFalseNegative, kTrueNegative, kCells };

std::optional<double> Quotient(double above, double below) {
  if (!(below > 0)) return std::nullopt;
  return above / below;
}

std::optional<double> ScoreOf(ConfusionScore score, std::span<const double> cells) {
  const double tp = cells[kTruePositive], fp = cells[kFalsePositive], fn = cells[kFalseNegative];
  const double tn = cells[kTrueNegative];
  switch (score) {
    case ConfusionScore::kPrecision:
      return Quotient(tp, tp + fp);
    case ConfusionScore::kRecall:
      return Quotient(tp, tp + fn);
    case ConfusionScore::kF1:
      return Quotient(2 * tp, 2 * tp + fp + fn);
    case ConfusionScore::kAccuracy:
      return Quotient(tp + tn, tp + fp + fn + tn);
  }
  return std::nullopt;
}

}  // namespace

void ConfusionCounts::Add(uint8_t user_bucket, bool predicted, bool actual, double times) {
  const Cell cell = predicted ? (actual ? kTruePositive : kFalsePositive) : (actual ? kFalseNegative : kTrueNegative);
  table_.Add(user_bucket, cell, times);
}

std::optional<JackknifeEstimate> ConfusionCounts::Estimate(ConfusionScore score) const {
  return JackknifeOverUsers(table_, [&](std::span<const double> cells) { return ScoreOf(score, cells); });
}

std::optional<JackknifeEstimate> ScoreDifference(ConfusionScore score, const ConfusionCounts& baseline,
                                                 const ConfusionCounts& candidate) {
  BucketTable both(2 * kCells);
  for (int b = 0; b < kUserBuckets; ++b) {
    for (int c = 0; c < kCells; ++c) {
      both.Add(b, c, baseline.table().at(b, c));
      both.Add(b, kCells + c, candidate.table().at(b, c));
    }
  }
  return JackknifeOverUsers(both, [&](std::span<const double> cells) -> std::optional<double> {
    const auto a = ScoreOf(score, cells.first(kCells)), b = ScoreOf(score, cells.last(kCells));
    if (!a || !b) return std::nullopt;
    return *b - *a;
  });
}

}  // namespace weir::stats
