#include "router/control/ticket_ledger.h"

#include <gtest/gtest.h>

#include <map>

namespace weir::control {
namespace {

using Admission = stats::OnceOnly::Admission;
using Store = std::map<std::string, std::string>;

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);
constexpr absl::Duration kWindow = absl::Hours(24);

stats::Ticket TicketAt(uint64_t sequence, absl::Time start = kNow) {
  return {.experiment = 1,
          .run = 1,
          .epoch = 1,
          .variant = 0,
          .user_bucket = 0,
          .start = start,
          .issuer = {.replica = 4'000'000'000, .boot = 3, .worker = 65535},
          .sequence = sequence};
}

void Apply(TicketLedger& from, Store& store) {
  for (const experiment::CheckpointRow& row : from.TakeChanges()) {
    if (row.value) {
      store[row.key] = *row.value;
    } else {
      store.erase(row.key);
    }
  }
}

TEST(TicketLedgerTest, MarksSurviveThroughTheirRowsAndOnlyChangesAreWritten) {
  Store store = {{"run/x/1", "somebody else's"}, {"tests/x/1", "too"}, {"unrelated", ""}};
  TicketLedger before;
  for (uint64_t sequence = 0; sequence < 10'000; sequence += 7) before.Admit(TicketAt(sequence), kNow, kWindow);
  Apply(before, store);
  EXPECT_EQ(store.size(), 6u);
  before.Admit(TicketAt(1), kNow, kWindow);
  EXPECT_EQ(before.TakeChanges().size(), 1u);
  before.Admit(TicketAt(2), kNow, kWindow);
  Apply(before, store);

  auto after = TicketLedger::FromRows(store);
  ASSERT_TRUE(after.ok()) << after.status();
  EXPECT_TRUE(after->TakeChanges().empty());
  for (uint64_t sequence = 0; sequence < 10'000; ++sequence) {
    const bool was_marked = sequence % 7 == 0 || sequence == 1 || sequence == 2;
    ASSERT_EQ(after->Admit(TicketAt(sequence), kNow, kWindow), was_marked ? Admission::kRepeated : Admission::kFirst);
  }
  Apply(*after, store);
  after->Forget(kNow + kWindow + absl::Seconds(1), kWindow);
  Apply(*after, store);
  EXPECT_EQ(store.size(), 4u);  // Three blocks, and up to when tickets are forgotten.
}

TEST(TicketLedgerTest, WhatMadeRoomStaysRefusedAfterARestart) {
  Store store;
  TicketLedger before(2);
  for (uint64_t block = 0; block < 3; ++block) {
    before.Admit(TicketAt(block * 4096, kNow + absl::Seconds(block)), kNow + absl::Minutes(1), kWindow);
  }
  Apply(before, store);
  auto after = TicketLedger::FromRows(store, 2);
  ASSERT_TRUE(after.ok()) << after.status();
  EXPECT_EQ(after->Admit(TicketAt(0), kNow + absl::Minutes(1), kWindow), Admission::kExpired);
}

TEST(TicketLedgerTest, ADamagedRowIsRefused) {
  for (const char* key : {"tickets/1/2/3", "tickets/1/2/3/4", "tickets/1/2/65536/4"}) {
    EXPECT_TRUE(absl::IsDataLoss(TicketLedger::FromRows(Store{{key, "short"}}).status())) << key;
  }
}

}  // namespace
}  // namespace weir::control
