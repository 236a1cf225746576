#include "router/admin/http_pages.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace weir::admin {
namespace {

using ::testing::HasSubstr;

const absl::Time kNow = absl::FromUnixMillis(1'800'000'000'500);

control::Snapshot SnapshotOf(absl::Duration age, bool is_ready = true) {
  control::Snapshot snapshot;
  const int64_t nanos = absl::ToUnixNanos(kNow - age);
  snapshot.status.mutable_now()->set_seconds(nanos / 1'000'000'000);
  snapshot.status.mutable_now()->set_nanos(static_cast<int>(nanos % 1'000'000'000));
  snapshot.status.set_ready(is_ready);
  snapshot.metrics.connections = 42;
  return snapshot;
}

HttpReply Get(std::string_view path, const control::Snapshot* snapshot, bool is_draining = false) {
  HttpState state;
  state.snapshot = snapshot;
  state.now = kNow;
  state.is_draining = is_draining;
  state.render_metrics = [](const stats::MetricsSnapshot& m) { return "connections " + std::to_string(m.connections); };
  state.metrics_type = "text/metrics";
  return AnswerHttp(path, state);
}

TEST(HealthzTest, IsWellWhileTheControlThreadTicks) {
  const auto fresh = SnapshotOf(absl::Milliseconds(100)), late = SnapshotOf(kSilenceOfAHang);
  EXPECT_EQ(Get("/healthz", &fresh).status, 200);
  EXPECT_EQ(Get("/healthz", &late).status, 200);
}

TEST(HealthzTest, IsIllWhenTheControlThreadHangsAndSaysForHowLong) {
  const auto hung = SnapshotOf(absl::Seconds(73));
  EXPECT_EQ(Get("/healthz", &hung).status, 503);
  EXPECT_THAT(Get("/healthz", &hung).body, HasSubstr("silent for 73 s"));
}

TEST(HealthzTest, IsWellWhileStartingAndWhileDraining) {
  const auto fresh = SnapshotOf(absl::ZeroDuration(), /*is_ready=*/false);
  EXPECT_EQ(Get("/healthz", nullptr).status, 200);
  EXPECT_EQ(Get("/healthz", &fresh).status, 200);
  EXPECT_EQ(Get("/healthz", &fresh, /*is_draining=*/true).status, 200);
}

TEST(ReadyzTest, IsReadyOnlyBetweenTheFirstTableAndTheDrain) {
  const auto ready = SnapshotOf(absl::ZeroDuration()), unready = SnapshotOf(absl::ZeroDuration(), /*is_ready=*/false);
  EXPECT_EQ(Get("/readyz", nullptr).body, "starting\n");
  EXPECT_EQ(Get("/readyz", &unready).body, "not ready\n");
  EXPECT_EQ(Get("/readyz", &ready).body, "ready\n");
  EXPECT_EQ(Get("/readyz", &ready).status, 200);
  EXPECT_EQ(Get("/readyz", &ready, /*is_draining=*/true).body, "draining\n");
  EXPECT_EQ(Get("/readyz", &ready, /*is_draining=*/true).status, 503);
}

TEST(ReadyzTest, AHangIsNotReady) {
  const auto hung = SnapshotOf(absl::Minutes(1));
  EXPECT_EQ(Get("/readyz", &hung).status, 503);
}

TEST(MetricsPageTest, RendersTheSnapshotUnderItsMediaType) {
  const auto fresh = SnapshotOf(absl::ZeroDuration());
  const HttpReply reply = Get("/metrics", &fresh);
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.content_type, "text/metrics");
  EXPECT_EQ(reply.body, "connections 42");
  EXPECT_EQ(Get("/metrics", nullptr).status, 503);
}

TEST(HttpPagesTest, AnythingElseIsNotFoundAndSaysWhatIs) {
  for (const char* path : {"/metrics/", "/x", "", "/healthz?x", "//metrics"}) {
    EXPECT_EQ(Get(path, nullptr).status, 404) << path;
    EXPECT_THAT(Get(path, nullptr).body, HasSubstr("/metrics"));
  }
  EXPECT_EQ(Get("/", nullptr).status, 200);
}

}  // namespace
}  // namespace weir::admin
