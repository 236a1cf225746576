#include "router/control/failed_calls.h"

#include <gtest/gtest.h>

#include "router/experiment/proto_time.h"

namespace weir::control {
namespace {

stats::FailedCall CallAt(int second) {
  stats::FailedCall call;
  call.started = absl::FromUnixSeconds(second);
  call.latency = absl::Microseconds(1500);
  call.grpc_code = 13;
  call.path = "/a.B/C";
  call.metadata = {{"x-user-id", "u"}};
  return call;
}

TEST(FailedCallsTest, TheLastOfEachVariantAreKept) {
  FailedCalls calls;
  for (int i = 0; i < 60; ++i) calls.Add(1, "candidate", CallAt(2 * i));
  for (int i = 0; i < 3; ++i) calls.Add(1, "baseline", CallAt(101 + 2 * i));
  const std::vector<v1::FailedCallRecord> kept = calls.Of(1);
  ASSERT_EQ(kept.size(), FailedCalls::kKept + 3);
  EXPECT_EQ(kept.front().started_at().seconds(), 20);
  EXPECT_EQ(kept.back().started_at().seconds(), 118);
  for (size_t i = 1; i < kept.size(); ++i) {
    EXPECT_LE(kept[i - 1].started_at().seconds(), kept[i].started_at().seconds());
  }
  EXPECT_EQ(kept.front().variant(), "candidate");
  EXPECT_DOUBLE_EQ(kept.front().latency_ms(), 1.5);
  EXPECT_EQ(kept.front().metadata(0).value(), "u");
}

TEST(FailedCallsTest, ANewRunForgetsTheOneBefore) {
  FailedCalls calls;
  calls.Add(1, "candidate", CallAt(1));
  calls.Add(2, "candidate", CallAt(2));
  calls.Add(1, "candidate", CallAt(3));  // It ended late.
  EXPECT_TRUE(calls.Of(1).empty());
  EXPECT_EQ(calls.Of(2).size(), 1u);
}

}  // namespace
}  // namespace weir::control
