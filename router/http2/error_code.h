// Why a stream or a connection ended (RFC 9113, section 7).

#ifndef WEIR_ROUTER_HTTP2_ERROR_CODE_H_
#define WEIR_ROUTER_HTTP2_ERROR_CODE_H_

#include <cstdint>

namespace weir::http2 {

enum class ErrorCode : uint32_t {
  kNoError = 0x0,
  kProtocolError = 0x1,
  kInternalError = 0x2,
  kFlowControlError = 0x3,
  kSettingsTimeout = 0x4,
  kStreamClosed = 0x5,
  kFrameSizeError = 0x6,
  kRefusedStream = 0x7,
  kCancel = 0x8,
  kCompressionError = 0x9,
  kConnectError = 0xa,
  kEnhanceYourCalm = 0xb,
  kInadequateSecurity = 0xc,
  kHttp11Required = 0xd,
};

}  // namespace weir::http2

#endif  // WEIR_ROUTER_HTTP2_ERROR_CODE_H_
