#include "router/http2/hpack.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

namespace weir::http2 {
namespace {

// The prefix of one field: its representation byte, two lengths, and the updates of the table's size before the first.
constexpr size_t kFieldBound = 16;
constexpr size_t kBlockBound = 32;

}  // namespace

bool IsNeverIndexed(std::string_view name) {
  switch (name.size()) {
    case 6:
      return name == "cookie";
    case 7:
      return name == "baggage";
    case 9:
      return name == "x-api-key";
    case 10:
      return name == "tracestate" || name == "set-cookie";
    case 11:
      return name == "traceparent" || name == "x-b3-spanid";
    case 12:
      return name == "grpc-timeout" || name == "x-request-id" || name == "x-b3-traceid";
    case 13:
      return name == "authorization" || name == "x-weir-ticket";
    case 14:
      return name == "grpc-trace-bin";
    case 16:
      return name == "x-correlation-id";
    case 19:
      return name == "proxy-authorization";
    default:
      return false;
  }
}

struct HpackDecoder::State {
  nghttp2_hd_inflater* inflater = nullptr;
};

HpackDecoder::HpackDecoder() : state_(std::make_unique<State>()) {
  if (nghttp2_hd_inflate_new(&state_->inflater) != 0) std::abort();  // Out of memory.
}

HpackDecoder::~HpackDecoder() { nghttp2_hd_inflate_del(state_->inflater); }

HpackDecoder::Result HpackDecoder::Decode(std::string_view fragment, bool is_last, HeaderCollector& collector) {
  const auto* in = reinterpret_cast<const uint8_t*>(fragment.data());
  size_t left = fragment.size();
  while (true) {
    nghttp2_nv nv;
    int flags = 0;
    const ssize_t used = nghttp2_hd_inflate_hd2(state_->inflater, &nv, &flags, in, left, is_last ? 1 : 0);
    if (used < 0) return Result::kCompressionError;
    in += used;
    left -= static_cast<size_t>(used);
    if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
      const std::string_view name(reinterpret_cast<const char*>(nv.name), nv.namelen);
      const std::string_view value(reinterpret_cast<const char*>(nv.value), nv.valuelen);
      const bool never = (nv.flags & NGHTTP2_NV_FLAG_NO_INDEX) != 0;
      if (!collector.Add(name, value, never ? Indexing::kNever : Indexing::kAllowed)) return Result::kTooMuch;
    }
    if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) {
      nghttp2_hd_inflate_end_headers(state_->inflater);
      return Result::kOk;
    }
    if ((flags & NGHTTP2_HD_INFLATE_EMIT) == 0 && left == 0) return Result::kOk;
  }
}

struct HpackEncoder::State {
  nghttp2_hd_deflater* deflater = nullptr;
  uint32_t max_table_bytes = 0;
  std::vector<nghttp2_nv> fields;
};

HpackEncoder::HpackEncoder(uint32_t max_table_bytes) : state_(std::make_unique<State>()) {
  state_->max_table_bytes = max_table_bytes;
  if (nghttp2_hd_deflate_new(&state_->deflater, max_table_bytes) != 0) std::abort();  // Out of memory.
}

HpackEncoder::~HpackEncoder() { nghttp2_hd_deflate_del(state_->deflater); }

void HpackEncoder::SetTableBytes(uint32_t bytes) {
  nghttp2_hd_deflate_change_table_size(state_->deflater, std::min(bytes, state_->max_table_bytes));
}

size_t HpackEncoder::Bound(const HeaderList& list) {
  return kBlockBound + list.list_size() - 32 * list.size() + kFieldBound * list.size();
}

size_t HpackEncoder::Encode(const HeaderList& list, uint8_t* to) {
  state_->fields.clear();
  for (const HeaderField field : list) {
    const bool never = field.indexing == Indexing::kNever || IsNeverIndexed(field.name);
    state_->fields.push_back({reinterpret_cast<uint8_t*>(const_cast<char*>(field.name.data())),
                              reinterpret_cast<uint8_t*>(const_cast<char*>(field.value.data())), field.name.size(),
                              field.value.size(),
                              static_cast<uint8_t>(never ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE)});
  }
  const ssize_t size =
      nghttp2_hd_deflate_hd(state_->deflater, to, Bound(list), state_->fields.data(), state_->fields.size());
  if (size < 0) std::abort();  // The bound is wrong, or memory ran out.
  return static_cast<size_t>(size);
}

}  // namespace weir::http2
