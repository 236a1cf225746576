#include "router/control/state_directory.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>

#include "absl/strings/str_cat.h"

namespace weir::control {
namespace {

class StateDirectoryTest : public testing::Test {
 protected:
  StateDirectoryTest() {
    std::string pattern = absl::StrCat(testing::TempDir(), "/stateXXXXXX");
    root_ = mkdtemp(pattern.data());
  }
  ~StateDirectoryTest() override { std::filesystem::remove_all(root_); }
  std::string path() const { return root_ + "/some/where"; }
  static mode_t ModeOf(const std::string& path) {
    struct stat file {};
    EXPECT_EQ(stat(path.c_str(), &file), 0) << path;
    return file.st_mode & 0777;
  }

  std::string root_;
};

TEST_F(StateDirectoryTest, IsMadeWhereItIsMissing) {
  const auto directory = StateDirectory::Open(path());
  ASSERT_TRUE(directory.ok()) << directory.status();
  EXPECT_TRUE(std::filesystem::is_directory(path()));
  EXPECT_EQ(directory->journal_path(), path() + "/journal.db");
}

TEST_F(StateDirectoryTest, NobodyElseReadsItOrWhatAnEarlierVersionLeftOpen) {
  ASSERT_TRUE(StateDirectory::Open(path()).ok());
  EXPECT_EQ(ModeOf(path()), 0700u);
  std::filesystem::create_directory(path() + "/reports");
  for (const char* name : {"/journal.db", "/journal.db-wal", "/reports", ""}) {
    std::ofstream(path() + name).flush();
    ASSERT_EQ(chmod((path() + name).c_str(), 0755), 0);
  }
  ASSERT_TRUE(StateDirectory::Open(path()).ok());
  EXPECT_EQ(ModeOf(path() + "/journal.db"), 0600u);
  EXPECT_EQ(ModeOf(path() + "/journal.db-wal"), 0600u);
  EXPECT_EQ(ModeOf(path() + "/reports"), 0700u);
  EXPECT_EQ(ModeOf(path()), 0755u) << "a folder that was there is its owner's";
}

TEST_F(StateDirectoryTest, TwoProxiesNeverShareOne) {
  std::optional<StateDirectory> first = *StateDirectory::Open(path());
  const absl::Status second = StateDirectory::Open(path()).status();
  EXPECT_TRUE(absl::IsAlreadyExists(second)) << second;
  first.reset();
  EXPECT_TRUE(StateDirectory::Open(path()).ok());
}

TEST_F(StateDirectoryTest, TheReplicaStaysAndEachStartIsAnotherBoot) {
  const stats::Issuer first = StateDirectory::Open(path())->issuer();
  const stats::Issuer second = StateDirectory::Open(path())->issuer();
  EXPECT_EQ(second.replica, first.replica);
  EXPECT_EQ(second.boot, first.boot + 1);
}

TEST_F(StateDirectoryTest, ADamagedRecordMakesAnotherReplicaSoThatNoTicketIsIssuedTwice) {
  const stats::Issuer first = StateDirectory::Open(path())->issuer();
  std::ofstream(path() + "/replica", std::ios::trunc) << "nonsense";
  EXPECT_NE(StateDirectory::Open(path())->issuer().replica, first.replica);
}

TEST_F(StateDirectoryTest, AFileInItsPlaceIsAClearError) {
  std::ofstream(root_ + "/file") << "x";
  const absl::Status status = StateDirectory::Open(root_ + "/file").status();
  EXPECT_FALSE(status.ok());
  EXPECT_NE(status.message().find(root_ + "/file"), std::string::npos) << status;
}

}  // namespace
}  // namespace weir::control
