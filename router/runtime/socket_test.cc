#include "router/runtime/socket.h"

#include <unistd.h>

#include "gtest/gtest.h"
#include "router/runtime/event_loop.h"

namespace weir::runtime {
namespace {

struct Ignore : ReadyEvents {
  void OnReady(uint32_t) override {}
};

void WaitUntilReady(int fd, uint32_t interest) {
  auto loop = *EventLoop::Create(Clock());
  Ignore ignore;
  ASSERT_TRUE(loop->Add(fd, interest, &ignore).ok());
  loop->Turn(absl::Seconds(60));
  loop->Remove(fd, &ignore);
}

TEST(SocketAddressTest, NumericAddressesNeedNoResolver) {
  EXPECT_EQ(SocketAddress::FromNumeric("127.0.0.1", 80)->ToString(), "127.0.0.1:80");
  EXPECT_EQ(SocketAddress::FromNumeric("::1", 8080)->ToString(), "[::1]:8080");
  EXPECT_FALSE(SocketAddress::FromNumeric("localhost", 80).has_value());
  EXPECT_FALSE(SocketAddress::FromNumeric("127.0.0.1.", 80).has_value());
}

TEST(SocketAddressTest, AnIpv4AddressIsGivenAsIpv4Mapped) {
  const std::array<uint8_t, 16> expected = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 1, 2, 3};
  EXPECT_EQ(SocketAddress::FromNumeric("10.1.2.3", 1)->ip(), expected);
}

TEST(SocketTest, AConnectionIsAcceptedWithItsPeersAddress) {
  auto listener = Listen(*SocketAddress::FromNumeric("127.0.0.1", 0));
  ASSERT_TRUE(listener.ok()) << listener.status();
  const uint16_t port = LocalAddress(listener->get())->port();
  EXPECT_TRUE(absl::IsUnavailable(Accept(listener->get()).status()));

  auto client = BeginConnect(*SocketAddress::FromNumeric("127.0.0.1", port));
  ASSERT_TRUE(client.ok()) << client.status();
  WaitUntilReady(listener->get(), EPOLLIN);
  auto accepted = Accept(listener->get());
  ASSERT_TRUE(accepted.ok()) << accepted.status();
  EXPECT_EQ(accepted->peer.ToString(), LocalAddress(client->get())->ToString());
  WaitUntilReady(client->get(), EPOLLOUT);
  EXPECT_TRUE(ConnectError(client->get()).ok());
}

TEST(SocketTest, ARefusedConnectionSaysSo) {
  uint16_t port;
  {
    auto listener = Listen(*SocketAddress::FromNumeric("127.0.0.1", 0));
    port = LocalAddress(listener->get())->port();
  }
  auto client = BeginConnect(*SocketAddress::FromNumeric("127.0.0.1", port));
  if (!client.ok()) return;  // Refused at once.
  WaitUntilReady(client->get(), EPOLLOUT);
  EXPECT_FALSE(ConnectError(client->get()).ok());
}

TEST(SocketTest, AnAddressInUseIsNamedInTheError) {
  auto first = Listen(*SocketAddress::FromNumeric("127.0.0.1", 0));
  const SocketAddress taken = *LocalAddress(first->get());
  const auto second = Listen(taken);
  ASSERT_FALSE(second.ok());
  EXPECT_NE(second.status().message().find(taken.ToString()), std::string::npos) << second.status();
}

}  // namespace
}  // namespace weir::runtime
