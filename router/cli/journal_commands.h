// What may be asked of a journal: values that the command line fills in.

#ifndef WEIR_ROUTER_CLI_JOURNAL_COMMANDS_H_
#define WEIR_ROUTER_CLI_JOURNAL_COMMANDS_H_

#include <string>

namespace weir::cli {

// In all of them `journal` is a journal's file or the state directory that holds it; empty: the proxy says where it is.

struct AuditCommand {
  bool is_verify = false;
  std::string journal{};
  std::string head{};        // Of verify: hex of a head that was seen earlier; empty: none.
  std::string experiment{};  // Of show; empty: all.
  bool wants_specifications = false;
  bool wants_differences = false;
  bool is_json = false;
};

struct ReplayCommand {
  std::string experiment{};
  std::string journal{};
  bool is_json = false;
};

struct ReportCommand {
  std::string experiment{};
  std::string journal{};
  bool is_of_now = false;  // From the journal, whatever reports there are.
  bool is_json = false;
  std::string svg{};  // Where a plot goes; empty: nowhere.
};

}  // namespace weir::cli

#endif  // WEIR_ROUTER_CLI_JOURNAL_COMMANDS_H_
