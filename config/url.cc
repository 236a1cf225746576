#include "config/url.h"

#include "absl/strings/str_cat.h"

namespace weir::config {

std::string HttpUrl::Origin() const {
  const bool is_ipv6 = host.find(':') != std::string::npos;
  return absl::StrCat(is_tls ? "https://" : "http://", is_ipv6 ? "[" : "", host, is_ipv6 ? "]:" : ":", port);
}

}  // namespace weir::config
