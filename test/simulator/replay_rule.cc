#include "test/simulator/replay_rule.h"

#include "absl/strings/str_cat.h"

namespace weir::simulator {

void EachDecisionIsReproduced::Hear(const Event& event, absl::Time, const Accuse& accuse) {
  using Outcome = experiment::Replayed::Outcome;
  const auto* written = std::get_if<RowWritten>(&event);
  if (written == nullptr) return;
  const v1::AuditRecord& record = written->record;
  const experiment::Replayed replayed = replays_[record.state().experiment()].Next(record);
  const bool is_told_again = record.event().has_breached() && !replayed.is_judged_again;
  const bool is_reproduced = replayed.outcome == Outcome::kReproduced || replayed.outcome == Outcome::kTakenUp ||
                             replayed.outcome == Outcome::kNotOpened;
  if (is_reproduced && !is_told_again) return;
  accuse(absl::StrCat("row ", record.sequence(), ", ", record.action(), " of ", record.state().experiment(), ": ",
                      !replayed.difference.empty() ? replayed.difference
                      : is_reproduced              ? "its breach is not judged again"
                                                   : "it does not hold what it was decided on"));
}

}  // namespace weir::simulator
