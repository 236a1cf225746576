// The text and the origin that an experiment keeps of its file.

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "config/files.h"
#include "config/parse.h"

namespace weir::config {
namespace {

std::string Document(const std::string& name) {
  return absl::StrCat("apiVersion: weir/v1\nkind: Experiment\nmetadata: {name: ", name,
                      "}\nspec:\n  default: a\n  candidates: [{name: a, weight: 1}]  # of ", name,
                      "\n  match: {service: ", name, "}\n  assignment: {key: [{header: k}]}\n");
}

std::vector<Experiment> Parse(const std::string& text) {
  const auto parsed = ParseExperiments(text, "e.yaml");
  EXPECT_TRUE(parsed.value.has_value()) << ToString(parsed.errors);
  return parsed.value.value_or(std::vector<Experiment>());
}

TEST(SourceTest, AFileOfOneDocumentIsKeptWholeCommentsAndAll) {
  const std::string text = "# before\n---\n" + Document("x") + "# after, without an end";
  ASSERT_EQ(Parse(text).size(), 1u);
  EXPECT_EQ(Parse(text)[0].source, text);
}

TEST(SourceTest, EachDocumentOfAFileIsItsOwnText) {
  const std::string text =
      "---\n# of x\n" + Document("x") + "--- # of y\n" + Document("y") + "---\n---\r\n" + Document("z");
  const std::vector<Experiment> all = Parse(text);
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].source, "# of x\n" + Document("x"));
  EXPECT_EQ(all[1].source, "--- # of y\n" + Document("y"));
  EXPECT_EQ(all[2].source, Document("z"));
  for (const Experiment& experiment : all) {
    Experiment again = Parse(experiment.source).at(0);
    EXPECT_EQ(again, experiment);
  }
}

TEST(SourceTest, ATouchedFileAsksForTheSame) {
  Experiment touched = Parse(Document("x"))[0];
  touched.origin = {.owner = "ann", .modified = absl::FromUnixSeconds(1)};
  EXPECT_EQ(touched, Parse(Document("x"))[0]);
}

TEST(SourceTest, AFilesOriginIsItsOwnerAndWhenItWasWritten) {
  const std::string path = absl::StrCat(testing::TempDir(), "/origin", getpid(), ".yaml");
  std::ofstream(path) << "x";
  const FileOrigin origin = DiskFiles().OriginOf(path);
  EXPECT_FALSE(origin.owner.empty());
  EXPECT_GT(origin.modified, absl::UnixEpoch());
  std::remove(path.c_str());
  EXPECT_EQ(DiskFiles().OriginOf(path).owner, "");
}

}  // namespace
}  // namespace weir::config
