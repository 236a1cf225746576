// What a test server has seen, by the tags of its calls. Any thread may call it.

#ifndef WEIR_TEST_INTEGRATION_OBSERVATIONS_H_
#define WEIR_TEST_INTEGRATION_OBSERVATIONS_H_

#include <map>
#include <string>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "test/integration/echo.pb.h"

namespace weir::test {

class Observations {
 public:
  explicit Observations(std::string server_name) : server_name_(std::move(server_name)) {}

  const std::string& server_name() const { return server_name_; }

  // Calls `change` with the counts of the tag, and again with those of all calls.
  template <typename Change>
  void Record(const std::string& tag, Change change) {
    absl::MutexLock lock(&mutex_);
    change(counts_[tag]);
    if (!tag.empty()) change(counts_[""]);
  }

  Counts Of(const std::string& tag) {
    absl::MutexLock lock(&mutex_);
    return counts_[tag];
  }

  void Behave(const Knobs& knobs) {
    absl::MutexLock lock(&mutex_);
    behaviour_ = knobs;
  }

  // The call's own knobs with those of `Behave` over them.
  Knobs KnobsFor(const std::string& serialized) {
    Knobs knobs;
    knobs.ParseFromString(serialized);
    absl::MutexLock lock(&mutex_);
    knobs.MergeFrom(behaviour_);
    return knobs;
  }

 private:
  const std::string server_name_;
  absl::Mutex mutex_;
  std::map<std::string, Counts> counts_;
  Knobs behaviour_;
};

}  // namespace weir::test

#endif  // WEIR_TEST_INTEGRATION_OBSERVATIONS_H_
