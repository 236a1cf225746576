// Which build this is: shown by both programs.

#ifndef WEIR_ROUTER_CLI_VERSION_H_
#define WEIR_ROUTER_CLI_VERSION_H_

namespace weir::cli {

inline constexpr char kVersion[] = "0.1.0";

}  // namespace weir::cli

#endif  // WEIR_ROUTER_CLI_VERSION_H_
