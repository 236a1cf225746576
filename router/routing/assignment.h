// Which variant a user gets: a pure function of the salted key and the weights, the same on every replica and restart.
//
//   user     = XXH3_64(key, seed = XXH3_64(salt))
//   u(i)     = ((XXH3_64(name_i, seed = user) >> 11) + 0.5) * 2^-53
//   arrival  = -ln(u(i)) / weight_i;  the earliest wins, the first listed at a tie.
//
// Weighted rendezvous: each variant draws a time to arrive, and P(i) = weight_i / sum. A heavier weight arrives earlier and
// changes no other's time, so raising one weight, or adding a variant, only ever moves users into that variant. Test vectors:
// test/vectors/assignment.json, reproduced by an independent script.
//
// Reference: D. Thaler and C. Ravishankar, "Using name-based mappings to increase hit rates", 1998 (rendezvous); the weights by
// the minimum of exponentials: P(the first of Exp(w_i) is i) = w_i / sum. XXH3_64 as of xxHash 0.8, whose output is frozen.

#ifndef WEIR_ROUTER_ROUTING_ASSIGNMENT_H_
#define WEIR_ROUTER_ROUTING_ASSIGNMENT_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace weir::routing {

// A user within one experiment. A type, so that no other integer is taken for it.
struct UserHash {
  uint64_t value = 0;
  bool operator==(const UserHash&) const = default;
};

struct WeightedVariant {
  std::string name;
  uint32_t weight = 0;  // Relative (config::Weight::hundredths); 0 never arrives.
  bool operator==(const WeightedVariant&) const = default;
};

// XXH3_64 of the salt: computed once for a table.
uint64_t SaltSeed(std::string_view salt);
UserHash HashUser(std::string_view key, uint64_t salt_seed);

// XXH3_64 of an experiment's name: its number in tickets.
uint64_t NameHash(std::string_view name);

// u and arrival of the rule above, for whoever explains an assignment. The arrival is infinite at weight 0.
double UnitInterval(UserHash user, std::string_view name);
double Arrival(double unit_interval, uint32_t weight);

// The index of the winner. At least one weight is above 0: a bug otherwise, which aborts.
size_t Assign(UserHash user, std::span<const WeightedVariant> variants);

// A user outside of any experiment: XXH3_64(key, seed = kBucketSeed). Another hash than the assignment's, so that it
// says nothing about the variant. Its top 8 bits are the user's bucket for clustered variance.
inline constexpr uint64_t kBucketSeed = 0x6275636b65742031;  // "bucket 1"
uint64_t UserNumber(std::string_view key);
inline uint8_t BucketOf(uint64_t user_number) { return static_cast<uint8_t>(user_number >> 56); }
inline uint8_t UserBucket(std::string_view key) { return BucketOf(UserNumber(key)); }

// Whether a user is of a sample of so many basis points: the users with the lowest numbers. And whether some user of a
// bucket is.
inline bool IsInSample(uint64_t user_number, int basis_points) {
  return (((user_number >> 32) * 10000) >> 32) < static_cast<uint64_t>(basis_points);
}
inline bool MayBeInSample(uint8_t bucket, int basis_points) {
  return IsInSample(static_cast<uint64_t>(bucket) << 56, basis_points);
}

// A user's sequence of calls, for whoever remembers where it goes. Never 0.
uint64_t SequenceNumber(std::string_view sequence, UserHash user);

}  // namespace weir::routing

#endif  // WEIR_ROUTER_ROUTING_ASSIGNMENT_H_
