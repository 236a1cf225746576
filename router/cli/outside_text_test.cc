#include "router/cli/outside_text.h"

#include <google/protobuf/text_format.h>

#include "gtest/gtest.h"

namespace weir::cli {
namespace {

TEST(OutsideTextTest, ANumberHasItsAgeAndWhatIsWrongWithIt) {
  weir::v1::ExperimentStatus experiment;
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(R"(
    external_metrics { name: "revenue" value: 1234.5 age { seconds: 12 nanos: 345000000 } believed: true answers: 9 }
    external_metrics { name: "returns" value: 7 age { seconds: 600 } error: "it answers HTTP 503" failures: 4 }
    external_metrics { name: "new" error: "no series" failures: 1 })",
                                                            &experiment));
  EXPECT_EQ(ExternalMetricsText(experiment),
            "  from outside   value    age  failures\n"
            "  revenue       1234.5  12.3s         0\n"
            "  returns            7    10m         4  TOO OLD to be believed; it answers HTTP 503\n"
            "  new                -      -         1  no series\n");
}

TEST(OutsideTextTest, ATargetHasItsCountsAndLastError) {
  weir::v1::Status status;
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(R"(
    notify_targets { target: "webhook http://hook:80" sent: 12 }
    notify_targets { target: "slack http://chat:80" queued: 3 failed: 5 dropped: 1 last_error: "it answers HTTP 500" })",
                                                            &status));
  EXPECT_EQ(NotifyTargetsText(status),
            "  notified                sent  waiting  failures  dropped\n"
            "  webhook http://hook:80    12        0         0        0\n"
            "  slack http://chat:80       0        3         5        1  it answers HTTP 500\n");
}

TEST(OutsideTextTest, WithoutAnythingOutsideThereIsNothing) {
  EXPECT_EQ(ExternalMetricsText({}), "");
  EXPECT_EQ(NotifyTargetsText({}), "");
}

}  // namespace
}  // namespace weir::cli
