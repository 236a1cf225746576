#include "router/dataplane/ticket.h"

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace weir::dataplane {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

TicketKeys Keys(std::vector<std::string> secrets) {
  return {.secrets = std::move(secrets), .is_readable_by_others = false};
}

const std::string kOld(32, 'o');
const std::string kNew(32, 'n');

stats::Ticket SomeTicket() {
  return {.experiment = 0x0123456789abcdef,
          .run = 7,
          .epoch = 3,
          .variant = 1,
          .user_bucket = 200,
          .start = absl::FromUnixMillis(1'800'000'000'123),
          .issuer = {.replica = 0xdeadbeef, .boot = 12, .worker = 5},
          .sequence = 1'234'567};
}

std::string MessageOf(const absl::Status& status) { return std::string(status.message()); }

TEST(TicketSealerTest, OpensWhatItSealed) {
  const TicketSealer sealer(Keys({kOld}));
  const std::string sealed = sealer.Seal(SomeTicket());
  EXPECT_THAT(sealed, SizeIs(kTicketChars));
  EXPECT_EQ(sealer.Open(sealed).value(), SomeTicket());
}

TEST(TicketSealerTest, EveryFieldSurvivesAtItsLargest) {
  stats::Ticket ticket{.experiment = UINT64_MAX,
                       .run = UINT32_MAX,
                       .epoch = UINT32_MAX,
                       .variant = UINT16_MAX,
                       .user_bucket = UINT8_MAX,
                       .start = absl::FromUnixMillis((int64_t{1} << 48) - 1),
                       .issuer = {UINT32_MAX, UINT32_MAX, UINT16_MAX},
                       .sequence = uint64_t{1} << 40};
  const TicketSealer sealer(Keys({kOld}));
  EXPECT_EQ(sealer.Open(sealer.Seal(ticket)).value(), ticket);
  EXPECT_EQ(sealer.Open(sealer.Seal(stats::Ticket())).value(), stats::Ticket());
}

TEST(TicketSealerTest, TheFormatIsFixed) {
  // Computed by an independent script (Python's hmac and struct): replicas of different builds share tickets.
  EXPECT_EQ(TicketSealer(Keys({kOld})).Seal(SomeTicket()),
            "AVNoIT4BI0VniavN7wAAAAcAAAADAAHIAaMYXFB73q2-7wAAAAwABQAAAAAS1ofIDTJbnt2Z5J5amI_Z6yrZ");
}

TEST(TicketSealerTest, TheStartIsCutToTheMillisecond) {
  const TicketSealer sealer(Keys({kOld}));
  stats::Ticket ticket = SomeTicket();
  ticket.start += absl::Microseconds(999);
  EXPECT_EQ(sealer.Open(sealer.Seal(ticket)).value(), SomeTicket());
}

TEST(TicketSealerTest, NoOtherCharacterAnywhereIsAccepted) {
  const TicketSealer sealer(Keys({kOld}));
  const std::string sealed = sealer.Seal(SomeTicket());
  for (size_t at = 0; at < sealed.size(); ++at) {
    for (int c = 0; c < 256; ++c) {
      std::string altered = sealed;
      altered[at] = static_cast<char>(c);
      if (altered == sealed) continue;
      EXPECT_FALSE(sealer.Open(altered).ok()) << "at " << at << " character " << c;
    }
  }
}

TEST(TicketSealerTest, AnAlteredTicketIsDeniedAndNotCalledMalformed) {
  const TicketSealer sealer(Keys({kOld}));
  std::string altered = sealer.Seal(SomeTicket());
  altered[40] = altered[40] == 'A' ? 'B' : 'A';
  EXPECT_EQ(sealer.Open(altered).status().code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(MessageOf(sealer.Open(altered).status()), HasSubstr("altered or forged"));
}

TEST(TicketSealerTest, ATicketOfAForeignKeyIsDeniedAndSaysSo) {
  const auto opened = TicketSealer(Keys({kNew})).Open(TicketSealer(Keys({kOld})).Seal(SomeTicket()));
  EXPECT_EQ(opened.status().code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(MessageOf(opened.status()), HasSubstr("a key that is not known here"));
}

TEST(TicketSealerTest, WhatIsNoTicketIsInvalid) {
  const TicketSealer sealer(Keys({kOld}));
  const std::string sealed = sealer.Seal(SomeTicket());
  std::string of_version_2 = sealed;
  of_version_2[1] = 'g';
  for (const std::string& bad :
       {std::string(), std::string("x"), std::string(84, ' '), std::string(84, '='), sealed.substr(1), sealed + "A",
        sealed + "=", " " + sealed.substr(1), of_version_2, std::string(1 << 20, 'A'), std::string(84, '\0')}) {
    EXPECT_EQ(sealer.Open(bad).status().code(), absl::StatusCode::kInvalidArgument) << bad.substr(0, 100);
  }
}

TEST(TicketSealerTest, RandomTextNeverOpensAndNeverCrashes) {
  const char* given = std::getenv("WEIR_SEED");
  const uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  RecordProperty("seed", std::to_string(seed));
  std::mt19937_64 rng(seed);
  const TicketSealer sealer(Keys({kOld, kNew}));
  const std::string alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  for (int i = 0; i < 20'000; ++i) {
    std::string text(i % 2 == 0 ? kTicketChars : rng() % 200, '\0');
    for (char& c : text) c = i % 3 == 0 ? static_cast<char>(rng()) : alphabet[rng() % 64];
    EXPECT_FALSE(sealer.Open(text).ok()) << "WEIR_SEED=" << seed;
  }
}

TEST(TicketSealerTest, KeysRotateWithoutRefusingATicketUnderWay) {
  const TicketSealer before(Keys({kOld})), during(Keys({kNew, kOld})), after(Keys({kNew}));
  EXPECT_TRUE(during.Open(before.Seal(SomeTicket())).ok());
  EXPECT_TRUE(after.Open(during.Seal(SomeTicket())).ok());
  EXPECT_FALSE(after.Open(before.Seal(SomeTicket())).ok());
}

class KeyFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "/ticket_keys_XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string Path() const { return folder_ + "/ticket.keys"; }
  void Write(const std::string& text, mode_t mode = 0600) {
    std::ofstream(Path()) << text;
    chmod(Path().c_str(), mode);
  }

  std::string folder_;
};

TEST_F(KeyFileTest, IsMadeOnceAndReadByItsOwnerAlone) {
  const TicketKeys made = LoadOrCreateTicketKeys(Path()).value();
  ASSERT_THAT(made.secrets, SizeIs(1));
  EXPECT_THAT(made.secrets[0], SizeIs(32));
  struct stat status;
  ASSERT_EQ(stat(Path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  EXPECT_EQ(LoadOrCreateTicketKeys(Path())->secrets, made.secrets);
  // Nothing is left beside it.
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1);
}

TEST_F(KeyFileTest, HoldsUpToTwoSecretsAndRemarks) {
  Write("# new\n" + std::string(64, 'a') + "\n\n# old\r\n" + std::string(64, '0') + "\r\n");
  EXPECT_EQ(LoadOrCreateTicketKeys(Path())->secrets,
            (std::vector<std::string>{std::string(32, '\xaa'), std::string(32, '\0')}));
}

TEST_F(KeyFileTest, ABrokenFileIsRefusedByLineAndNeverQuotedOrReplaced) {
  const std::string secret(64, 'a');
  for (const auto& [text, expected] : std::vector<std::pair<std::string, std::string>>{
           {"", "holds no ticket secret"},
           {"# only a remark\n", "holds no ticket secret"},
           {secret + "\nabc\n", ":2: a ticket secret is 64 hexadecimal digits"},
           {secret.substr(1) + "g\n", ":1: a ticket secret is 64 hexadecimal digits"},
           {secret + "\n" + secret + "\n", ":2: the same ticket secret twice"},
           {secret + "\n" + std::string(64, 'b') + "\n" + std::string(64, 'c'), ":3: at most two"},
           {std::string(5000, '#'), "longer than 4096 bytes"}}) {
    Write(text);
    const auto keys = LoadOrCreateTicketKeys(Path());
    EXPECT_EQ(keys.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(MessageOf(keys.status()), HasSubstr(Path()));
    EXPECT_THAT(MessageOf(keys.status()), HasSubstr(expected));
    EXPECT_THAT(MessageOf(keys.status()), Not(HasSubstr("aaaa")));
  }
}

TEST_F(KeyFileTest, AFileThatOthersMayWriteIsRefusedAndOneTheyMayReadIsMarked) {
  Write(std::string(64, 'a'), 0660);
  EXPECT_THAT(MessageOf(LoadOrCreateTicketKeys(Path()).status()), HasSubstr("others may write"));
  Write(std::string(64, 'a'), 0644);
  EXPECT_TRUE(LoadOrCreateTicketKeys(Path())->is_readable_by_others);
  Write(std::string(64, 'a'), 0600);
  EXPECT_FALSE(LoadOrCreateTicketKeys(Path())->is_readable_by_others);
}

TEST_F(KeyFileTest, AnUnusableDirectoryIsAnErrorThatNamesThePath) {
  const auto keys = LoadOrCreateTicketKeys(folder_ + "/absent/ticket.keys");
  EXPECT_EQ(keys.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(MessageOf(keys.status()), HasSubstr("absent/ticket.keys"));
  EXPECT_FALSE(LoadOrCreateTicketKeys(folder_).ok());
}

}  // namespace
}  // namespace weir::dataplane
