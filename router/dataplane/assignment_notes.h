// Records of assignments on their way to the log: in batches, so that a call costs no lock.

#ifndef WEIR_ROUTER_DATAPLANE_ASSIGNMENT_NOTES_H_
#define WEIR_ROUTER_DATAPLANE_ASSIGNMENT_NOTES_H_

#include <functional>
#include <utility>
#include <vector>

#include "config/limits.h"
#include "stats/assignment_record.h"

namespace weir::dataplane {

// Takes records, or drops and counts them; never waits. Called by workers, each on its own thread.
using AssignmentSink = std::function<void(std::vector<stats::AssignmentRecord>)>;

// One worker's.
class AssignmentNotes {
 public:
  // Null: there is no log, and nothing is added.
  explicit AssignmentNotes(AssignmentSink sink) : sink_(std::move(sink)) {}

  void Add(const stats::AssignmentRecord& record) {
    if (sink_ == nullptr) return;
    batch_.push_back(record);
    if (batch_.size() >= config::limits::kLoggedCallsPerBatch) Send();
  }
  // Every tick.
  void Send() {
    if (!batch_.empty()) sink_(std::exchange(batch_, {}));
  }

 private:
  const AssignmentSink sink_;
  std::vector<stats::AssignmentRecord> batch_;
};

}  // namespace weir::dataplane

#endif  // WEIR_ROUTER_DATAPLANE_ASSIGNMENT_NOTES_H_
