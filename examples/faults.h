// What a model server was told to do wrong. The drawing is pure; `FaultInjector` shares the settings among the server's
// threads.

#ifndef WEIR_EXAMPLES_FAULTS_H_
#define WEIR_EXAMPLES_FAULTS_H_

#include <cstdint>
#include <optional>
#include <random>

#include "absl/random/bit_gen_ref.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "examples/faults.pb.h"

namespace weir::examples {

// The longest time that a fault may add: beyond it, `hang` is what is meant.
inline constexpr absl::Duration kMaxAddedLatency = absl::Minutes(10);

// InvalidArgument names the field that is out of its range.
absl::Status CheckFaults(const example::FaultSettings& settings);

// What one inference call has to suffer.
struct Misfortune {
  bool hang = false;  // The rest does not matter then.
  absl::Duration delay;
  std::optional<int> fail_code;  // A gRPC status code.
  double worse_share = 0;
};

// Draws for one call by `settings`, which passed CheckFaults.
Misfortune Draw(const example::FaultSettings& settings, absl::BitGenRef rng);

// Any thread. The one mutex of the examples: fault settings are a few numbers, and a model server of a demo is no hot
// path.
class FaultInjector {
 public:
  explicit FaultInjector(uint64_t seed) : rng_(seed) {}

  absl::Status Set(const example::FaultSettings& settings);  // InvalidArgument changes nothing.
  example::FaultSettings settings() const;
  Misfortune DrawForCall();
  uint64_t DrawSeed();  // For a generator of the caller's own.

 private:
  mutable absl::Mutex mutex_;
  example::FaultSettings settings_ ABSL_GUARDED_BY(mutex_);
  std::mt19937_64 rng_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace weir::examples

#endif  // WEIR_EXAMPLES_FAULTS_H_
