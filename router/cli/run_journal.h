// Carries out what is asked of a journal: finds it, reads it, prints.

#ifndef WEIR_ROUTER_CLI_RUN_JOURNAL_H_
#define WEIR_ROUTER_CLI_RUN_JOURNAL_H_

#include <ostream>
#include <string>

#include "absl/status/status.h"
#include "router/cli/journal_commands.h"

namespace weir::cli {

// The page goes to `out`. An error: there is nothing to print (UNAVAILABLE from the proxy: AdminClient). `is_good` is
// false where the page says that something is wrong.
absl::Status RunAudit(const std::string& address, const AuditCommand& command, std::ostream& out, bool& is_good);
absl::Status RunReplay(const std::string& address, const ReplayCommand& command, std::ostream& out, bool& is_good);
// The newest page of the reports' folder, or one made from the journal.
absl::Status RunReport(const std::string& address, const ReportCommand& command, std::ostream& out);

}  // namespace weir::cli

#endif  // WEIR_ROUTER_CLI_RUN_JOURNAL_H_
