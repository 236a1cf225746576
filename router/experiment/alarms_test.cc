#include "router/experiment/alarms.h"

#include "gtest/gtest.h"

namespace weir::experiment {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1'700'000'000);

TEST(AlarmsTest, WithoutAnAlarmNothingStands) { EXPECT_FALSE(Alarms().StandAt(kStart)); }

TEST(AlarmsTest, AlarmsWithoutAQuietTimeBetweenAreOneWarning) {
  Alarms alarms;
  for (int i = 0; i < 10; ++i) alarms.Note(kStart + i * (Alarms::kQuiet - absl::Seconds(1)));
  EXPECT_EQ(alarms.count, 10);
  EXPECT_EQ(alarms.since, kStart);
}

TEST(AlarmsTest, AfterAQuietTimeAnAlarmIsAnotherWarning) {
  Alarms alarms;
  alarms.Note(kStart);
  EXPECT_TRUE(alarms.StandAt(kStart + Alarms::kQuiet - absl::Seconds(1)));
  EXPECT_FALSE(alarms.StandAt(kStart + Alarms::kQuiet));
  alarms.Note(kStart + Alarms::kQuiet);
  EXPECT_EQ(alarms.since, kStart + Alarms::kQuiet);
}

TEST(AlarmsTest, AClockThatWasSetBackKeepsNoWarningForEver) {
  Alarms alarms;
  alarms.Note(kStart);
  EXPECT_FALSE(alarms.StandAt(kStart - absl::Hours(1)));
}

}  // namespace
}  // namespace weir::experiment
