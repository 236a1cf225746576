#include "router/http2/huffman.h"

#include <array>

namespace weir::http2 {
namespace {

constexpr size_t kSymbols = 257;
constexpr size_t kEndOfString = 256;
constexpr int kShortest = 5;
constexpr int kLongest = 30;

// Bits of each symbol's code. The code is canonical, so its lengths say everything: codes of one length are consecutive
// numbers in the order of their symbols.
constexpr std::array<uint8_t, kSymbols> kLengths = {
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28,
    28, 28, 28, 6,  10, 10, 12, 13, 6,  8,  11, 10, 10, 8,  11, 8,  6,  6,  6,  5,  5,  5,  6,  6,  6,  6,  6,  6,  6,
    7,  8,  15, 6,  12, 10, 13, 6,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,
    7,  8,  7,  8,  13, 19, 13, 14, 6,  15, 5,  6,  5,  6,  5,  6,  6,  6,  5,  7,  7,  6,  6,  6,  5,  6,  7,  6,  5,
    5,  6,  7,  7,  7,  7,  7,  15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24,
    24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22,
    23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26,
    27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23,
    22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
};

struct Canonical {
  std::array<uint32_t, kLongest + 1> first_code{};
  std::array<uint32_t, kLongest + 1> count{};
  std::array<uint32_t, kLongest + 1> first_index{};
  std::array<uint16_t, kSymbols> symbols{};  // By length, then by number.
};

constexpr Canonical MakeCanonical() {
  Canonical made;
  uint32_t code = 0;
  uint32_t index = 0;
  for (int length = 1; length <= kLongest; ++length) {
    code <<= 1;
    made.first_code[length] = code;
    made.first_index[length] = index;
    for (size_t symbol = 0; symbol < kSymbols; ++symbol) {
      if (kLengths[symbol] == length) made.symbols[index++] = static_cast<uint16_t>(symbol);
    }
    made.count[length] = index - made.first_index[length];
    code += made.count[length];
  }
  return made;
}
constexpr Canonical kCanonical = MakeCanonical();

// The symbols, one or two, whose codes lie wholly within the next bits. Nearly all text is decoded by this table.
struct Shortcut {
  uint8_t symbols[2] = {};
  uint8_t count = 0;  // 0: the next code is longer than the shortcut.
  uint8_t bits = 0;
};
constexpr int kShortcutBits = 12;

struct Symbol {
  size_t symbol = 0;
  int bits = 0;  // 0: no code within the bits.
};

// The first symbol of `bits`, which are left-aligned; only the first `available` of them count.
constexpr Symbol FirstSymbol(uint64_t bits, int available) {
  for (int length = kShortest; length <= kLongest && length <= available; ++length) {
    const auto offset = static_cast<uint32_t>(bits >> (64 - length)) - kCanonical.first_code[length];
    if (offset < kCanonical.count[length]) {
      return {kCanonical.symbols[kCanonical.first_index[length] + offset], length};
    }
  }
  return {};
}

constexpr std::array<Shortcut, 1 << kShortcutBits> MakeShortcuts() {
  std::array<Shortcut, 1 << kShortcutBits> made{};
  for (uint64_t i = 0; i < made.size(); ++i) {
    const uint64_t bits = i << (64 - kShortcutBits);
    const Symbol first = FirstSymbol(bits, kShortcutBits);
    if (first.bits == 0) continue;
    const Symbol second = FirstSymbol(bits << first.bits, kShortcutBits - first.bits);
    made[i] = {{static_cast<uint8_t>(first.symbol), static_cast<uint8_t>(second.symbol)},
               static_cast<uint8_t>(second.bits == 0 ? 1 : 2),
               static_cast<uint8_t>(first.bits + second.bits)};
  }
  return made;
}
constexpr std::array<Shortcut, 1 << kShortcutBits> kShortcuts = MakeShortcuts();

// Whether the last bits are padding: at most 7, and all ones.
bool IsPadding(uint64_t bits, int available) {
  return available == 0 || (available < 8 && bits >> (64 - available) == (1u << available) - 1);
}

}  // namespace

std::optional<size_t> DecodeHuffman(std::string_view encoded, char* to) {
  const auto* from = reinterpret_cast<const uint8_t*>(encoded.data());
  const uint8_t* const end = from + encoded.size();
  char* const begin = to;
  uint64_t bits = 0;  // Left-aligned; those beyond `available` are 0.
  int available = 0;
  while (true) {
    for (; available <= 56 && from < end; available += 8) bits |= uint64_t{*from++} << (56 - available);
    if (available < kLongest && IsPadding(bits, available)) return to - begin;
    const Shortcut shortcut = kShortcuts[bits >> (64 - kShortcutBits)];
    if (shortcut.count != 0 && shortcut.bits <= available) {
      to[0] = static_cast<char>(shortcut.symbols[0]);
      to[1] = static_cast<char>(shortcut.symbols[1]);
      to += shortcut.count;
      bits <<= shortcut.bits;
      available -= shortcut.bits;
      continue;
    }
    const Symbol symbol = FirstSymbol(bits, available);
    if (symbol.bits == 0 || symbol.symbol == kEndOfString) return std::nullopt;
    *to++ = static_cast<char>(symbol.symbol);
    bits <<= symbol.bits;
    available -= symbol.bits;
  }
}

}  // namespace weir::http2
