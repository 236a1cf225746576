#include "router/control/sqlite_journal.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace weir::control {
namespace {

using experiment::Change;
using experiment::CheckpointRow;
using experiment::Remembered;
using experiment::State;

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

class SqliteJournalTest : public testing::Test {
 protected:
  SqliteJournalTest() {
    std::string pattern = absl::StrCat(testing::TempDir(), "/journalXXXXXX");
    folder_ = mkdtemp(pattern.data());
  }
  ~SqliteJournalTest() override { std::filesystem::remove_all(folder_); }

  std::string path() const { return folder_ + "/journal"; }
  absl::StatusOr<std::unique_ptr<SqliteJournal>> Open() const { return SqliteJournal::Open({.path = path()}); }
  std::unique_ptr<SqliteJournal> MustOpen() const {
    auto journal = Open();
    EXPECT_TRUE(journal.ok()) << journal.status();
    return journal.ok() ? *std::move(journal) : nullptr;
  }

  std::string folder_;
};

Change ChangeOf(const std::string& experiment, uint32_t run, bool is_rolled_back = false) {
  State state{.run = {run, "", kNow},
              .epoch = {1, kNow, {.variants = {{"a", config::Weight::FromHundredths(1)}}, .default_variant = 0}},
              .phase = experiment::Running{},
              .phase_since = kNow};
  if (is_rolled_back) state.phase = experiment::RolledBack{};
  return Change{experiment, kNow + absl::Seconds(run), "weir", "reset", "", state};
}

std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

void WriteFile(const std::string& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

TEST_F(SqliteJournalTest, ANewJournalRemembersNothing) {
  const auto remembered = MustOpen()->Load();
  ASSERT_TRUE(remembered.ok()) << remembered.status();
  EXPECT_TRUE(remembered->states.empty());
  EXPECT_EQ(remembered->sequence, 0u);
  EXPECT_EQ(remembered->head, std::string(64, '0'));
}

TEST_F(SqliteJournalTest, TheLastStateOfEachExperimentComesBackAfterReopening) {
  std::string head;
  {
    auto journal = MustOpen();
    ASSERT_TRUE(journal->Append(ChangeOf("x", 1)).ok());
    ASSERT_TRUE(journal->Append(ChangeOf("y", 1)).ok());
    auto appended = journal->Append(ChangeOf("x", 1, true));
    ASSERT_TRUE(appended.ok()) << appended.status();
    head = *appended;
  }
  const auto remembered = MustOpen()->Load();
  ASSERT_TRUE(remembered.ok()) << remembered.status();
  EXPECT_EQ(remembered->sequence, 3u);
  EXPECT_EQ(remembered->head, head);
  EXPECT_EQ(remembered->states.at("x"), ChangeOf("x", 1, true).state);
  EXPECT_EQ(remembered->states.at("y"), ChangeOf("y", 1).state);
}

TEST_F(SqliteJournalTest, AChangeThatIsRepeatedIsWrittenOnce) {
  auto journal = MustOpen();
  const auto first = journal->Append(ChangeOf("x", 1));
  const auto again = journal->Append(ChangeOf("x", 1));
  ASSERT_TRUE(first.ok() && again.ok());
  EXPECT_EQ(*first, *again);
  EXPECT_EQ(journal->Load()->sequence, 1u);
}

TEST_F(SqliteJournalTest, ARowThatCouldNotBeReadBackIsRefusedAndHarmsNoOther) {
  auto journal = MustOpen();
  ASSERT_TRUE(journal->Append(ChangeOf("x", 1)).ok());
  Change unreadable = ChangeOf("y", 1);
  unreadable.grounds.specification = {.ordinal = 1, .text = "", .file = "experiments/y\xff.yaml"};
  for (int attempt = 0; attempt < 2; ++attempt) {
    const absl::Status refused = journal->Append(unreadable).status();
    EXPECT_TRUE(absl::IsInvalidArgument(refused)) << refused;
  }
  EXPECT_TRUE(journal->Append(ChangeOf("y", 2)).ok());
  journal.reset();
  const auto remembered = MustOpen()->Load();
  ASSERT_TRUE(remembered.ok()) << remembered.status();
  EXPECT_EQ(remembered->sequence, 2u);
  EXPECT_EQ(remembered->states.at("y"), ChangeOf("y", 2).state);
}

TEST_F(SqliteJournalTest, CheckpointsAreReplacedInPlaceAndRemoved) {
  const std::string bytes("\0\xff\n", 3);
  {
    auto journal = MustOpen();
    ASSERT_TRUE(journal->WriteCheckpoint(std::vector<CheckpointRow>{{"a", "1"}, {"b", "2"}, {"empty", ""}}).ok());
    ASSERT_TRUE(journal->WriteCheckpoint(std::vector<CheckpointRow>{{"a", bytes}, {"b", std::nullopt}}).ok());
  }
  EXPECT_EQ(MustOpen()->Load()->checkpoints, (std::map<std::string, std::string>{{"a", bytes}, {"empty", ""}}));
}

TEST_F(SqliteJournalTest, ASecondProcessIsToldThatTheJournalIsTaken) {
  auto journal = MustOpen();
  const absl::Status second = Open().status();
  EXPECT_TRUE(absl::IsUnavailable(second)) << second;
  EXPECT_NE(second.message().find("another process"), std::string::npos) << second;
  journal.reset();
  EXPECT_TRUE(Open().ok());
}

TEST_F(SqliteJournalTest, AFullDiskRefusesTheWriteAndLeavesWhatWasThere) {
  { ASSERT_TRUE(MustOpen()->Append(ChangeOf("x", 1)).ok()); }
  auto small = SqliteJournal::Open({.path = path(), .max_bytes = 16 * 4096});
  ASSERT_TRUE(small.ok()) << small.status();
  const std::string much(1 << 20, 'x');
  const absl::Status full = (*small)->WriteCheckpoint(std::vector<CheckpointRow>{{"little", "1"}, {"much", much}});
  EXPECT_TRUE(absl::IsResourceExhausted(full)) << full;

  absl::Status refused;
  uint32_t written = 1;
  while (refused.ok() && written < 1000) {
    Change change = ChangeOf("x", written + 1);
    change.detail = std::string(5000, 'd');
    refused = (*small)->Append(change).status();
    if (refused.ok()) ++written;
  }
  EXPECT_TRUE(absl::IsResourceExhausted(refused)) << refused;
  const auto remembered = (*small)->Load();
  ASSERT_TRUE(remembered.ok()) << remembered.status();
  EXPECT_EQ(remembered->states.at("x").run.ordinal, written);
  EXPECT_TRUE(remembered->checkpoints.empty());
  small->reset();

  // Room again: the same change is taken.
  auto roomy = MustOpen();
  EXPECT_TRUE(roomy->Append(ChangeOf("x", written + 1)).ok());
  EXPECT_EQ(roomy->Load()->sequence, written + 1);
}

TEST_F(SqliteJournalTest, AFolderThatCannotBeWrittenIsAClearError) {
  // sysfs takes no file from anybody, whoever runs this test.
  const auto journal = SqliteJournal::Open({.path = "/sys/journal"});
  EXPECT_TRUE(absl::IsFailedPrecondition(journal.status())) << journal.status();
  EXPECT_NE(journal.status().message().find("cannot be written"), std::string::npos) << journal.status();
}

TEST_F(SqliteJournalTest, AMissingFolderIsAClearError) {
  const auto journal = SqliteJournal::Open({.path = folder_ + "/none/journal"});
  EXPECT_TRUE(absl::IsFailedPrecondition(journal.status())) << journal.status();
}

TEST_F(SqliteJournalTest, AnEmptyOrForeignFileIsDamageAndNotAFreshStart) {
  for (const std::string& content : {std::string(), std::string("not a journal at all"), std::string(8192, '\0')}) {
    WriteFile(path(), content);
    const auto journal = Open();
    EXPECT_TRUE(absl::IsDataLoss(journal.status())) << journal.status();
    EXPECT_NE(journal.status().message().find(path()), std::string::npos);
  }
}

class DamageTest : public SqliteJournalTest {
 protected:
  DamageTest() {
    auto journal = MustOpen();
    for (uint32_t run = 1; run <= 5; ++run) EXPECT_TRUE(journal->Append(ChangeOf("x", run)).ok());
    EXPECT_TRUE(journal->Append(ChangeOf("x", 5, true)).ok());
    EXPECT_TRUE(journal->WriteCheckpoint(std::vector<CheckpointRow>{{"a", "statistics"}}).ok());
    intact_ = *journal->Load();
    journal.reset();
    bytes_ = ReadFile(path());
  }

  // Refused, or exactly what was written: never less, never other.
  void ExpectRefusedOrIntact(const std::string& damage) {
    auto journal = Open();
    if (!journal.ok()) return;
    const auto remembered = (*journal)->Load();
    if (!remembered.ok()) return;
    EXPECT_EQ(remembered->states, intact_.states) << damage;
    EXPECT_EQ(remembered->checkpoints, intact_.checkpoints) << damage;
    EXPECT_EQ(remembered->head, intact_.head) << damage;
  }

  Remembered intact_;
  std::string bytes_;
};

TEST_F(DamageTest, ACutFileNeverForgetsALatch) {
  for (size_t length = 0; length < bytes_.size(); length += 509) {
    WriteFile(path(), std::string_view(bytes_).substr(0, length));
    auto journal = Open();
    EXPECT_FALSE(journal.ok() && (*journal)->Load().ok()) << length;
  }
}

TEST_F(DamageTest, AFlippedByteAnywhereIsRefusedOrChangesNothing) {
  for (size_t place = 0; place < bytes_.size(); place += 41) {
    std::string flipped = bytes_;
    flipped[place] = static_cast<char>(flipped[place] ^ 0x15);
    WriteFile(path(), flipped);
    ExpectRefusedOrIntact(absl::StrCat("byte ", place));
  }
}

TEST_F(DamageTest, AnAlteredRecordBreaksTheChain) {
  const size_t place = bytes_.find("reset");
  ASSERT_NE(place, std::string::npos);
  std::string altered = bytes_;
  altered.replace(place, 5, "RESET");
  WriteFile(path(), altered);
  auto journal = Open();
  ASSERT_TRUE(journal.ok()) << journal.status();
  const absl::Status status = (*journal)->Load().status();
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_NE(status.message().find("chain breaks at row"), std::string::npos) << status;
}

// In the child: writes changes and checkpoints until it is killed, telling each acknowledged change through `out`.
[[noreturn]] void WriteUntilKilled(const std::string& path, int out) {
  auto journal = SqliteJournal::Open({.path = path});
  if (!journal.ok()) _exit(1);
  for (uint32_t run = static_cast<uint32_t>((*journal)->Load()->sequence) + 1;; ++run) {
    if (!(*journal)->Append(ChangeOf("x", run)).ok()) _exit(2);
    if (write(out, &run, sizeof run) != sizeof run) _exit(3);
    if (!(*journal)->WriteCheckpoint(std::vector<CheckpointRow>{{"a", std::string(20'000, 'a')}}).ok()) _exit(4);
  }
}

TEST_F(SqliteJournalTest, WhatWasAcknowledgedSurvivesKillAtAnyMoment) {
  const char* given = std::getenv("WEIR_TEST_SEED");
  const uint32_t seed =
      given != nullptr ? static_cast<uint32_t>(std::strtoul(given, nullptr, 10)) : std::random_device()();
  std::printf("WEIR_TEST_SEED=%u\n", seed);
  std::mt19937 rng(seed);
  MustOpen().reset();
  uint32_t acknowledged = 0;
  for (int round = 0; round < 15; ++round) {
    int pipe_ends[2];
    ASSERT_EQ(pipe2(pipe_ends, O_CLOEXEC), 0);
    const pid_t child = fork();
    if (child == 0) WriteUntilKilled(path(), pipe_ends[1]);
    close(pipe_ends[1]);
    const uint32_t wanted = 1 + rng() % 10;
    for (uint32_t i = 0; i < wanted; ++i) ASSERT_EQ(read(pipe_ends[0], &acknowledged, 4), 4);
    for (uint32_t spins = rng() % 200'000; spins > 0; --spins) asm volatile("");  // To a random point of what follows.
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    for (uint32_t more; read(pipe_ends[0], &more, 4) == 4;) acknowledged = more;
    close(pipe_ends[0]);

    const auto remembered = MustOpen()->Load();
    ASSERT_TRUE(remembered.ok()) << remembered.status();
    ASSERT_GE(remembered->sequence, acknowledged);
    ASSERT_LE(remembered->sequence, acknowledged + 1);  // Written, but killed before it could say so.
    ASSERT_EQ(remembered->states.at("x").run.ordinal, remembered->sequence);
  }
}

}  // namespace
}  // namespace weir::control
