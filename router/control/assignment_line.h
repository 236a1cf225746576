// The lines of the assignment log: assignment_log.md says what they mean. Pure.

#ifndef WEIR_ROUTER_CONTROL_ASSIGNMENT_LINE_H_
#define WEIR_ROUTER_CONTROL_ASSIGNMENT_LINE_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "router/routing/route_table.h"
#include "stats/assignment_record.h"
#include "stats/ticket.h"

namespace weir::control {

// What the numbers of records stand for, learnt from the tables that workers go by. Bounded: the oldest runs go first.
class RunNames {
 public:
  static constexpr size_t kKept = 4096;

  struct Names {
    std::string experiment;
    uint32_t run = 0;  // Its ordinal.
    std::vector<std::string> variants;
    bool operator==(const Names&) const = default;
  };

  void Learn(const routing::RouteTable& table);
  // By stats::CountsKey::run; null for what is not known.
  const Names* Find(uint32_t run) const;
  // Of a ticket's experiment; "" for one that is not known.
  const std::string& ExperimentOf(uint64_t name_hash) const;

 private:
  std::map<uint32_t, Names> runs_;
  std::map<uint64_t, std::string> experiments_;  // By routing::NameHash.
};

// Each appends one line, with its end.

// False, and nothing, where the run or a variant of it is not known.
bool AppendAssignment(const stats::AssignmentRecord& record, const RunNames& names, std::string& out);
// An outcome that was counted at `now`.
void AppendOutcome(const stats::OutcomeReport& report, const RunNames& names, absl::Time now, std::string& out);
// So many lines were lost since the last one of this kind.
void AppendDropped(int64_t lines, absl::Time now, std::string& out);

}  // namespace weir::control

#endif  // WEIR_ROUTER_CONTROL_ASSIGNMENT_LINE_H_
