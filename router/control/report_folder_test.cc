#include "router/control/report_folder.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "router/experiment/proto_time.h"

namespace weir::control {
namespace {

class ReportFolderTest : public testing::Test {
 protected:
  ReportFolderTest() {
    std::string pattern = absl::StrCat(testing::TempDir(), "/reportsXXXXXX");
    root_ = mkdtemp(pattern.data());
  }
  ~ReportFolderTest() override { std::filesystem::remove_all(root_); }

  ReportFolder folder() const { return ReportFolder(root_ + "/reports"); }

  static v1::RunReport Of(const std::string& experiment, uint32_t run, int second) {
    v1::RunReport report;
    report.set_experiment(experiment);
    report.set_run(run);
    report.set_is_rolled_back(true);
    *report.mutable_at() = experiment::TimestampOf(absl::FromUnixMillis(1'700'000'000'123 + 1000 * second));
    return report;
  }

  std::string root_;
};

TEST_F(ReportFolderTest, AReportIsAPageAndTheSameAsJson) {
  const auto path = folder().Write(Of("digits", 3, 0));
  ASSERT_TRUE(path.ok()) << path.status();
  EXPECT_TRUE(absl::EndsWith(*path, "/reports/digits-run3-20231114T221320.123Z.md")) << *path;
  EXPECT_TRUE(std::filesystem::exists(*path));
  EXPECT_TRUE(std::filesystem::exists(path->substr(0, path->size() - 3) + ".json"));
}

TEST_F(ReportFolderTest, AReportIsWrittenOnce) {
  const auto path = folder().Write(Of("digits", 3, 0));
  ASSERT_TRUE(path.ok());
  std::ofstream(*path) << "read and noted upon";
  EXPECT_EQ(*folder().Write(Of("digits", 3, 0)), "");
  EXPECT_TRUE(folder().Has("digits", 3, absl::FromUnixMillis(1'700'000'000'123)));
  EXPECT_FALSE(folder().Has("digits", 4, absl::FromUnixMillis(1'700'000'000'123)));
  std::ifstream page(*path);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(page), {}), "read and noted upon");
}

TEST_F(ReportFolderTest, TheOldestOfAnExperimentGoFirstAndOthersStay) {
  ASSERT_TRUE(folder().Write(Of("digits-run1", 1, 0)).ok());
  for (int i = 0; i < 103; ++i) ASSERT_TRUE(folder().Write(Of("digits", static_cast<uint32_t>(i + 1), i)).ok());
  const std::vector<std::string> kept = folder().Of("digits");
  ASSERT_EQ(kept.size(), ReportFolder::kKept);
  EXPECT_NE(kept.front().find("digits-run4-"), std::string::npos) << kept.front();
  EXPECT_NE(kept.back().find("digits-run103-"), std::string::npos) << kept.back();
  EXPECT_EQ(folder().Of("digits-run1").size(), 1u);
  EXPECT_TRUE(folder().Of("other").empty());
}

TEST_F(ReportFolderTest, AFolderThatCannotBeMadeIsAnError) {
  std::ofstream(root_ + "/reports") << "a file";
  EXPECT_FALSE(folder().Write(Of("digits", 1, 0)).ok());
}

}  // namespace
}  // namespace weir::control
