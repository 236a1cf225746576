// What of a request's and a response's headers goes on to the other side.

#ifndef WEIR_ROUTER_DATAPLANE_HEADER_FILTER_H_
#define WEIR_ROUTER_DATAPLANE_HEADER_FILTER_H_

#include <optional>
#include <string_view>

#include "router/http2/headers.h"

namespace weir::dataplane {

// Metadata passes byte for byte, duplicates in their order. Left out are hop-by-hop fields (RFC 9113, 8.2.2), `te` but
// for "trailers", and every name that begins with "x-weir-": those are Weir's own, and nobody else is believed.
//
// What repeats from call to call may enter the peer's HPACK table; everything else is encoded without indexing, so that
// it evicts nothing, and no client's secret enters a table that it shares with others.

inline constexpr std::string_view kVariantHeader = "x-weir-variant";
inline constexpr std::string_view kReasonHeader = "x-weir-reason";
inline constexpr std::string_view kTicketHeader = "x-weir-ticket";
inline constexpr std::string_view kMirrorHeader = "x-weir-mirror";

// Views into the received list.
struct RequestFacts {
  std::string_view method;
  std::string_view path;
  std::string_view content_type;
  std::optional<std::string_view> timeout;  // grpc-timeout's text.
  bool is_timeout_repeated = false;
  bool is_host_contradictory = false;  // `host` names another authority than `:authority`, or twice.
};

// Fills `forwarded` with the request for the model, but for grpc-timeout, which the caller adds. `received` begins with
// its pseudo-headers, as a session reports it.
//
// `own_name`: one more header that is Weir's own, by the configuration; "" if there is none.
RequestFacts FilterRequest(const http2::HeaderList& received, http2::HeaderList& forwarded,
                           std::string_view own_name = {});

// Fills `forwarded` with the response (or interim response) for the client.
void FilterResponse(const http2::HeaderList& received, http2::HeaderList& forwarded);

// The same for trailers of either direction; pseudo-headers have no place there.
void FilterTrailers(const http2::HeaderList& received, http2::HeaderList& forwarded);

}  // namespace weir::dataplane

#endif  // WEIR_ROUTER_DATAPLANE_HEADER_FILTER_H_
