#!/usr/bin/python3
"""Reproduces the published vectors of the assignment rule, independently of the proxy's code.

    check_assignment.py [assignment.json]     checks every vector; exit status 1 and a line each where one differs
    check_assignment.py --write FILE          writes the vectors anew, by this file alone

The rule:
    user    = XXH3_64(key, seed = XXH3_64(salt))
    u(i)    = ((XXH3_64(name_i, seed = user) >> 11) + 0.5) * 2^-53
    arrival = -ln(u(i)) / weight_i; the earliest wins; weight 0 never arrives
    bucket  = XXH3_64(key, seed = 0x6275636b65742031) >> 56
XXH3_64 is written here from its published specification, in plain Python and with no library.
"""

import json
import math
import pathlib
import sys

MASK32 = (1 << 32) - 1
MASK64 = (1 << 64) - 1

PRIME32_1, PRIME32_2, PRIME32_3 = 0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D
PRIME64_1, PRIME64_2, PRIME64_3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
PRIME64_4, PRIME64_5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5
PRIME_MX1, PRIME_MX2 = 0x165667919E3779F9, 0x9FB21C651E98DF25

SECRET = bytes.fromhex(
    "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671f"
    "cb79e64eccc0e578825ad07dccff7221b8084674f743248ee03590e6813a264c"
    "3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8"
    "a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364"
    "eac5ac8334d3ebc3c581a0fffa1363eb170ddd51b7f0da49d316552629d4689e"
    "2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e")

BUCKET_SEED = int.from_bytes(b"bucket 1", "big")


def read32(data, at):
    return int.from_bytes(data[at:at + 4], "little")


def read64(data, at):
    return int.from_bytes(data[at:at + 8], "little")


def swap(value, size):
    return int.from_bytes(value.to_bytes(size, "little"), "big")


def rotate_left(value, by):
    return ((value << by) | (value >> (64 - by))) & MASK64


def fold(a, b):
    """The two halves of a 128-bit product, xored."""
    product = a * b
    return (product & MASK64) ^ (product >> 64)


def avalanche64(h):
    """The final mix of XXH64."""
    h = (h ^ (h >> 33)) * PRIME64_2 & MASK64
    h = (h ^ (h >> 29)) * PRIME64_3 & MASK64
    return h ^ (h >> 32)


def avalanche3(h):
    """The final mix of XXH3."""
    h = (h ^ (h >> 37)) * PRIME_MX1 & MASK64
    return h ^ (h >> 32)


def mix16(data, at, secret_at, seed):
    return fold(read64(data, at) ^ (read64(SECRET, secret_at) + seed & MASK64),
                read64(data, at + 8) ^ (read64(SECRET, secret_at + 8) - seed & MASK64))


def hash_up_to_16(data, seed):
    n = len(data)
    if n == 0:
        return avalanche64(seed ^ read64(SECRET, 56) ^ read64(SECRET, 64))
    if n <= 3:
        combined = (data[0] << 16) | (data[n >> 1] << 24) | data[n - 1] | (n << 8)
        flip = (read32(SECRET, 0) ^ read32(SECRET, 4)) + seed & MASK64
        return avalanche64(combined ^ flip)
    if n <= 8:
        seed ^= swap(seed & MASK32, 4) << 32
        flip = (read64(SECRET, 8) ^ read64(SECRET, 16)) - seed & MASK64
        h = (read32(data, n - 4) + (read32(data, 0) << 32) & MASK64) ^ flip
        h ^= rotate_left(h, 49) ^ rotate_left(h, 24)
        h = h * PRIME_MX2 & MASK64
        h = (h ^ ((h >> 35) + n & MASK64)) * PRIME_MX2 & MASK64
        return h ^ (h >> 28)
    low = read64(data, 0) ^ ((read64(SECRET, 24) ^ read64(SECRET, 32)) + seed & MASK64)
    high = read64(data, n - 8) ^ ((read64(SECRET, 40) ^ read64(SECRET, 48)) - seed & MASK64)
    return avalanche3(n + swap(low, 8) + high + fold(low, high) & MASK64)


def hash_17_to_128(data, seed):
    n = len(data)
    acc = n * PRIME64_1
    for i in range((n - 1) // 32 + 1):  # Pairs from both ends inwards.
        acc += mix16(data, 16 * i, 32 * i, seed)
        acc += mix16(data, n - 16 * (i + 1), 32 * i + 16, seed)
    return avalanche3(acc & MASK64)


def hash_129_to_240(data, seed):
    n = len(data)
    acc = n * PRIME64_1
    for i in range(8):
        acc += mix16(data, 16 * i, 16 * i, seed)
    acc = avalanche3(acc & MASK64)
    for i in range(8, n // 16):
        acc += mix16(data, 16 * i, 16 * (i - 8) + 3, seed)
    acc += mix16(data, n - 16, 136 - 17, seed)
    return avalanche3(acc & MASK64)


def accumulate(acc, data, at, secret, secret_at):
    for lane in range(8):
        value = read64(data, at + 8 * lane)
        key = value ^ read64(secret, secret_at + 8 * lane)
        acc[lane ^ 1] = acc[lane ^ 1] + value & MASK64
        acc[lane] = acc[lane] + (key & MASK32) * (key >> 32) & MASK64


def scramble(acc, secret):
    for lane in range(8):
        mixed = acc[lane] ^ (acc[lane] >> 47) ^ read64(secret, 128 + 8 * lane)
        acc[lane] = mixed * PRIME32_1 & MASK64


def hash_long(data, seed):
    n = len(data)
    secret = b"".join((read64(SECRET, 8 * i) + (seed if i % 2 == 0 else -seed) & MASK64).to_bytes(8, "little")
                      for i in range(24))
    acc = [PRIME32_3, PRIME64_1, PRIME64_2, PRIME64_3, PRIME64_4, PRIME32_2, PRIME64_5, PRIME32_1]
    for stripe in range((n - 1) // 64):
        accumulate(acc, data, 64 * stripe, secret, 8 * (stripe % 16))
        if stripe % 16 == 15:
            scramble(acc, secret)
    accumulate(acc, data, n - 64, secret, 192 - 64 - 7)
    h = n * PRIME64_1
    for i in range(4):
        h += fold(acc[2 * i] ^ read64(secret, 11 + 16 * i), acc[2 * i + 1] ^ read64(secret, 19 + 16 * i))
    return avalanche3(h & MASK64)


def xxh3_64(data, seed=0):
    if len(data) <= 16:
        return hash_up_to_16(data, seed)
    if len(data) <= 128:
        return hash_17_to_128(data, seed)
    if len(data) <= 240:
        return hash_129_to_240(data, seed)
    return hash_long(data, seed)


def assign(key, salt, variants):
    """`variants`: (name, weight) in the order of the specification."""
    user = xxh3_64(key, xxh3_64(salt))
    units = [((xxh3_64(name.encode(), user) >> 11) + 0.5) * 2.0**-53 for name, _ in variants]
    arrivals = [-math.log(u) / weight if weight else math.inf for u, (_, weight) in zip(units, variants)]
    return {"user": f"{user:016x}", "units": units, "winner": variants[arrivals.index(min(arrivals))][0],
            "bucket": xxh3_64(key, BUCKET_SEED) >> 56}


def write(path):
    sizes = [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 65, 96, 97, 127, 128, 129, 143, 144, 160, 239, 240, 241,
             255, 256, 257, 511, 512, 1023, 1024, 1025, 1087, 1088, 1089, 2048, 2049, 4096]
    hashes = []
    for size in sizes:
        data = bytes((i * 167 + size) % 251 for i in range(size))
        for seed in (0, 0x9E3779B97F4A7C15, MASK64):
            hashes.append({"bytes": data.hex(), "seed": f"{seed:016x}", "xxh3_64": f"{xxh3_64(data, seed):016x}"})
    keys = ["", "a", "42", "user-1", "user-2", "alice@example.com", "Ünïcödé-用户-🜁", "00000000-0000-4000-8000-000000000000",
            " spaced ", "tab\tinside", "k" * 129, "k" * 241, "long-" * 210] + [f"user-{i}" for i in range(100, 140)]
    salts = ["income-classifier", "", "a salt that is longer than any name of an experiment would be, by far", "盐"]
    splits = [[["baseline-predictor", 70], ["enhanced-predictor", 30]],
              [["baseline-predictor", 99.99], ["enhanced-predictor", 0.01]],
              [["a", 1], ["b", 1], ["c", 1]],
              [["a", 0], ["b", 50], ["c", 50], ["a-name-of-more-than-sixteen-bytes", 25]]]
    assignments = []
    for split in splits:
        for salt in salts:
            for key in keys if salt == salts[0] else keys[:12]:
                assignments.append({"key": key, "salt": salt, "variants": split,
                                    **assign(key.encode(), salt.encode(), split)})
    with open(path, "w", encoding="utf-8") as file:
        file.write('{"rule": "README and router/routing/assignment.h; keys, salts and names are UTF-8",\n "hashes": [\n  ')
        file.write(",\n  ".join(json.dumps(h) for h in hashes))
        file.write('],\n "assignments": [\n  ')
        file.write(",\n  ".join(json.dumps(a, ensure_ascii=False) for a in assignments))
        file.write("]}\n")


def differences(path):
    """One line for each vector that this file does not reproduce, and how many there are in all."""
    with open(path, encoding="utf-8") as file:
        vectors = json.load(file)
    found = []
    for h in vectors["hashes"]:
        data = bytes.fromhex(h["bytes"])
        value = f"{xxh3_64(data, int(h['seed'], 16)):016x}"
        if value != h["xxh3_64"]:
            found.append(f"{len(data)} bytes, seed {h['seed']}: {value}, not {h['xxh3_64']}")
    for a in vectors["assignments"]:
        mine = assign(a["key"].encode(), a["salt"].encode(), a["variants"])
        for field, value in mine.items():
            if a[field] != value:
                found.append(f"key {a['key']!r}, salt {a['salt']!r}, {a['variants']}: {field} {value}, not {a[field]}")
    return found, len(vectors["hashes"]) + len(vectors["assignments"])


def main(arguments):
    beside = pathlib.Path(__file__).with_name("assignment.json")
    if len(arguments) == 2 and arguments[0] == "--write":
        write(arguments[1])
        return 0
    if len(arguments) > 1 or arguments[:1] == ["--write"]:
        print(__doc__, file=sys.stderr)
        return 2
    found, total = differences(arguments[0] if arguments else beside)
    print("\n".join(found + [f"{total} vectors, {len(found)} differences"]))
    return 1 if found or not total else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
