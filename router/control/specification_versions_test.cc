#include "router/control/specification_versions.h"

#include <gtest/gtest.h>

#include <string>

namespace weir::control {
namespace {

config::Experiment Filed(std::string text, std::string owner = "ann") {
  config::Experiment experiment;
  experiment.source = std::move(text);
  experiment.file = "x.yaml";
  experiment.origin = {.owner = std::move(owner), .modified = absl::FromUnixSeconds(7)};
  return experiment;
}

TEST(SpecificationVersionsTest, EachTextIsAVersionUntilTheJournalHoldsIt) {
  SpecificationVersions versions;
  EXPECT_EQ(versions.ordinal(), 0u);
  EXPECT_FALSE(versions.Unjournalled());
  versions.TakeUp(Filed("a"));
  ASSERT_TRUE(versions.Unjournalled());
  EXPECT_EQ(versions.Unjournalled()->ordinal, 1u);
  EXPECT_EQ(versions.Unjournalled()->text, "a");
  EXPECT_EQ(versions.Unjournalled()->owner, "ann");
  EXPECT_EQ(versions.Unjournalled()->modified, absl::FromUnixSeconds(7));
  versions.NoteJournalled(1);
  EXPECT_FALSE(versions.Unjournalled());
  EXPECT_EQ(versions.ordinal(), 1u);
}

TEST(SpecificationVersionsTest, TheSameTextIsNoNewVersionWhoeverWroteIt) {
  SpecificationVersions versions;
  versions.TakeUp(Filed("a"));
  versions.NoteJournalled(1);
  versions.TakeUp(Filed("a", "bob"));
  EXPECT_FALSE(versions.Unjournalled());
  versions.TakeUp(Filed("b"));
  versions.TakeUp(Filed("a"));
  EXPECT_EQ(versions.ordinal(), 3u);
}

TEST(SpecificationVersionsTest, ARestartGoesOnFromWhatTheJournalHolds) {
  SpecificationVersions versions;
  versions.Remember({.ordinal = 4, .text = "a"});
  versions.TakeUp(Filed("a"));
  EXPECT_FALSE(versions.Unjournalled());
  versions.TakeUp(Filed("b"));
  EXPECT_EQ(versions.Unjournalled()->ordinal, 5u);
}

TEST(SpecificationVersionsTest, AJournalThatIsReadLateTakesNoOrdinalTwice) {
  SpecificationVersions versions;
  versions.TakeUp(Filed("b"));
  versions.Remember({.ordinal = 4, .text = "a"});
  ASSERT_TRUE(versions.Unjournalled());
  EXPECT_EQ(versions.Unjournalled()->ordinal, 5u);
  SpecificationVersions same;
  same.TakeUp(Filed("a"));
  same.Remember({.ordinal = 4, .text = "a"});
  EXPECT_FALSE(same.Unjournalled());
  EXPECT_EQ(same.ordinal(), 4u);
}

}  // namespace
}  // namespace weir::control
