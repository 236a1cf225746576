// Where another system is asked or told over HTTP. network.h reads it.

#ifndef WEIR_CONFIG_URL_H_
#define WEIR_CONFIG_URL_H_

#include <cstdint>
#include <string>

namespace weir::config {

struct HttpUrl {
  std::string host;  // A name or a numeric address; an IPv6 address without brackets.
  uint16_t port = 80;
  std::string path = "/";  // With the query, if there is one.
  bool is_tls = false;     // https
  bool operator==(const HttpUrl&) const = default;

  // What may be shown: paths of webhooks are secrets.
  std::string Origin() const;  // "https://host:port"
};

}  // namespace weir::config

#endif  // WEIR_CONFIG_URL_H_
