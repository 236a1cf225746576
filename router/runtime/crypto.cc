#include "router/runtime/crypto.h"

// SHA256_CTX is marked deprecated in favour of EVP contexts, which allocate and lock: copying one costs more than the
// whole MAC of a ticket. The plain structure is the only way to start from a state that was computed before.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <algorithm>
#include <cstdlib>

namespace weir::runtime {
namespace {

constexpr size_t kBlockSize = SHA256_CBLOCK;

const uint8_t* Bytes(std::string_view text) { return reinterpret_cast<const uint8_t*>(text.data()); }

// The state of SHA-256 after one block: the key, padded with zeros, each byte xor `pad`.
std::array<uint32_t, 8> KeyedState(std::string_view key, uint8_t pad) {
  std::array<uint8_t, kBlockSize> block{};
  std::copy_n(Bytes(key), key.size(), block.begin());
  for (uint8_t& byte : block) byte ^= pad;
  SHA256_CTX context;
  SHA256_Init(&context);
  SHA256_Update(&context, block.data(), block.size());
  std::array<uint32_t, 8> state;
  std::copy(std::begin(context.h), std::end(context.h), state.begin());
  OPENSSL_cleanse(block.data(), block.size());
  return state;
}

// A context as KeyedState left it.
SHA256_CTX ContextAfterOneBlock(const std::array<uint32_t, 8>& state) {
  SHA256_CTX context;
  SHA256_Init(&context);
  std::copy(state.begin(), state.end(), std::begin(context.h));
  context.Nl = kBlockSize * 8;  // Bits hashed so far.
  return context;
}

}  // namespace

std::string Sha256(std::string_view bytes) {
  std::string digest(kSha256Size, '\0');
  SHA256(Bytes(bytes), bytes.size(), reinterpret_cast<uint8_t*>(digest.data()));
  return digest;
}

HmacKey::HmacKey(std::string_view key) {
  const std::string hashed = key.size() > kBlockSize ? Sha256(key) : std::string();
  if (!hashed.empty()) key = hashed;
  inner_ = KeyedState(key, 0x36);
  outer_ = KeyedState(key, 0x5c);
}

HmacKey::Mac HmacKey::Sign(std::string_view message) const {
  Mac mac;
  SHA256_CTX inner = ContextAfterOneBlock(inner_);
  SHA256_Update(&inner, message.data(), message.size());
  SHA256_Final(mac.data(), &inner);
  SHA256_CTX outer = ContextAfterOneBlock(outer_);
  SHA256_Update(&outer, mac.data(), mac.size());
  SHA256_Final(mac.data(), &outer);
  return mac;
}

bool IsEqualInConstantTime(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string RandomBytes(size_t count) {
  std::string bytes(count, '\0');
  // Without randomness there are no keys, and a key that can be guessed is worse than no process.
  if (RAND_bytes(reinterpret_cast<uint8_t*>(bytes.data()), static_cast<int>(count)) != 1) std::abort();
  return bytes;
}

}  // namespace weir::runtime
