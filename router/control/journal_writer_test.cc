#include "router/control/journal_writer.h"

#include <gtest/gtest.h>

#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "router/experiment/memory_journal.h"

namespace weir::control {
namespace {

using experiment::Change;
using experiment::MemoryJournal;

Change AChange(uint32_t run) {
  return Change{.experiment = "x",
                .at = absl::UnixEpoch(),
                .actor = "weir",
                .action = "reset",
                .detail = "",
                .state = {.run = {run, "", absl::UnixEpoch()},
                          .epoch = {1, absl::UnixEpoch(), {{{"a", config::Weight::FromHundredths(1)}}, 0}},
                          .phase = experiment::Running{},
                          .phase_since = absl::UnixEpoch()}};
}

// Replies in their order; complete once the writer is destroyed.
struct Replies {
  std::vector<JournalReply> all;
  std::function<void(JournalReply)> Taker() {
    return [this](JournalReply reply) { all.push_back(std::move(reply)); };
  }
};

TEST(JournalWriterTest, RequestsAreCarriedOutInOrderAndAllBeforeItEnds) {
  Replies replies;
  {
    JournalWriter writer([] { return std::make_unique<MemoryJournal>(); }, replies.Taker());
    writer.Ask(AppendRequest{1, AChange(1)});
    writer.Ask(CheckpointRequest{2, {{"key", "value"}}});
    writer.Ask(AppendRequest{3, AChange(2)});
    writer.Ask(LoadRequest{4});
  }
  ASSERT_EQ(replies.all.size(), 4u);
  for (uint64_t i = 0; i < 4; ++i) {
    EXPECT_EQ(replies.all[i].id, i + 1);
    EXPECT_TRUE(replies.all[i].status.ok());
  }
  EXPECT_EQ(replies.all[2].head, "2");
  ASSERT_TRUE(replies.all[3].remembered);
  EXPECT_EQ(replies.all[3].remembered->states.at("x").run.ordinal, 2u);
  EXPECT_EQ(replies.all[3].remembered->checkpoints.at("key"), "value");
}

TEST(JournalWriterTest, AReportIsMadeFromTheJournalAndItsReplySaysOfWhatItIs) {
  Replies replies;
  {
    JournalWriter writer([] { return std::make_unique<MemoryJournal>(); }, replies.Taker(),
                         [](experiment::Journal& journal, const ReportRequest& request) -> absl::StatusOr<std::string> {
                           if (request.experiment == "y") return absl::UnavailableError("no disk");
                           return absl::StrCat(journal.History(request.experiment)->size(), " rows");
                         });
    writer.Ask(AppendRequest{1, AChange(1)});
    writer.Ask(ReportRequest{.id = 2, .experiment = "x", .run = 1, .at = absl::Time(), .head = "", .failed_calls = {}});
    writer.Ask(ReportRequest{.id = 3, .experiment = "y", .run = 1, .at = absl::Time(), .head = "", .failed_calls = {}});
  }
  ASSERT_EQ(replies.all.size(), 3u);
  ASSERT_TRUE(replies.all[1].report);
  EXPECT_EQ(replies.all[1].report->experiment, "x");
  EXPECT_EQ(replies.all[1].report->path, "1 rows");
  ASSERT_TRUE(replies.all[2].report);
  EXPECT_TRUE(absl::IsUnavailable(replies.all[2].status));
}

TEST(JournalWriterTest, AJournalThatDoesNotOpenIsTriedAgainWithEachRequest) {
  Replies replies;
  int tries = 0;
  {
    JournalWriter writer(
        [&]() -> absl::StatusOr<std::unique_ptr<experiment::Journal>> {
          if (++tries < 3) return absl::UnavailableError("locked");
          return std::make_unique<MemoryJournal>();
        },
        replies.Taker());
    for (uint64_t id = 1; id <= 3; ++id) writer.Ask(AppendRequest{id, AChange(1)});
  }
  EXPECT_TRUE(absl::IsUnavailable(replies.all[0].status));
  EXPECT_TRUE(absl::IsUnavailable(replies.all[1].status));
  EXPECT_TRUE(replies.all[2].status.ok());
}

TEST(JournalWriterTest, AskingNeverWaitsForTheDisk) {
  absl::Notification disk_is_back;
  Replies replies;
  JournalWriter writer(
      [&]() -> absl::StatusOr<std::unique_ptr<experiment::Journal>> {
        disk_is_back.WaitForNotification();
        return std::make_unique<MemoryJournal>();
      },
      replies.Taker());
  for (uint64_t id = 1; id <= 100; ++id) writer.Ask(AppendRequest{id, AChange(1)});
  disk_is_back.Notify();  // Reached, although nothing was written yet.
}

}  // namespace
}  // namespace weir::control
