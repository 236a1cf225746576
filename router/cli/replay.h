// `weirctl replay`: decides again what the journal says was decided. Pure: from what was read to a page.

#ifndef WEIR_ROUTER_CLI_REPLAY_H_
#define WEIR_ROUTER_CLI_REPLAY_H_

#include <string>

#include "router/cli/journal_commands.h"
#include "router/control/journal_reader.h"

namespace weir::cli {

struct ReplayPage {
  std::string text;
  bool is_good = true;  // Nothing differs, and the journal is whole.
};

// Each decision with its numbers, up to the first that comes out otherwise, and how many were reproduced.
ReplayPage ReplayDecisions(const control::JournalContents& contents, const ReplayCommand& command);

}  // namespace weir::cli

#endif  // WEIR_ROUTER_CLI_REPLAY_H_
