#include "router/dataplane/header_filter.h"

namespace weir::dataplane {
namespace {

using http2::HeaderField;
using http2::HeaderList;
using http2::Indexing;

enum class Passage : uint8_t {
  kIndexed,  // The same for many calls.
  kPlain,
  kDropped,
  kTe,
  kHost,
  kTimeout,
};

// By length first: most fields are told apart by one comparison or two.
Passage PassageOf(std::string_view name) {
  if (name.front() == ':') return Passage::kIndexed;
  if (name.size() > 7 && name.substr(0, 7) == "x-weir-") return Passage::kDropped;
  switch (name.size()) {
    case 2:
      return name == "te" ? Passage::kTe : Passage::kPlain;
    case 4:
      return name == "host" ? Passage::kHost : Passage::kPlain;
    case 6:
      return name == "server" ? Passage::kIndexed : Passage::kPlain;
    case 7:
      return name == "upgrade" ? Passage::kDropped : Passage::kPlain;
    case 10:
      if (name == "user-agent") return Passage::kIndexed;
      return name == "connection" || name == "keep-alive" ? Passage::kDropped : Passage::kPlain;
    case 11:
      return name == "grpc-status" ? Passage::kIndexed : Passage::kPlain;
    case 12:
      if (name == "grpc-timeout") return Passage::kTimeout;
      return name == "content-type" ? Passage::kIndexed : Passage::kPlain;
    case 13:
      return name == "grpc-encoding" ? Passage::kIndexed : Passage::kPlain;
    case 15:
      return name == "accept-encoding" ? Passage::kIndexed : Passage::kPlain;
    case 16:
      return name == "proxy-connection" ? Passage::kDropped : Passage::kPlain;
    case 17:
      return name == "transfer-encoding" ? Passage::kDropped : Passage::kPlain;
    case 20:
      return name == "grpc-accept-encoding" ? Passage::kIndexed : Passage::kPlain;
    default:
      return Passage::kPlain;
  }
}

void Pass(const HeaderField& field, Passage passage, HeaderList& forwarded) {
  forwarded.Add(field.name, field.value, passage == Passage::kIndexed ? Indexing::kAllowed : Indexing::kNever);
}

// Pseudo-headers in a fixed order; the proxy speaks cleartext to models, whatever the client speaks to it.
void ForwardPseudoHeaders(const HeaderList& received, RequestFacts& facts, std::string_view& authority,
                          HeaderList& forwarded) {
  for (const HeaderField field : received) {
    if (field.name.front() != ':') break;
    if (field.name == ":method") facts.method = field.value;
    if (field.name == ":path") facts.path = field.value;
    if (field.name == ":authority") authority = field.value;
  }
  // Of a request that came without :authority, the host says it (RFC 9113, 8.3.1).
  const std::string_view named = authority.empty() ? received.Find("host").value_or("") : authority;
  forwarded.Add(":method", facts.method);
  forwarded.Add(":scheme", "http");
  forwarded.Add(":path", facts.path);
  if (!named.empty()) forwarded.Add(":authority", named);
}

}  // namespace

RequestFacts FilterRequest(const HeaderList& received, HeaderList& forwarded, std::string_view own_name) {
  forwarded.Clear();
  RequestFacts facts;
  std::string_view authority;
  ForwardPseudoHeaders(received, facts, authority, forwarded);
  int hosts = 0;
  for (const HeaderField field : received) {
    if (field.name.front() == ':' || field.name == own_name) continue;
    const Passage passage = PassageOf(field.name);
    switch (passage) {
      case Passage::kDropped:
        break;
      case Passage::kTe:
        if (field.value == "trailers") forwarded.Add("te", "trailers");
        break;
      case Passage::kHost:
        facts.is_host_contradictory |= ++hosts > 1 || (!authority.empty() && field.value != authority);
        break;
      case Passage::kTimeout:
        facts.is_timeout_repeated |= facts.timeout.has_value();
        facts.timeout = field.value;
        break;
      default:
        if (field.name == "content-type" && facts.content_type.empty()) facts.content_type = field.value;
        Pass(field, passage, forwarded);
    }
  }
  return facts;
}

void FilterResponse(const HeaderList& received, HeaderList& forwarded) {
  forwarded.Clear();
  for (const HeaderField field : received) {
    const Passage passage = PassageOf(field.name);
    if (passage == Passage::kDropped || passage == Passage::kTe) continue;
    Pass(field, passage, forwarded);
  }
}

void FilterTrailers(const HeaderList& received, HeaderList& forwarded) { FilterResponse(received, forwarded); }

}  // namespace weir::dataplane
