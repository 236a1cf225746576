// TCP sockets, non-blocking, as the data plane uses them.

#ifndef WEIR_ROUTER_RUNTIME_SOCKET_H_
#define WEIR_ROUTER_RUNTIME_SOCKET_H_

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "router/runtime/file_descriptor.h"

namespace weir::runtime {

// An IP address and port, as the kernel wants them.
class SocketAddress {
 public:
  // Of "127.0.0.1" or "::1"; nullopt for a name.
  static std::optional<SocketAddress> FromNumeric(const std::string& host, uint16_t port);
  static SocketAddress FromKernel(const sockaddr_storage& storage, socklen_t size);

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage_); }
  socklen_t size() const { return size_; }
  uint16_t port() const;
  // The address alone, IPv4 as IPv4-mapped IPv6.
  std::array<uint8_t, 16> ip() const;
  SocketAddress WithPort(uint16_t port) const;
  std::string ToString() const;  // "127.0.0.1:80", "[::1]:80"

 private:
  sockaddr_storage storage_{};
  socklen_t size_ = 0;
};

// Listens; port 0 takes any free one. Errors name the address.
absl::StatusOr<FileDescriptor> Listen(const SocketAddress& address);
absl::StatusOr<SocketAddress> LocalAddress(int fd);

struct Accepted {
  FileDescriptor fd;  // Non-blocking, without Nagle's delay.
  SocketAddress peer;
};
// Unavailable when nobody waits; ResourceExhausted when out of descriptors or memory.
absl::StatusOr<Accepted> Accept(int listener);

// Begins to connect: the descriptor becomes writable when it is decided, and then ConnectError says how.
absl::StatusOr<FileDescriptor> BeginConnect(const SocketAddress& address);
absl::Status ConnectError(int fd);

// Has the kernel find out within half a minute when the peer's machine is gone: by probes while nothing is sent, and by
// a limit on unacknowledged bytes. Nothing of it is seen by the peer's program.
void DetectDeadPeer(int fd);

}  // namespace weir::runtime

#endif  // WEIR_ROUTER_RUNTIME_SOCKET_H_
