// Which version of its specification an experiment goes by, and which of them the journal holds.

#ifndef WEIR_ROUTER_CONTROL_SPECIFICATION_VERSIONS_H_
#define WEIR_ROUTER_CONTROL_SPECIFICATION_VERSIONS_H_

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include "config/config.h"
#include "router/experiment/journal.h"

namespace weir::control {

// Of one experiment. A version that another replaced before any row was written is not kept, and its ordinal not used
// again.
class SpecificationVersions {
 public:
  // The newest that the journal holds.
  void Remember(experiment::SpecificationVersion held) {
    journalled_ = held.ordinal;
    if (!newest_ || newest_->text == held.text) {
      newest_ = std::move(held);
    } else {
      newest_->ordinal = std::max(newest_->ordinal, held.ordinal + 1);
    }
  }

  // The file as it is now. A text that is as before makes no version, whoever wrote it again.
  void TakeUp(const config::Experiment& filed) {
    if (filed.source.empty() || (newest_ && newest_->text == filed.source)) return;
    newest_ = experiment::SpecificationVersion{.ordinal = ordinal() + 1,
                                               .text = filed.source,
                                               .file = filed.file,
                                               .owner = filed.origin.owner,
                                               .modified = filed.origin.modified};
  }

  uint32_t ordinal() const { return newest_ ? newest_->ordinal : 0; }  // Of the newest; 0: none is known.
  // The newest, if no row holds it.
  std::optional<experiment::SpecificationVersion> Unjournalled() const {
    return ordinal() > journalled_ ? newest_ : std::nullopt;
  }
  void NoteJournalled(uint32_t ordinal) { journalled_ = std::max(journalled_, ordinal); }

 private:
  std::optional<experiment::SpecificationVersion> newest_;
  uint32_t journalled_ = 0;
};

}  // namespace weir::control

#endif  // WEIR_ROUTER_CONTROL_SPECIFICATION_VERSIONS_H_
