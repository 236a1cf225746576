// Experiments as their authors keep them, rendered as the files that Weir reads, and edited as people edit.

#ifndef WEIR_TEST_SIMULATOR_SPEC_DRAFT_H_
#define WEIR_TEST_SIMULATOR_SPEC_DRAFT_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "test/simulator/dice.h"

namespace weir::simulator {

// One experiment's file. Texts are YAML.
struct SpecDraft {
  std::string name;
  std::string run{};
  std::string default_variant = "baseline";
  std::vector<std::pair<std::string, int>> candidates = {{"baseline", 70}, {"candidate", 30}};  // With weights.
  std::vector<std::string> guardrails{};                                                        // A line each.
  std::string rollout{};                                                                        // Empty: none.
  bool has_metrics = true;
  std::string join_window = "24h";

  std::string ToYaml() const;
};

// The proxy's file, with these models.
std::string ProxyYaml(const std::vector<std::string>& models);

// What a world's authors may do.
struct Liberties {
  bool may_change_guardrails = true;
  bool may_change_default = true;  // And whether the candidate "candidate" may go.
};

// Chance's first specification for `name`. `now` is what times in it are near to.
SpecDraft RandomDraft(const std::string& name, absl::Time now, Dice& dice);
void EditAtRandom(SpecDraft& draft, const Liberties& liberties, absl::Time now, Dice& dice);
// A file that Weir refuses; or, with all liberties, one that is half written and may be taken up all the same.
std::string Broken(const std::string& yaml, const Liberties& liberties, Dice& dice);

}  // namespace weir::simulator

#endif  // WEIR_TEST_SIMULATOR_SPEC_DRAFT_H_
