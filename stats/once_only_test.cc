#include "stats/once_only.h"

#include <random>

#include "gtest/gtest.h"

namespace weir::stats {
namespace {

using Admission = OnceOnly::Admission;
constexpr absl::Duration kWindow = absl::Hours(24);

absl::Time At(int64_t ms) { return absl::FromUnixMillis(1'700'000'000'000 + ms); }

// Issuer `worker`'s ticket of a call that started `sequence` ms after the beginning.
Ticket TicketOf(uint16_t worker, uint64_t sequence) {
  Ticket ticket;
  ticket.issuer = {.replica = 1, .boot = 1, .worker = worker};
  ticket.sequence = sequence;
  ticket.start = At(static_cast<int64_t>(sequence));
  return ticket;
}

TEST(OnceOnlyTest, ATicketIsAdmittedOnceForItsIssuer) {
  OnceOnly once;
  EXPECT_EQ(once.Admit(TicketOf(0, 5), At(10), kWindow), Admission::kFirst);
  EXPECT_EQ(once.Admit(TicketOf(0, 5), At(10), kWindow), Admission::kRepeated);
  EXPECT_EQ(once.Admit(TicketOf(0, 6), At(10), kWindow), Admission::kFirst);
  EXPECT_EQ(once.Admit(TicketOf(1, 5), At(10), kWindow), Admission::kFirst);
}

TEST(OnceOnlyTest, ATicketExpiresAfterItsJoinWindow) {
  OnceOnly once;
  EXPECT_EQ(once.Admit(TicketOf(0, 0), At(0) + kWindow, kWindow), Admission::kFirst);
  EXPECT_EQ(once.Admit(TicketOf(0, 1), At(1) + kWindow + absl::Milliseconds(1), kWindow), Admission::kExpired);
}

TEST(OnceOnlyTest, WhateverTheOrderAndTheBoundNoTicketIsEverAdmittedTwice) {
  const unsigned seed = 99;
  SCOPED_TRACE(seed);
  std::mt19937_64 rng(seed);
  OnceOnly once(/*max_blocks=*/5);
  std::set<std::pair<uint16_t, uint64_t>> admitted;
  int firsts = 0, expired = 0;
  for (int i = 0; i < 200'000; ++i) {
    // The present moves on; a report comes up to 12,000 calls late.
    const uint64_t newest = static_cast<uint64_t>(i);
    const uint64_t sequence = newest - std::min<uint64_t>(newest, rng() % 12'000);
    const uint16_t worker = static_cast<uint16_t>(rng() % 3);
    const Admission admission = once.Admit(TicketOf(worker, sequence), At(i), kWindow);
    const bool was_admitted = admitted.contains({worker, sequence});
    if (admission == Admission::kFirst) {
      ASSERT_FALSE(was_admitted);
      admitted.insert({worker, sequence});
      ++firsts;
    }
    if (admission == Admission::kRepeated) {
      ASSERT_TRUE(was_admitted);
    }
    expired += admission == Admission::kExpired;
    ASSERT_LE(once.blocks(), 5u);
  }
  EXPECT_GT(firsts, 20'000);
  EXPECT_GT(expired, 1000);
}

TEST(OnceOnlyTest, ForgettingKeepsRefusingWhatItForgot) {
  OnceOnly once;
  once.Admit(TicketOf(0, 5), At(10), kWindow);
  once.Forget(At(6) + kWindow, kWindow);
  EXPECT_EQ(once.blocks(), 0u);
  EXPECT_EQ(once.Admit(TicketOf(0, 5), At(6) + kWindow, kWindow), Admission::kExpired);
}

TEST(OnceOnlyTest, ForgettingKeepsBlocksWithATicketThatIsStillValid) {
  OnceOnly once;
  once.Admit(TicketOf(0, 5), At(10), kWindow);
  once.Forget(At(5) + kWindow, kWindow);
  EXPECT_EQ(once.Admit(TicketOf(0, 5), At(5) + kWindow, kWindow), Admission::kRepeated);
}

TEST(OnceOnlyTest, ChangesWrittenSinceTheBeginningRestoreIt) {
  OnceOnly once(/*max_blocks=*/3);
  std::map<OnceOnly::BlockKey, OnceOnly::Block> stored;
  for (uint64_t sequence = 0; sequence < 40'000; sequence += 3) {
    once.Admit(TicketOf(0, sequence), At(static_cast<int64_t>(sequence)), kWindow);
    if (sequence % 999 != 0) continue;
    const OnceOnly::Changes changes = once.TakeChanges();
    for (const auto& [key, block] : changes.written) stored[key] = block;
    for (const OnceOnly::BlockKey& key : changes.dropped) stored.erase(key);
  }
  const OnceOnly::Changes last = once.TakeChanges();
  for (const auto& [key, block] : last.written) stored[key] = block;
  for (const OnceOnly::BlockKey& key : last.dropped) stored.erase(key);
  EXPECT_TRUE(once.TakeChanges().written.empty());

  OnceOnly restored(/*max_blocks=*/3);
  restored.Restore(once.remembers_after(), {stored.begin(), stored.end()});
  for (uint64_t sequence = 0; sequence < 40'000; ++sequence) {
    ASSERT_EQ(restored.Admit(TicketOf(0, sequence), At(40'000), kWindow),
              once.Admit(TicketOf(0, sequence), At(40'000), kWindow));
  }
}

TEST(OnceOnlyTest, AWindowThatGrowsCountsNothingTwice) {
  OnceOnly once;
  const absl::Time start = absl::FromUnixMillis(1'700'000'000'000);
  const Ticket ticket{.start = start, .issuer = {.replica = 1, .boot = 1, .worker = 0}, .sequence = 7};
  const absl::Time later = start + absl::Hours(2);
  EXPECT_EQ(once.Admit(ticket, start, absl::Hours(1)), OnceOnly::Admission::kFirst);
  once.Forget(later, absl::Hours(1));
  EXPECT_EQ(once.blocks(), 0u);
  EXPECT_EQ(once.Admit(ticket, later, absl::Hours(24)), OnceOnly::Admission::kExpired);
  Ticket next = ticket;
  next.start = start + absl::Milliseconds(1);
  EXPECT_EQ(once.Admit(next, later, absl::Hours(24)), OnceOnly::Admission::kFirst);
}

}  // namespace
}  // namespace weir::stats
