#include "stats/group_sequential.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>

#include "stats/special_functions.h"

namespace weir::stats {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kFar = 10;  // Beyond it a standard normal has less than 1e-23.
constexpr size_t kMostPanels = 500;

// Gauss and Legendre's rule of eight points on (-1, 1); symmetric.
constexpr std::array<double, 4> kNodes = {0.1834346424956498, 0.5255324099163290, 0.7966664774136267,
                                          0.9602898564975363};
constexpr std::array<double, 4> kWeights = {0.3626837833783620, 0.3137066458778873, 0.2223810344533745,
                                            0.1012285362903763};

// The statistic's distribution over the paths that have gone on so far: weights at points of z.
struct Path {
  std::vector<double> z, weight;
};

// Points and plain weights of the integral from `low` to `high`.
Path Grid(double low, double high, double widest_panel) {
  Path grid;
  const size_t panels = std::clamp<size_t>(static_cast<size_t>(std::ceil((high - low) / widest_panel)), 1, kMostPanels);
  const double half = (high - low) / static_cast<double>(panels) / 2;
  for (size_t panel = 0; panel < panels; ++panel) {
    const double middle = low + half * static_cast<double>(2 * panel + 1);
    for (size_t i = 0; i < kNodes.size(); ++i) {
      for (const double side : {-1.0, 1.0}) {
        grid.z.push_back(middle + side * kNodes[i] * half);
        grid.weight.push_back(kWeights[i] * half);
      }
    }
  }
  return grid;
}

double Density(double z) { return std::exp(-0.5 * z * z) * 0.39894228040143267794; }

// The looks in order, each with its bound.
class Walk {
 public:
  Walk(bool is_two_sided, std::span<const double> information)
      : is_two_sided_(is_two_sided), information_(information) {}

  // P(the statistic is first beyond `bound` at the present look, on the upper side).
  double CrossingProbability(double bound) const {
    if (look_ == 0) return NormalAbove(bound);
    const double before = information_[look_ - 1], now = information_[look_];
    const double scale = 1 / std::sqrt(now - before);
    double sum = 0;
    for (size_t i = 0; i < path_.z.size(); ++i) {
      sum += path_.weight[i] * NormalAbove((bound * std::sqrt(now) - path_.z[i] * std::sqrt(before)) * scale);
    }
    return sum;
  }

  // The bound that is crossed with that probability.
  double BoundFor(double probability) const {
    if (!(probability > 0)) return kInfinity;
    double low = -kFar, high = 40;
    for (int i = 0; i < 80 && high - low > 1e-12; ++i) {
      const double middle = (low + high) / 2;
      (CrossingProbability(middle) > probability ? low : high) = middle;
    }
    return (low + high) / 2;
  }

  // Goes on to the next look with those who stayed within `bound`.
  void Continue(double bound) {
    const double high = std::min(bound, kFar), low = is_two_sided_ ? -high : -kFar;
    const bool is_last = look_ + 1 == information_.size();
    const double next = is_last ? information_[look_] : information_[look_ + 1];
    const double step = std::sqrt(std::max(next - information_[look_], 0.0) / information_[look_]);
    const double panel = std::min(0.25, is_last ? 0.25 : 1.5 * std::max(step, 1e-4));
    Path grid = Grid(low, std::max(high, low), panel);
    for (size_t i = 0; i < grid.z.size(); ++i) grid.weight[i] *= DensityAt(grid.z[i]);
    path_ = std::move(grid);
    ++look_;
  }

 private:
  double DensityAt(double z) const {
    if (look_ == 0) return Density(z);
    const double before = information_[look_ - 1], now = information_[look_];
    const double scale = 1 / std::sqrt(now - before);
    double sum = 0;
    for (size_t i = 0; i < path_.z.size(); ++i) {
      sum += path_.weight[i] * Density((z * std::sqrt(now) - path_.z[i] * std::sqrt(before)) * scale);
    }
    return sum * std::sqrt(now) * scale;
  }

  const bool is_two_sided_;
  const std::span<const double> information_;
  size_t look_ = 0;
  Path path_;
};

}  // namespace

double SpentAlpha(const Spending& spending, double alpha, double t) {
  switch (spending.family) {
    case SpendingFamily::kObrienFleming:
      return t <= 0 ? 0 : 2 * NormalAbove(-NormalQuantile(alpha / 2) / std::sqrt(t));
    case SpendingFamily::kPocock:
      return alpha * std::log1p((std::exp(1.0) - 1) * t);
    case SpendingFamily::kHwangShihDeCani:
      if (spending.parameter == 0) return alpha * t;
      return alpha * std::expm1(-spending.parameter * t) / std::expm1(-spending.parameter);
    case SpendingFamily::kPower:
      return alpha * std::pow(t, spending.parameter);
  }
  return alpha;
}

std::vector<double> SpendingBounds(std::span<const double> information, double alpha, int sides,
                                   const Spending& spending) {
  Walk walk(sides == 2, information);
  std::vector<double> bounds;
  double spent = 0;
  for (const double t : information) {
    const double allowed = SpentAlpha(spending, alpha / sides, t);
    bounds.push_back(walk.BoundFor(allowed - spent));
    spent = std::max(spent, allowed);
    walk.Continue(bounds.back());
  }
  return bounds;
}

ClassicDesign ClassicBounds(int looks, double alpha, ClassicShape shape) {
  std::vector<double> information;
  for (int k = 1; k <= looks; ++k) information.push_back(static_cast<double>(k) / looks);
  const auto bound = [&](double constant, double t) {
    return shape == ClassicShape::kPocock ? constant : constant / std::sqrt(t);
  };
  const auto crossing = [&](double constant) {
    Walk walk(/*is_two_sided=*/true, information);
    double sum = 0;
    for (const double t : information) {
      sum += 2 * walk.CrossingProbability(bound(constant, t));
      walk.Continue(bound(constant, t));
    }
    return sum;
  };
  // At least the bound of one look; at most Bonferroni's.
  double low = -NormalQuantile(alpha / 2), high = -NormalQuantile(alpha / 2 / looks) + 1e-9;
  for (int i = 0; i < 40 && high - low > 1e-9; ++i) {
    const double middle = (low + high) / 2;
    (crossing(middle) > alpha ? low : high) = middle;
  }
  ClassicDesign design{.constant = (low + high) / 2, .bounds = {}};
  for (const double t : information) design.bounds.push_back(bound(design.constant, t));
  return design;
}

}  // namespace weir::stats
