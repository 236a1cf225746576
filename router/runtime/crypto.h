// Hashes, keyed hashes and randomness: the only door to OpenSSL's.

#ifndef WEIR_ROUTER_RUNTIME_CRYPTO_H_
#define WEIR_ROUTER_RUNTIME_CRYPTO_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace weir::runtime {

inline constexpr size_t kSha256Size = 32;

// SHA-256 (FIPS 180-4): 32 raw bytes.
std::string Sha256(std::string_view bytes);

// HMAC-SHA256 (RFC 2104) under one key. The two keyed states are computed once, so that signing a short message costs
// two or three blocks of SHA-256 and no allocation. Immutable: any thread.
class HmacKey {
 public:
  using Mac = std::array<uint8_t, kSha256Size>;

  // A key of any length; one below 32 bytes weakens the result, and is the caller's to refuse.
  explicit HmacKey(std::string_view key);

  Mac Sign(std::string_view message) const;

 private:
  using State = std::array<uint32_t, 8>;  // SHA-256 after one block.
  State inner_;
  State outer_;
};

// Equality in a time that depends on the sizes alone. False when the sizes differ.
bool IsEqualInConstantTime(std::string_view a, std::string_view b);

// `count` unpredictable bytes from the operating system's generator. Ends the process if it has none to give.
std::string RandomBytes(size_t count);

}  // namespace weir::runtime

#endif  // WEIR_ROUTER_RUNTIME_CRYPTO_H_
