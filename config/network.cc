#include "config/network.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "config/limits.h"

namespace weir::config {
namespace {

constexpr char kAddressForm[] = "must be host:port, such as 127.0.0.1:8080 or [::1]:8080";
constexpr int kMappedBits = 96;

bool IsHostName(std::string_view host) {
  if (host.empty() || host.size() > limits::kHostBytes) return false;
  if (!absl::ascii_isalnum(host.front()) || !absl::ascii_isalnum(host.back())) return false;
  // Digits and dots alone would be a mistyped IPv4 address.
  if (std::all_of(host.begin(), host.end(), [](char c) { return absl::ascii_isdigit(c) || c == '.'; })) return false;
  return std::all_of(host.begin(), host.end(),
                     [](char c) { return absl::ascii_isalnum(c) || c == '.' || c == '-' || c == '_'; });
}

std::optional<int> ParseDecimal(std::string_view text, int most) {
  if (text.empty() || text.size() > 5 || !std::all_of(text.begin(), text.end(), absl::ascii_isdigit))
    return std::nullopt;
  int value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  if (value > most) return std::nullopt;
  return value;
}

bool IsMapped(const IpBytes& ip) {
  constexpr IpBytes kPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  return std::equal(ip.begin(), ip.begin() + kMappedBits / 8, kPrefix.begin());
}

}  // namespace

std::optional<IpBytes> ParseIp(std::string_view text) {
  const std::string terminated(text);
  if (terminated.find('\0') != std::string::npos) return std::nullopt;  // inet_pton would stop there.
  IpBytes ip{};
  if (inet_pton(AF_INET6, terminated.c_str(), ip.data()) == 1) return ip;
  ip = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (inet_pton(AF_INET, terminated.c_str(), ip.data() + kMappedBits / 8) == 1) return ip;
  return std::nullopt;
}

absl::StatusOr<Address> ParseAddress(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return absl::InvalidArgumentError(kAddressForm);
  std::string_view host = text.substr(0, colon);
  const std::optional<int> port = ParseDecimal(text.substr(colon + 1), 65535);
  if (!port.has_value()) return absl::InvalidArgumentError("must end in a port from 0 to 65535");
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
    if (host.find(':') == std::string_view::npos || !ParseIp(host).has_value()) {
      return absl::InvalidArgumentError("must hold an IPv6 address between its brackets");
    }
  } else if (host.find(':') != std::string_view::npos) {
    return absl::InvalidArgumentError("must write an IPv6 address in brackets, such as [::1]:8080");
  } else if (!IsHostName(host) && !ParseIp(host).has_value()) {
    return absl::InvalidArgumentError(kAddressForm);
  }
  return Address{std::string(host), static_cast<uint16_t>(*port)};
}

absl::StatusOr<Network> ParseNetwork(std::string_view text) {
  const size_t slash = text.find('/');
  const std::optional<IpBytes> ip = ParseIp(text.substr(0, slash));
  if (!ip.has_value()) return absl::InvalidArgumentError("must be a network such as 10.0.0.0/8 or fd00::/8");
  const bool is_v4 = text.find(':') == std::string_view::npos;
  const int width = is_v4 ? 32 : 128;
  int bits = width;
  if (slash != std::string_view::npos) {
    const std::optional<int> given = ParseDecimal(text.substr(slash + 1), width);
    if (!given.has_value()) return absl::InvalidArgumentError(absl::StrCat("must have a prefix from /0 to /", width));
    bits = *given;
  }
  Network network{*ip, is_v4 ? bits + kMappedBits : bits};
  for (int bit = network.bits; bit < 128; ++bit) {
    if ((network.prefix[bit / 8] >> (7 - bit % 8)) & 1) {
      return absl::InvalidArgumentError(absl::StrCat("must have no bits set beyond its prefix of /", bits));
    }
  }
  return network;
}

absl::StatusOr<HttpUrl> ParseHttpUrl(std::string_view text) {
  const bool is_tls = text.starts_with("https://");
  if (!is_tls && !text.starts_with("http://")) return absl::InvalidArgumentError("must begin with http:// or https://");
  if (text.size() > limits::kUrlBytes) {
    return absl::InvalidArgumentError(absl::StrCat("must have at most ", limits::kUrlBytes, " bytes"));
  }
  const bool is_printable = std::all_of(text.begin(), text.end(), [](char c) { return absl::ascii_isgraph(c); });
  if (!is_printable || text.find('#') != std::string_view::npos) {
    return absl::InvalidArgumentError("must be percent-encoded, without spaces and without a fragment (#...)");
  }
  text.remove_prefix(is_tls ? 8 : 7);
  const size_t end = std::min(text.find_first_of("/?"), text.size());
  std::string authority(text.substr(0, end));
  if (authority.find('@') != std::string::npos) {
    return absl::InvalidArgumentError("must have no user and no password in it");
  }
  const bool has_port =
      authority.find(':', authority.rfind(']') == std::string::npos ? 0 : authority.rfind(']')) != std::string::npos;
  if (!has_port) authority += is_tls ? ":443" : ":80";
  const absl::StatusOr<Address> address = ParseAddress(authority);
  if (!address.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("must be http(s)://host[:port][/path]; its host and port ",
                                                   std::string(address.status().message())));
  }
  if (address->port == 0) return absl::InvalidArgumentError("must have a port from 1 to 65535");
  std::string path(text.substr(end));
  if (path.empty() || path[0] != '/') path = absl::StrCat("/", path);
  return HttpUrl{address->host, address->port, std::move(path), is_tls};
}

bool Contains(const Network& network, const IpBytes& ip) {
  const int whole = network.bits / 8;
  if (std::memcmp(network.prefix.data(), ip.data(), whole) != 0) return false;
  if (network.bits % 8 == 0) return true;
  return ((network.prefix[whole] ^ ip[whole]) >> (8 - network.bits % 8)) == 0;
}

bool IsLoopback(const Address& address) {
  if (address.host == "localhost") return true;
  const std::optional<IpBytes> ip = ParseIp(address.host);
  if (!ip.has_value()) return false;
  if (IsMapped(*ip)) return (*ip)[12] == 127;
  return std::all_of(ip->begin(), ip->end() - 1, [](uint8_t b) { return b == 0; }) && ip->back() == 1;
}

}  // namespace weir::config
