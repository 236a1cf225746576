// What must be so in every history, and the court that listens to one.
//
// A rule knows nothing of the controller: it hears what happens and judges by that alone. So each of them can be shown
// a history that breaks it (the *_rules_test.cc), for a rule that cannot fail says nothing.

#ifndef WEIR_TEST_SIMULATOR_RULE_H_
#define WEIR_TEST_SIMULATOR_RULE_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "test/simulator/history.h"

namespace weir::simulator {

// Called with what is wrong.
using Accuse = std::function<void(std::string)>;

class Rule {
 public:
  virtual ~Rule() = default;
  // The rule in words.
  virtual std::string name() const = 0;
  virtual void Hear(const Event& event, absl::Time now, const Accuse& accuse) = 0;
};

// Every rule that there is.
std::vector<std::unique_ptr<Rule>> AllRules();

class Court {
 public:
  // Beyond these, nothing is learnt.
  static constexpr size_t kMostViolations = 20;

  explicit Court(std::vector<std::unique_ptr<Rule>> rules) : rules_(std::move(rules)) {}

  void Hear(const Event& event, absl::Time now);
  const std::vector<std::string>& violations() const { return violations_; }

 private:
  std::vector<std::unique_ptr<Rule>> rules_;
  std::vector<std::string> violations_;
};

}  // namespace weir::simulator

#endif  // WEIR_TEST_SIMULATOR_RULE_H_
