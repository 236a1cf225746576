// That a test which changes nothing is not taken for a success, though it is looked at all the time.

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "router/experiment/decision.h"

namespace weir::experiment {
namespace {

// A test of two variants of which each has 1,000 users with habits of their own, who come back very unequally.
class NullTest {
 public:
  NullTest(uint64_t seed, double lift) : random_(seed), lift_(lift) {
    std::gamma_distribution<double> visits(0.7, 1.0);
    std::normal_distribution<double> habit(0, 0.1);
    for (Side& side : sides_) {
      for (int user = 0; user < 1000; ++user) {
        side.visits.push_back(visits(random_) + 0.01);
        side.rate.push_back(std::clamp(0.7 + habit(random_), 0.05, 0.95));
      }
      side.pick = std::discrete_distribution<int>(side.visits.begin(), side.visits.end());
    }
    evidence_ = {.now = absl::FromUnixSeconds(1'700'000'000), .begun = evidence_.now, .default_variant = "a"};
    for (const char* name : {"a", "b"}) {
      evidence_.variants.push_back({.name = name, .weight = config::Weight::FromHundredths(5000)});
    }
    criteria_.metrics = {{.name = "accuracy", .field = "accuracy", .role = config::Role::kPrimary}};
    criteria_.analysis = {.needs_non_inferiority = false, .needs_primaries = true};
  }

  // One look after 100 more calls of each variant.
  Verdict Look() {
    evidence_.now += absl::Seconds(10);
    for (int v = 0; v < 2; ++v) {
      VariantFacts& facts = evidence_.variants[v];
      for (int call = 0; call < 100; ++call) {
        const int user = sides_[v].pick(random_);
        const auto bucket = static_cast<uint8_t>((static_cast<uint64_t>(user * 2 + v) * 0x9E3779B97F4A7C15u) >> 56);
        const double rate = sides_[v].rate[user] + (v == 1 ? lift_ : 0);
        facts.counts.CountStart(stats::TickOf(evidence_.now), bucket);
        facts.counts.CountEnd({.started = stats::TickOf(evidence_.now),
                               .user_bucket = bucket,
                               .outcome = stats::CallOutcome::kSuccess,
                               .latency = absl::Milliseconds(10)});
        facts.outcomes["accuracy"].Add(bucket, chance_(random_) < rate ? 1 : 0);
        ++facts.assigned[bucket];
      }
      facts.newest = evidence_.now;
    }
    return Decide(criteria_, evidence_).verdict;
  }

 private:
  struct Side {
    std::vector<double> visits, rate;
    std::discrete_distribution<int> pick;
  };
  std::mt19937_64 random_;
  double lift_;
  std::uniform_real_distribution<double> chance_;
  std::array<Side, 2> sides_;
  Criteria criteria_;
  Evidence evidence_;
};

// How many of the runs ever say so, with 60 looks each.
int RunsThatEverSay(Verdict wanted, int runs, double lift) {
  int said = 0;
  for (int run = 0; run < runs; ++run) {
    NullTest test(static_cast<uint64_t>(20'000 + run), lift);
    for (int look = 0; look < 60; ++look) {
      if (test.Look() != wanted) continue;
      ++said;
      break;
    }
  }
  return said;
}

TEST(DecisionStatisticalTest, ANullTestEndsInSuccessInAtMostAlphaOfRuns) {
  const int said = RunsThatEverSay(Verdict::kSuccess, 200, 0);
  RecordProperty("successes_of_200", said);
  // At exactly alpha, 0.05, more than 16 of 200 have probability 0.02; the sequence is asymptotic, and conservative.
  EXPECT_LE(said, 16);
}

// A candidate like its default, with one call in a hundred: how often its value is ever recommended, of 60 looks a run.
int RunsThatRecommend(const Criteria& criteria, int runs) {
  int recommended = 0;
  for (int run = 0; run < runs; ++run) {
    std::mt19937_64 random(static_cast<uint64_t>(run));
    std::uniform_real_distribution<double> uniform;
    Evidence evidence{.now = absl::FromUnixSeconds(1'700'000'000), .begun = {}, .default_variant = "a"};
    evidence.begun = evidence.now;
    evidence.variants = {{.name = "a", .weight = config::Weight::FromHundredths(9900)},
                         {.name = "b", .weight = config::Weight::FromHundredths(100)}};
    for (int look = 0; look < 60; ++look) {
      evidence.now += absl::Seconds(10);
      for (int call = 0; call < 400; ++call) {
        VariantFacts& facts = evidence.variants[uniform(random) < 0.01 ? 1 : 0];
        const auto bucket = static_cast<uint8_t>(random() >> 56);
        const stats::Tick tick = stats::TickOf(evidence.now);
        facts.counts.CountStart(tick, bucket);
        facts.counts.CountEnd(
            {.started = tick,
             .user_bucket = bucket,
             .outcome = uniform(random) < 0.01 ? stats::CallOutcome::kError : stats::CallOutcome::kSuccess,
             .latency = absl::Milliseconds(10)});
        facts.outcomes["accuracy"].Add(bucket, uniform(random) < 0.8 ? 1 : 0);
        ++facts.assigned[bucket];
        facts.newest = evidence.now;
      }
      if (Decide(criteria, evidence).verdict != Verdict::kSuccess) continue;
      ++recommended;
      break;
    }
  }
  return recommended;
}

// Half of the runs did, while a candidate's first calls were taken for all that there is to know.
TEST(DecisionStatisticalTest, ACandidateLikeItsDefaultIsHardlyEverRecommendedHoweverSmallItsShare) {
  Criteria criteria{.metrics = {{.name = "accuracy", .field = "accuracy", .role = config::Role::kPrimary}},
                    .analysis = {.needs_non_inferiority = false, .needs_value = true}};
  criteria.weights = config::DecisionWeights{.revenue_per_accuracy_point = 0.5};
  EXPECT_LE(RunsThatRecommend(criteria, 40), 4);
  criteria.weights = config::DecisionWeights{.risk_per_error_point = 10};
  EXPECT_LE(RunsThatRecommend(criteria, 40), 4);
}

TEST(DecisionStatisticalTest, UnequalUsersAreRarelyTakenForAMismatch) {
  // Its alpha is a thousandth, over two ratios.
  EXPECT_LE(RunsThatEverSay(Verdict::kInconclusive, 200, 0), 2);
}

TEST(DecisionStatisticalTest, ARealLiftIsFound) { EXPECT_GE(RunsThatEverSay(Verdict::kSuccess, 20, 0.12), 18); }

}  // namespace
}  // namespace weir::experiment
