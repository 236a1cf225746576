#include "config/rollout.h"

#include <algorithm>

namespace weir::config {

RolloutEnd EndOf(Strategy strategy) {
  switch (strategy) {
    case Strategy::kCanary:
    case Strategy::kBlueGreen:
      return RolloutEnd::kPromotion;
    case Strategy::kAbTest:
    case Strategy::kBandit:
      return RolloutEnd::kDecision;
    case Strategy::kShadow:
      return RolloutEnd::kCompletion;
  }
  return RolloutEnd::kDecision;
}

std::string ToString(Strategy strategy) {
  switch (strategy) {
    case Strategy::kCanary:
      return "canary";
    case Strategy::kBlueGreen:
      return "blueGreen";
    case Strategy::kAbTest:
      return "abTest";
    case Strategy::kShadow:
      return "shadow";
    case Strategy::kBandit:
      return "bandit";
  }
  return "unknown";
}

std::string ToString(BanditPolicy policy) {
  switch (policy) {
    case BanditPolicy::kThompson:
      return "thompson";
    case BanditPolicy::kUcb1:
      return "ucb1";
    case BanditPolicy::kEpsilonGreedy:
      return "epsilonGreedy";
  }
  return "unknown";
}

Percent LessHoldback(Percent weight, Percent holdback) {
  const int most = Percent::All().basis_points() - holdback.basis_points();
  // Between 0 and 100 % by construction.
  return Percent::FromBasisPoints(std::min(weight.basis_points(), most)).value_or(weight);
}

}  // namespace weir::config
