#include "router/control/ticket_ledger.h"

#include <gtest/gtest.h>

#include <map>

namespace weir::control {
namespace {

using Verdict = TicketLedger::Verdict;

const stats::Issuer kIssuer{.replica = 7, .boot = 3, .worker = 65535};
const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);
const absl::Time kLater = kNow + absl::Hours(24);

TEST(TicketLedgerTest, ATicketIsMarkedOnce) {
  TicketLedger ledger;
  EXPECT_EQ(ledger.Mark(kIssuer, 5, kLater), Verdict::kFirst);
  EXPECT_EQ(ledger.Mark(kIssuer, 5, kLater), Verdict::kRepeated);
  EXPECT_EQ(ledger.Mark(kIssuer, 6, kLater), Verdict::kFirst);
}

TEST(TicketLedgerTest, ReplicasBootsAndWorkersAreApart) {
  TicketLedger ledger;
  for (const stats::Issuer& issuer : {kIssuer, stats::Issuer{8, 3, 65535}, {7, 4, 65535}, {7, 3, 0}}) {
    EXPECT_EQ(ledger.Mark(issuer, 5, kLater), Verdict::kFirst);
  }
}

TEST(TicketLedgerTest, TheLastSequenceOfAPageAndTheFirstOfTheNextAreApart) {
  TicketLedger ledger;
  for (uint64_t sequence : {uint64_t{4095}, uint64_t{4096}, uint64_t{8191}, (uint64_t{1} << 40)}) {
    EXPECT_EQ(ledger.Mark(kIssuer, sequence, kLater), Verdict::kFirst);
  }
  EXPECT_EQ(ledger.pages(), 3u);
}

TEST(TicketLedgerTest, BeyondItsBoundAReportIsRefusedAndOldPagesStillWork) {
  TicketLedger ledger(2000);  // Three pages.
  for (uint64_t page = 0; page < 3; ++page) EXPECT_EQ(ledger.Mark(kIssuer, page * 4096, kLater), Verdict::kFirst);
  EXPECT_EQ(ledger.Mark(kIssuer, 3 * 4096, kLater), Verdict::kFull);
  EXPECT_EQ(ledger.Mark(kIssuer, 1, kLater), Verdict::kFirst);
  EXPECT_EQ(ledger.Mark(kIssuer, 0, kLater), Verdict::kRepeated);
}

TEST(TicketLedgerTest, APageGoesWhenItsLastReportHasExpired) {
  TicketLedger ledger;
  ledger.Mark(kIssuer, 0, kNow + absl::Seconds(10));
  ledger.Mark(kIssuer, 1, kNow + absl::Seconds(5));
  ledger.DropExpired(kNow + absl::Seconds(9));
  EXPECT_EQ(ledger.Mark(kIssuer, 0, kLater), Verdict::kRepeated);
  ledger.DropExpired(kNow + absl::Seconds(10));
  EXPECT_EQ(ledger.pages(), 0u);
}

// Applies changes as a store would.
void Apply(TicketLedger& from, std::map<std::string, std::string>& store) {
  for (const experiment::CheckpointRow& row : from.TakeChanges()) {
    if (row.value) {
      store[row.key] = *row.value;
    } else {
      store.erase(row.key);
    }
  }
}

TEST(TicketLedgerTest, MarksSurviveThroughTheirRowsAndOnlyChangesAreWritten) {
  std::map<std::string, std::string> store;
  TicketLedger before;
  for (uint64_t sequence = 0; sequence < 10'000; sequence += 7) before.Mark(kIssuer, sequence, kLater);
  Apply(before, store);
  EXPECT_EQ(store.size(), 3u);
  before.Mark(kIssuer, 1, kLater);
  EXPECT_EQ(before.TakeChanges().size(), 1u);
  before.Mark(kIssuer, 2, kLater);
  Apply(before, store);

  TicketLedger after;
  for (const auto& [key, value] : store) ASSERT_TRUE(after.Restore(key, value).ok());
  EXPECT_TRUE(after.TakeChanges().empty());
  for (uint64_t sequence = 0; sequence < 10'000; ++sequence) {
    const bool was_marked = sequence % 7 == 0 || sequence == 1 || sequence == 2;
    ASSERT_EQ(after.Mark(kIssuer, sequence, kLater), was_marked ? Verdict::kRepeated : Verdict::kFirst) << sequence;
  }
  after.DropExpired(kLater);
  Apply(after, store);
  EXPECT_TRUE(store.empty());
}

TEST(TicketLedgerTest, ARowOfAnythingElseIsRefused) {
  TicketLedger ledger;
  EXPECT_TRUE(absl::IsDataLoss(ledger.Restore("tickets/1/2/3", "")));
  EXPECT_TRUE(absl::IsDataLoss(ledger.Restore("tickets/1/2/3/4", "short")));
  EXPECT_TRUE(absl::IsDataLoss(ledger.Restore("tickets/1/2/65536/4", "")));
}

}  // namespace
}  // namespace weir::control
