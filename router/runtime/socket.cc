#include "router/runtime/socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace weir::runtime {
namespace {

// Connections that wait to be accepted: a burst of clients that all reconnect after a restart.
constexpr int kBacklog = 4096;

const sockaddr_in& AsIpv4(const sockaddr_storage& storage) { return reinterpret_cast<const sockaddr_in&>(storage); }
const sockaddr_in6& AsIpv6(const sockaddr_storage& storage) { return reinterpret_cast<const sockaddr_in6&>(storage); }

void SetOn(int fd, int level, int option) {
  const int on = 1;
  setsockopt(fd, level, option, &on, sizeof on);  // A missed hint is no failure.
}

}  // namespace

std::optional<SocketAddress> SocketAddress::FromNumeric(const std::string& host, uint16_t port) {
  SocketAddress address;
  auto& ipv4 = reinterpret_cast<sockaddr_in&>(address.storage_);
  if (inet_pton(AF_INET, host.c_str(), &ipv4.sin_addr) == 1) {
    ipv4.sin_family = AF_INET;
    ipv4.sin_port = htons(port);
    address.size_ = sizeof ipv4;
    return address;
  }
  address.storage_ = {};
  auto& ipv6 = reinterpret_cast<sockaddr_in6&>(address.storage_);
  if (inet_pton(AF_INET6, host.c_str(), &ipv6.sin6_addr) != 1) return std::nullopt;
  ipv6.sin6_family = AF_INET6;
  ipv6.sin6_port = htons(port);
  address.size_ = sizeof ipv6;
  return address;
}

SocketAddress SocketAddress::FromKernel(const sockaddr_storage& storage, socklen_t size) {
  SocketAddress address;
  address.storage_ = storage;
  address.size_ = size;
  return address;
}

uint16_t SocketAddress::port() const {
  return ntohs(storage_.ss_family == AF_INET ? AsIpv4(storage_).sin_port : AsIpv6(storage_).sin6_port);
}

std::array<uint8_t, 16> SocketAddress::ip() const {
  std::array<uint8_t, 16> bytes{};
  if (storage_.ss_family == AF_INET) {
    bytes[10] = bytes[11] = 0xff;
    std::memcpy(&bytes[12], &AsIpv4(storage_).sin_addr, 4);
  } else {
    std::memcpy(bytes.data(), &AsIpv6(storage_).sin6_addr, 16);
  }
  return bytes;
}

SocketAddress SocketAddress::WithPort(uint16_t port) const {
  SocketAddress copy = *this;
  if (storage_.ss_family == AF_INET) {
    reinterpret_cast<sockaddr_in&>(copy.storage_).sin_port = htons(port);
  } else {
    reinterpret_cast<sockaddr_in6&>(copy.storage_).sin6_port = htons(port);
  }
  return copy;
}

std::string SocketAddress::ToString() const {
  char text[INET6_ADDRSTRLEN] = "?";
  if (storage_.ss_family == AF_INET) {
    inet_ntop(AF_INET, &AsIpv4(storage_).sin_addr, text, sizeof text);
    return absl::StrCat(text, ":", port());
  }
  inet_ntop(AF_INET6, &AsIpv6(storage_).sin6_addr, text, sizeof text);
  return absl::StrCat("[", text, "]:", port());
}

absl::StatusOr<FileDescriptor> Listen(const SocketAddress& address) {
  FileDescriptor fd(socket(address.get()->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.is_open()) return absl::ErrnoToStatus(errno, "socket");
  SetOn(fd.get(), SOL_SOCKET, SO_REUSEADDR);
  if (bind(fd.get(), address.get(), address.size()) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot bind ", address.ToString()));
  }
  if (listen(fd.get(), kBacklog) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot listen on ", address.ToString()));
  }
  return fd;
}

absl::StatusOr<SocketAddress> LocalAddress(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) {
    return absl::ErrnoToStatus(errno, "getsockname");
  }
  return SocketAddress::FromKernel(storage, size);
}

absl::StatusOr<Accepted> Accept(int listener) {
  for (;;) {
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    FileDescriptor fd(accept4(listener, reinterpret_cast<sockaddr*>(&peer), &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd.is_open()) {
      SetOn(fd.get(), IPPROTO_TCP, TCP_NODELAY);
      return Accepted{std::move(fd), SocketAddress::FromKernel(peer, size)};
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      return absl::ResourceExhaustedError(std::strerror(errno));
    }
    if (errno == EAGAIN) return absl::UnavailableError("nobody waits");
    // Whoever waited has gone, or its network has failed (accept(2) lists these): the next one may be well.
    if (errno == EBADF || errno == EINVAL || errno == ENOTSOCK) return absl::ErrnoToStatus(errno, "accept4");
  }
}

absl::StatusOr<FileDescriptor> BeginConnect(const SocketAddress& address) {
  FileDescriptor fd(socket(address.get()->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.is_open()) return absl::ErrnoToStatus(errno, "socket");
  SetOn(fd.get(), IPPROTO_TCP, TCP_NODELAY);
  if (connect(fd.get(), address.get(), address.size()) != 0 && errno != EINPROGRESS) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot connect to ", address.ToString()));
  }
  return fd;
}

void DetectDeadPeer(int fd) {
  SetOn(fd, SOL_SOCKET, SO_KEEPALIVE);
  constexpr std::pair<int, int> kOptions[] = {
      {TCP_KEEPIDLE, 15}, {TCP_KEEPINTVL, 5}, {TCP_KEEPCNT, 3}, {TCP_USER_TIMEOUT, 30'000}};
  for (const auto& [option, value] : kOptions) setsockopt(fd, IPPROTO_TCP, option, &value, sizeof value);
}

absl::Status ConnectError(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  return error == 0 ? absl::OkStatus() : absl::ErrnoToStatus(error, "cannot connect");
}

}  // namespace weir::runtime
