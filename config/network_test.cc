#include "config/network.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace weir::config {
namespace {

IpBytes Ip(std::string_view text) { return *ParseIp(text); }

TEST(AddressTest, WhatIsParsedPrintsAsItWasWritten) {
  for (std::string text :
       {"0.0.0.0:8080", "[::1]:80", "baseline:8001", "a-b.c_d.example:65535", "127.0.0.1:0", "[fe80::1]:1"}) {
    const absl::StatusOr<Address> address = ParseAddress(text);
    ASSERT_TRUE(address.ok()) << text << ": " << address.status();
    EXPECT_EQ(address->ToString(), text);
  }
}

TEST(AddressTest, WhatIsNoHostAndPortIsRefused) {
  for (std::string text : {"",
                           ":",
                           "host",
                           "host:",
                           ":80",
                           "host:65536",
                           "host:-1",
                           "host:+1",
                           "host:8o",
                           "::1:80",
                           "[::1]",
                           "[host]:1",
                           "[127.0.0.1]:1",
                           "[]:1",
                           "1.2.3:80",
                           "1.2.3.4.5:80",
                           "256.1.1.1:80",
                           "ho st:1",
                           "-a:1",
                           "a-:1",
                           "http://a:1",
                           "h:0000080",
                           "unix:/tmp/a",
                           "h\n:1"}) {
    EXPECT_FALSE(ParseAddress(text).ok()) << text;
  }
  EXPECT_FALSE(ParseAddress(std::string("127.0.0.1\0.evil:80", 18)).ok());
  EXPECT_FALSE(ParseAddress(std::string(254, 'a') + ":80").ok());
}

TEST(NetworkTest, HoldsItsAddressesAndNoOthers) {
  const Network ten = *ParseNetwork("10.0.0.0/8");
  EXPECT_TRUE(Contains(ten, Ip("10.0.0.0")));
  EXPECT_TRUE(Contains(ten, Ip("10.255.255.255")));
  EXPECT_FALSE(Contains(ten, Ip("11.0.0.0")));
  EXPECT_FALSE(Contains(ten, Ip("9.255.255.255")));
  EXPECT_FALSE(Contains(ten, Ip("0a00::")));  // The same leading byte, of IPv6.
  const Network odd = *ParseNetwork("192.168.4.0/22");
  EXPECT_TRUE(Contains(odd, Ip("192.168.7.255")));
  EXPECT_FALSE(Contains(odd, Ip("192.168.8.0")));
  EXPECT_FALSE(Contains(odd, Ip("192.168.3.255")));
}

TEST(NetworkTest, AllOfIpv4IsNotAllOfIpv6) {
  EXPECT_TRUE(Contains(*ParseNetwork("0.0.0.0/0"), Ip("203.0.113.9")));
  EXPECT_FALSE(Contains(*ParseNetwork("0.0.0.0/0"), Ip("2001:db8::1")));
  EXPECT_TRUE(Contains(*ParseNetwork("::/0"), Ip("2001:db8::1")));
}

TEST(NetworkTest, AnAddressAloneIsTheNetworkOfItself) {
  EXPECT_TRUE(Contains(*ParseNetwork("127.0.0.1"), Ip("127.0.0.1")));
  EXPECT_FALSE(Contains(*ParseNetwork("127.0.0.1"), Ip("127.0.0.2")));
  EXPECT_TRUE(Contains(*ParseNetwork("::1"), Ip("::1")));
}

TEST(NetworkTest, WhatIsAmbiguousOrNoNetworkIsRefused) {
  for (std::string text : {"", "/8", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10/8", "host/8",
                           "::1/64", "fd00::/129", "10.0.0.0/8/8", "10.0.0.0/ 8"}) {
    EXPECT_FALSE(ParseNetwork(text).ok()) << text;
  }
}

TEST(LoopbackTest, OnlyAddressesThatStayOnTheMachineAreLoopback) {
  for (std::string text : {"127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "localhost:1"}) {
    EXPECT_TRUE(IsLoopback(*ParseAddress(text))) << text;
  }
  for (std::string text :
       {"0.0.0.0:1", "[::]:1", "10.0.0.1:1", "[::2]:1", "[7f00::1]:1", "localhost.example:1", "model:1"}) {
    EXPECT_FALSE(IsLoopback(*ParseAddress(text))) << text;
  }
}

TEST(HttpUrlTest, HostPortAndPathAreTakenApart) {
  EXPECT_EQ(ParseHttpUrl("http://prometheus.monitoring:9090/prefix?x=1").value(),
            (HttpUrl{"prometheus.monitoring", 9090, "/prefix?x=1"}));
  EXPECT_EQ(ParseHttpUrl("http://[::1]:8080").value(), (HttpUrl{"::1", 8080, "/"}));
  EXPECT_EQ(ParseHttpUrl("http://[::1]?x").value(), (HttpUrl{"::1", 80, "/?x"}));
  EXPECT_EQ(ParseHttpUrl("http://127.0.0.1/hook").value(), (HttpUrl{"127.0.0.1", 80, "/hook"}));
  EXPECT_EQ(ParseHttpUrl("https://hooks.slack.com/x").value(), (HttpUrl{"hooks.slack.com", 443, "/x", true}));
  EXPECT_EQ(ParseHttpUrl("https://hooks.internal:8443").value(), (HttpUrl{"hooks.internal", 8443, "/", true}));
}

TEST(HttpUrlTest, TheOriginLeavesOutThePath) {
  EXPECT_EQ(ParseHttpUrl("http://slack.internal/services/T0/B0/secret")->Origin(), "http://slack.internal:80");
  EXPECT_EQ(ParseHttpUrl("https://[::1]:8080/x")->Origin(), "https://[::1]:8080");
}

TEST(HttpUrlTest, ErrorsSayWhatIsWrong) {
  const std::pair<const char*, const char*> kWrong[] = {
      {"ftp://a", "must begin with http:// or https://"},
      {"a:9090", "must begin with http:// or https://"},
      {"https://", "host and port"},
      {"http://", "host and port"},
      {"http:///path", "host and port"},
      {"http://a:0", "port from 1 to 65535"},
      {"http://a:99999", "port from 0 to 65535"},
      {"http://a:9/b c", "without spaces"},
      {"http://a/b#c", "fragment"},
      {"http://a/b\r\nHost: c", "percent-encoded"},
      {"http://ann:secret@a/", "no user and no password"},
      {"http://::1/", "brackets"},
  };
  for (const auto& [text, why] : kWrong) {
    const absl::StatusOr<HttpUrl> url = ParseHttpUrl(text);
    ASSERT_FALSE(url.ok()) << text;
    EXPECT_THAT(std::string(url.status().message()), ::testing::HasSubstr(why)) << text;
  }
  EXPECT_FALSE(ParseHttpUrl("http://a/" + std::string(2048, 'x')).ok());
}

}  // namespace
}  // namespace weir::config
