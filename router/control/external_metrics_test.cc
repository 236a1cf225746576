#include "router/control/external_metrics.h"

#include "gtest/gtest.h"

namespace weir::control {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

config::QueryMetric AQuery(const std::string& name) {
  return {.name = name, .server = {"prom", 9090, ""}, .query = "x", .max_age = absl::Minutes(2)};
}

struct Shown {
  v1::ExperimentStatus status;
  std::vector<stats::QueryMetrics> metrics;
};

Shown Show(const ExternalMetrics& metrics, const experiment::ExternalValues& values, absl::Time now = kNow) {
  Shown shown;
  metrics.Show("income", values, now, shown.status, shown.metrics);
  return shown;
}

TEST(ExternalMetricsTest, BeforeTheFirstAnswerThereIsNoValue) {
  ExternalMetrics metrics;
  metrics.Follow({AQuery("revenue")});
  const Shown shown = Show(metrics, {});
  EXPECT_FALSE(shown.status.external_metrics(0).has_value());
  EXPECT_FALSE(shown.status.external_metrics(0).believed());
  EXPECT_FALSE(shown.metrics.at(0).value.has_value());
}

TEST(ExternalMetricsTest, AValueIsBelievedUntilItsGreatestAge) {
  ExternalMetrics metrics;
  metrics.Follow({AQuery("revenue")});
  const experiment::ExternalValues values = {{"revenue", {42, kNow}}};
  EXPECT_TRUE(Show(metrics, values, kNow + absl::Minutes(2)).status.external_metrics(0).believed());
  const Shown old = Show(metrics, values, kNow + absl::Minutes(2) + absl::Seconds(1));
  EXPECT_FALSE(old.status.external_metrics(0).believed());
  EXPECT_EQ(old.status.external_metrics(0).value(), 42);
  EXPECT_EQ(old.status.external_metrics(0).age().seconds(), 121);
  EXPECT_EQ(old.metrics.at(0).age_seconds, 121);
}

TEST(ExternalMetricsTest, AFailureIsCountedAndShownUntilTheNextAnswer) {
  ExternalMetrics metrics;
  metrics.Follow({AQuery("revenue")});
  EXPECT_TRUE(metrics.Take("revenue", absl::UnavailableError("down"), kNow));
  EXPECT_FALSE(metrics.Take("revenue", absl::UnavailableError("still down"), kNow + absl::Seconds(1)));
  const Shown down = Show(metrics, {}, kNow + absl::Seconds(3));
  EXPECT_EQ(down.status.external_metrics(0).error(), "still down");
  EXPECT_EQ(down.status.external_metrics(0).error_age().seconds(), 2);
  EXPECT_EQ(down.metrics.at(0).failures, 2);
  EXPECT_TRUE(metrics.Take("revenue", absl::OkStatus(), kNow + absl::Seconds(4)));
  EXPECT_FALSE(metrics.Take("revenue", absl::OkStatus(), kNow + absl::Seconds(5)));
  const Shown well = Show(metrics, {});
  EXPECT_EQ(well.status.external_metrics(0).error(), "");
  EXPECT_EQ(well.metrics.at(0).answers, 2);
  EXPECT_EQ(well.metrics.at(0).failures, 2);
}

TEST(ExternalMetricsTest, WhatIsNotAskedIsPassedOver) {
  ExternalMetrics metrics;
  metrics.Follow({AQuery("revenue")});
  EXPECT_FALSE(metrics.Take("other", absl::UnavailableError("down"), kNow));
  metrics.Follow({});
  EXPECT_TRUE(Show(metrics, {}).metrics.empty());
}

}  // namespace
}  // namespace weir::control
