// `weirctl audit`: what the journal holds, and whether it is as it was written. Pure: from what was read to a page.

#ifndef WEIR_ROUTER_CLI_AUDIT_H_
#define WEIR_ROUTER_CLI_AUDIT_H_

#include <string>

#include "absl/status/statusor.h"
#include "router/cli/journal_commands.h"
#include "router/control/journal_reader.h"

namespace weir::cli {

struct AuditPage {
  std::string text;
  bool is_good = true;  // The chain holds, and holds the head that was asked for.
};

// The chain's head, its rows and their times; or the exact place where it is broken.
AuditPage VerifyAudit(const control::JournalContents& contents, const AuditCommand& command);
// Rows as far as the chain holds; or versions of specifications, or what changed between them. As JSON: the records, a
// line each. NOT_FOUND where the journal holds no row of the experiment that was named.
absl::StatusOr<AuditPage> ShowAudit(const control::JournalContents& contents, const AuditCommand& command);

}  // namespace weir::cli

#endif  // WEIR_ROUTER_CLI_AUDIT_H_
