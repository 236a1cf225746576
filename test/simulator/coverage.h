// What a run reached, counted: a swarm that never rolls anything back says nothing about rollbacks.

#ifndef WEIR_TEST_SIMULATOR_COVERAGE_H_
#define WEIR_TEST_SIMULATOR_COVERAGE_H_

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "test/simulator/history.h"

namespace weir::simulator {

class Coverage {
 public:
  void Hear(const Event& event);
  void Count(const std::string& what, int64_t times = 1) { counts_[what] += times; }
  void Merge(const Coverage& other);

  const std::map<std::string, int64_t>& counts() const { return counts_; }
  int64_t Of(const std::string& what) const;

  // What every swarm of some hundred seeds is to reach.
  static const std::set<std::string>& Wanted();

 private:
  struct Given {
    std::string kind;
    bool is_asked = false;
  };
  void OnRow(const v1::AuditRecord& record);

  std::map<std::string, int64_t> counts_;
  std::map<uint64_t, Given> given_;
  std::map<std::string, uint32_t> latest_run_;
  std::set<std::string> filed_, ever_filed_;
};

}  // namespace weir::simulator

#endif  // WEIR_TEST_SIMULATOR_COVERAGE_H_
