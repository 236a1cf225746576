#include "router/control/rotating_file.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace weir::control {
namespace {

std::string ReadFile(const std::string& path) {
  std::ifstream in(path);
  if (!in) return "(none)";
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

class RotatingFileTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string folder = testing::TempDir() + "rotating-XXXXXX";
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    path_ = folder + "/log";
  }
  std::string path_;
};

TEST_F(RotatingFileTest, AFileNeverGrowsBeyondItsBoundAndTheOldestGoes) {
  RotatingFile file(path_, 10, 3);
  for (const char* line : {"aaaa\n", "bbbb\n", "cccc\n", "dddd\n", "eeee\n", "ffff\n", "gggg\n"}) {
    ASSERT_TRUE(file.Append(line).ok());
  }
  EXPECT_EQ(ReadFile(path_), "gggg\n");
  EXPECT_EQ(ReadFile(path_ + ".1"), "eeee\nffff\n");
  EXPECT_EQ(ReadFile(path_ + ".2"), "cccc\ndddd\n");
  EXPECT_EQ(ReadFile(path_ + ".3"), "(none)");
}

TEST_F(RotatingFileTest, ItsGroupMayReadItWhateverTheUmask) {
  const mode_t before = umask(077);
  EXPECT_TRUE(RotatingFile(path_, 100, 3).Append("a\n").ok());
  umask(before);
  struct stat file;
  ASSERT_EQ(stat(path_.c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777, 0640u);
}

TEST_F(RotatingFileTest, OneFileAloneBeginsAnew) {
  RotatingFile file(path_, 10, 1);
  for (const char* line : {"aaaa\n", "bbbb\n", "cccc\n"}) ASSERT_TRUE(file.Append(line).ok());
  EXPECT_EQ(ReadFile(path_), "cccc\n");
  EXPECT_EQ(ReadFile(path_ + ".1"), "(none)");
}

TEST_F(RotatingFileTest, WhatIsThereIsGoneOnWithAndATornLineIsCutOff) {
  std::ofstream(path_) << "whole\ntor";
  RotatingFile file(path_, 100, 2);
  ASSERT_TRUE(file.Append("next\n").ok());
  EXPECT_EQ(ReadFile(path_), "whole\nnext\n");
}

TEST_F(RotatingFileTest, ABeginningThatIsNoLineIsCutOffToo) {
  std::ofstream(path_) << "tor";
  RotatingFile file(path_, 100, 2);
  ASSERT_TRUE(file.Append("next\n").ok());
  EXPECT_EQ(ReadFile(path_), "next\n");
}

TEST_F(RotatingFileTest, WhereSomebodyElseRotatesItANewFileIsBegun) {
  RotatingFile file(path_, 100, 2);
  ASSERT_TRUE(file.Append("one\n").ok());
  ASSERT_EQ(std::rename(path_.c_str(), (path_ + ".old").c_str()), 0);
  ASSERT_TRUE(file.Append("two\n").ok());
  EXPECT_EQ(ReadFile(path_), "two\n");
  ASSERT_EQ(unlink(path_.c_str()), 0);
  ASSERT_TRUE(file.Append("three\n").ok());
  EXPECT_EQ(ReadFile(path_), "three\n");
  EXPECT_EQ(ReadFile(path_ + ".old"), "one\n");
}

TEST_F(RotatingFileTest, AFolderThatComesLaterIsUsedWhenItIsThere) {
  RotatingFile file(path_ + "/deeper/log", 100, 2);
  const absl::Status status = file.Append("one\n");
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("deeper/log: cannot open"));
  ASSERT_EQ(mkdir(path_.c_str(), 0700), 0);
  ASSERT_EQ(mkdir((path_ + "/deeper").c_str(), 0700), 0);
  EXPECT_TRUE(file.Append("two\n").ok());
  EXPECT_EQ(ReadFile(path_ + "/deeper/log"), "two\n");
}

TEST_F(RotatingFileTest, ADiskThatIsFullTearsNoLine) {
  RotatingFile file(path_, 100, 2);
  ASSERT_TRUE(file.Append("one\n").ok());
  // A file that may not grow beyond 6 bytes stands in for the disk.
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  signal(SIGXFSZ, SIG_IGN);
  const rlimit small{6, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const absl::Status status = file.Append("two\n");
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(ReadFile(path_), "one\n");
  EXPECT_TRUE(file.Append("three\n").ok());
  EXPECT_EQ(ReadFile(path_), "one\nthree\n");
}

}  // namespace
}  // namespace weir::control
