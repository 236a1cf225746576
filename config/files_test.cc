#include "config/files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "gtest/gtest.h"

namespace weir::config {
namespace {

namespace fs = std::filesystem;

// A folder of the test's own.
class DiskFilesTest : public testing::Test {
 protected:
  DiskFilesTest() : folder_(fs::path(testing::TempDir()) / ("files_test." + std::to_string(getpid()))) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  ~DiskFilesTest() override { fs::remove_all(folder_); }
  std::string Path(const std::string& name) const { return (folder_ / name).string(); }
  void Write(const std::string& name, const std::string& text) { std::ofstream(folder_ / name) << text; }

  fs::path folder_;
  DiskFiles files_;
};

TEST_F(DiskFilesTest, FollowsTheLinksOfAMountedConfigMap) {
  fs::create_directory(folder_ / "..2024");
  Write("..2024/a.yaml", "text");
  fs::create_directory_symlink("..2024", folder_ / "..data");
  fs::create_symlink("..data/a.yaml", folder_ / "a.yaml");
  EXPECT_EQ(files_.KindOf(Path("a.yaml")), FileReader::Kind::kFile);
  EXPECT_EQ(files_.KindOf(Path("..data")), FileReader::Kind::kFolder);
  EXPECT_EQ(*files_.Read(Path("a.yaml"), 100), "text");
  EXPECT_EQ(*files_.List(folder_.string()), (std::vector<std::string>{"..2024", "..data", "a.yaml"}));
}

TEST_F(DiskFilesTest, ADanglingLinkIsAbsent) {
  fs::create_symlink("nowhere", folder_ / "a.yaml");
  EXPECT_EQ(files_.KindOf(Path("a.yaml")), FileReader::Kind::kAbsent);
  EXPECT_FALSE(files_.Read(Path("a.yaml"), 100).ok());
}

TEST_F(DiskFilesTest, RefusesMoreThanWasAllowedAndNoByteLess) {
  Write("a", std::string(50'000, 'x'));
  EXPECT_EQ(files_.Read(Path("a"), 50'000)->size(), 50'000u);
  EXPECT_EQ(files_.Read(Path("a"), 49'999).status().code(), absl::StatusCode::kResourceExhausted);
}

TEST_F(DiskFilesTest, APipeOrADeviceNeverMakesUsWait) {
  ASSERT_EQ(mkfifo(Path("pipe").c_str(), 0600), 0);
  EXPECT_EQ(files_.KindOf(Path("pipe")), FileReader::Kind::kOther);
  EXPECT_FALSE(files_.Read(Path("pipe"), 100).ok());
  EXPECT_FALSE(files_.Read("/dev/zero", 100).ok());
  EXPECT_FALSE(files_.Read(folder_.string(), 100).ok());
}

TEST_F(DiskFilesTest, WhatIsNotThereIsAnError) {
  EXPECT_EQ(files_.Read(Path("none"), 100).status().code(), absl::StatusCode::kNotFound);
  EXPECT_FALSE(files_.List(Path("none")).ok());
}

TEST(MemoryFilesTest, EveryPartOfAPathIsAFolder) {
  const MemoryFiles files({{"a/b/c", "1"}, {"a/d", "22"}});
  EXPECT_EQ(files.KindOf("a"), FileReader::Kind::kFolder);
  EXPECT_EQ(files.KindOf("a/b"), FileReader::Kind::kFolder);
  EXPECT_EQ(files.KindOf("a/d"), FileReader::Kind::kFile);
  EXPECT_EQ(files.KindOf("a/e"), FileReader::Kind::kAbsent);
  EXPECT_EQ(*files.List("a"), (std::vector<std::string>{"b", "d"}));
  EXPECT_EQ(files.KindOf("a/"), FileReader::Kind::kFolder);
  EXPECT_EQ(*files.List("a/"), (std::vector<std::string>{"b", "d"}));
  EXPECT_FALSE(files.Read("a/d", 1).ok());
}

}  // namespace
}  // namespace weir::config
