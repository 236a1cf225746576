// The string code of header compression (RFC 7541, section 5.2 and appendix B): decoding only, since we send plain
// text.

#ifndef WEIR_ROUTER_HTTP2_HUFFMAN_H_
#define WEIR_ROUTER_HTTP2_HUFFMAN_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace weir::http2 {

// Room that decoding `encoded_size` bytes needs at most: the shortest code has 5 bits.
constexpr size_t HuffmanBound(size_t encoded_size) { return encoded_size * 8 / 5 + 2; }

// Decodes to `to`, which has `HuffmanBound` bytes. Nothing if the text is malformed: the end-of-string symbol, or
// padding that is longer than 7 bits or not of ones.
std::optional<size_t> DecodeHuffman(std::string_view encoded, char* to);

}  // namespace weir::http2

#endif  // WEIR_ROUTER_HTTP2_HUFFMAN_H_
