#include "router/control/journal_reader.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <thread>

#include "absl/strings/str_cat.h"
#include "router/control/sqlite_journal.h"

namespace weir::control {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

experiment::Change AChange(uint32_t run) {
  experiment::State state{
      .run = {run, "", kNow},
      .epoch = {1, kNow, {.variants = {{"a", config::Weight::FromHundredths(1)}}, .default_variant = 0}},
      .phase = experiment::Running{},
      .phase_since = kNow};
  return {"x", kNow + absl::Seconds(run), "ann", "reset", absl::StrCat("run ", run), state};
}

class JournalReaderTest : public testing::Test {
 protected:
  JournalReaderTest() {
    std::string pattern = absl::StrCat(testing::TempDir(), "/readerXXXXXX");
    folder_ = mkdtemp(pattern.data());
  }
  ~JournalReaderTest() override { std::filesystem::remove_all(folder_); }

  std::string path() const { return folder_ + "/journal.db"; }
  std::unique_ptr<SqliteJournal> Open() const { return *SqliteJournal::Open({.path = path()}); }

  std::string folder_;
};

TEST_F(JournalReaderTest, AJournalIsReadWhileItsWriterHasIt) {
  auto journal = Open();
  std::string head;
  for (uint32_t run = 1; run <= 3; ++run) head = *journal->Append(AChange(run));
  // In the log, and not in the file yet.
  ASSERT_TRUE(journal->WriteCheckpoint(std::vector<experiment::CheckpointRow>{{"key", "value"}}).ok());
  for (const std::string& asked : {path(), folder_}) {
    const auto contents = ReadJournal(asked);
    ASSERT_TRUE(contents.ok()) << contents.status();
    EXPECT_TRUE(contents->verdict.ok()) << contents->verdict;
    ASSERT_EQ(contents->rows.size(), 3u);
    EXPECT_EQ(contents->rows[2].detail(), "run 3");
    EXPECT_EQ(contents->hashes.back(), head);
    EXPECT_EQ(contents->checkpoints.at("key"), "value");
  }
  EXPECT_TRUE(journal->Append(AChange(4)).ok());
}

TEST_F(JournalReaderTest, WhateverIsReadWhileItIsWrittenIsWholeAndGrows) {
  auto journal = Open();
  std::atomic<uint32_t> written = 0;
  std::atomic<bool> ends = false;
  std::thread writer([&] {
    for (uint32_t run = 1; !ends && run < 100000; ++run) {
      if (journal->Append(AChange(run)).ok()) written = run;
    }
  });
  size_t before = 0;
  int read = 0;
  for (int i = 0; i < 20; ++i) {
    const size_t least = written;
    const auto contents = ReadJournal(path());
    if (absl::IsUnavailable(contents.status())) continue;  // It changed too quickly, and said so.
    ++read;
    EXPECT_TRUE(contents.ok()) << contents.status();
    if (!contents.ok()) break;
    EXPECT_TRUE(contents->verdict.ok()) << contents->verdict;
    EXPECT_GE(contents->rows.size(), std::max(before, least));
    before = contents->rows.size();
  }
  ends = true;
  writer.join();
  EXPECT_EQ(ReadJournal(path())->rows.size(), written);
  RecordProperty("read", read);
}

TEST_F(JournalReaderTest, ABrokenChainIsToldWithItsPlaceAndWhatComesBeforeIsRead) {
  {
    auto journal = Open();
    for (uint32_t run = 1; run <= 5; ++run) ASSERT_TRUE(journal->Append(AChange(run)).ok());
  }
  std::ifstream in(path(), std::ios::binary);
  std::string bytes(std::istreambuf_iterator<char>(in), {});
  const size_t at = bytes.find("run 4");
  ASSERT_NE(at, std::string::npos);
  bytes[at + 4] = '5';
  std::ofstream(path(), std::ios::binary | std::ios::trunc) << bytes;
  const auto contents = ReadJournal(path());
  ASSERT_TRUE(contents.ok()) << contents.status();
  EXPECT_TRUE(absl::IsDataLoss(contents->verdict));
  EXPECT_NE(contents->verdict.message().find("breaks at row 4: its hash is"), std::string::npos) << contents->verdict;
  EXPECT_EQ(contents->rows.size(), 3u);
}

TEST_F(JournalReaderTest, WhatIsNoJournalIsAnErrorAndIsNotTouched) {
  EXPECT_TRUE(absl::IsNotFound(ReadJournal(path()).status()));
  EXPECT_FALSE(std::filesystem::exists(path()));
  std::ofstream(path()) << "no journal at all, but long enough for the header of a file of SQLite to be missed in it";
  const auto contents = ReadJournal(path());
  EXPECT_TRUE(!contents.ok() || absl::IsDataLoss(contents->verdict));
}

}  // namespace
}  // namespace weir::control
