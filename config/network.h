// Addresses and networks as an operator writes them.

#ifndef WEIR_CONFIG_NETWORK_H_
#define WEIR_CONFIG_NETWORK_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "absl/status/statusor.h"
#include "config/config.h"
#include "config/url.h"

namespace weir::config {

// An IPv6 address; IPv4 as IPv4-mapped (::ffff:a.b.c.d).
using IpBytes = std::array<uint8_t, 16>;

// A numeric address, without brackets and port.
std::optional<IpBytes> ParseIp(std::string_view text);

// "host:port" or "[v6]:port". InvalidArgument, whose message ends a sentence that begins with the field's name ("must
// ..."), for an empty host, a name that DNS does not allow, and a port beyond 65535. Port 0 is the caller's to judge.
absl::StatusOr<Address> ParseAddress(std::string_view text);

// "10.0.0.0/8", "fd00::/8", or an address alone, which is the network of itself. InvalidArgument also when bits are set
// outside the prefix: "10.0.0.1/8" leaves open which of the two was meant.
absl::StatusOr<Network> ParseNetwork(std::string_view text);

// "http://host[:port][/path][?query]", or https. InvalidArgument, whose message ends a sentence that begins with the
// field's name ("must ..."), for anything else: another scheme, a user or a fragment, what has no place in a request's
// first line.
absl::StatusOr<HttpUrl> ParseHttpUrl(std::string_view text);

bool Contains(const Network& network, const IpBytes& ip);

// 127.0.0.0/8, ::1, or the name "localhost". Other names may resolve to anything.
bool IsLoopback(const Address& address);

}  // namespace weir::config

#endif  // WEIR_CONFIG_NETWORK_H_
