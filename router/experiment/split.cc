#include "router/experiment/split.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace weir::experiment {
namespace {

// Basis points of the whole: a split's sum where it comes out even.
constexpr uint64_t kWhole = 10000;

const config::Variant* Find(const Split& split, std::string_view name) {
  for (const config::Variant& variant : split.variants) {
    if (variant.name == name) return &variant;
  }
  return nullptr;
}

uint64_t Sum(const Split& split) {
  uint64_t sum = 0;
  for (const config::Variant& variant : split.variants) sum += variant.weight.hundredths();
  return sum;
}

uint64_t WeightOf(const Split& split, std::string_view name) {
  const config::Variant* variant = Find(split, name);
  return variant == nullptr ? 0 : variant->weight.hundredths();
}

// a / sum_a > b / sum_b, exactly: weights are at most 1e8 hundredths each and there are few, so products fit.
bool IsLarger(uint64_t a, uint64_t sum_a, uint64_t b, uint64_t sum_b) { return a * sum_b > b * sum_a; }

// The candidates' weights (0 for the default), without their common factors, and with a sum of 10,000 at most.
std::vector<uint64_t> Proportions(const Split& split) {
  std::vector<uint64_t> parts;
  for (const config::Variant& variant : split.variants) parts.push_back(variant.weight.hundredths());
  parts[split.default_variant] = 0;
  const uint64_t factor = std::accumulate(parts.begin(), parts.end(), uint64_t{0}, std::gcd<uint64_t, uint64_t>);
  if (factor == 0) return parts;
  for (uint64_t& part : parts) part /= factor;
  const uint64_t sum = std::accumulate(parts.begin(), parts.end(), uint64_t{0});
  if (sum <= kWhole) return parts;
  for (uint64_t& part : parts) {
    if (part > 0) part = std::max<uint64_t>(1, part * kWhole / sum);
  }
  return parts;
}

// So that a share of 5 % reads as 5 beside 95 wherever it can.
void Simplify(std::vector<uint64_t>& weights) {
  const uint64_t factor = std::accumulate(weights.begin(), weights.end(), uint64_t{0}, std::gcd<uint64_t, uint64_t>);
  const uint64_t sum = std::accumulate(weights.begin(), weights.end(), uint64_t{0}) / factor;
  const uint64_t scale = kWhole % sum == 0 ? kWhole / sum : 1;
  for (uint64_t& weight : weights) weight = weight / factor * scale;
}

}  // namespace

Split SplitOf(const config::Experiment& experiment) { return {experiment.variants, experiment.default_variant}; }

double ShareOf(const Split& split, std::string_view variant) {
  const uint64_t sum = Sum(split);
  return sum == 0 ? 0 : static_cast<double>(WeightOf(split, variant)) / static_cast<double>(sum);
}

config::Percent CandidateShareOf(const Split& split) {
  const double share = 1 - ShareOf(split, split.default_name());
  return config::Percent::FromBasisPoints(std::llround(share * static_cast<double>(kWhole)))
      .value_or(config::Percent());
}

Split WithCandidateShare(const Split& split, config::Percent share) {
  std::vector<uint64_t> weights = Proportions(split);
  const uint64_t sum = std::accumulate(weights.begin(), weights.end(), uint64_t{0});
  const uint64_t given = sum == 0 ? 0 : static_cast<uint64_t>(share.basis_points());
  for (uint64_t& weight : weights) weight *= given;
  weights[split.default_variant] = std::max<uint64_t>(sum, 1) * (kWhole - given);
  Simplify(weights);
  Split result = split;
  for (size_t i = 0; i < weights.size(); ++i) {
    result.variants[i].weight = config::Weight::FromHundredths(static_cast<uint32_t>(weights[i]));
  }
  return result;
}

bool Opens(const Split& from, const Split& to) {
  if (from.default_name() != to.default_name()) return true;
  return std::any_of(to.variants.begin(), to.variants.end(), [&](const config::Variant& variant) {
    return variant.name != to.default_name() &&
           IsLarger(variant.weight.hundredths(), Sum(to), WeightOf(from, variant.name), Sum(from));
  });
}

std::optional<Split> ShutPart(const Split& from, const Split& to) {
  Split result = from;
  uint64_t taken = 0;
  for (size_t i = 0; i < result.variants.size(); ++i) {
    if (i == result.default_variant) continue;
    const uint64_t present = result.variants[i].weight.hundredths();
    const uint64_t wanted = WeightOf(to, result.variants[i].name) * Sum(from) / Sum(to);
    // The default of `to` may be a candidate of `from`: its share is not taken away, it is about to grow.
    if (wanted >= present || result.variants[i].name == to.default_name()) continue;
    result.variants[i].weight = config::Weight::FromHundredths(static_cast<uint32_t>(wanted));
    taken += present - wanted;
  }
  if (taken == 0) return std::nullopt;
  config::Variant& fallback = result.variants[result.default_variant];
  fallback.weight = config::Weight::FromHundredths(static_cast<uint32_t>(fallback.weight.hundredths() + taken));
  return result;
}

std::string Describe(const Split& split) {
  return absl::StrJoin(split.variants, ", ", [](std::string* out, const config::Variant& variant) {
    absl::StrAppend(out, variant.name, " ", variant.weight.ToString());
  });
}

}  // namespace weir::experiment
