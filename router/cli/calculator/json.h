// JSON, as the calculator and the simulation name it.

#ifndef WEIR_ROUTER_CLI_CALCULATOR_JSON_H_
#define WEIR_ROUTER_CLI_CALCULATOR_JSON_H_

#include "router/runtime/json.h"

namespace weir::cli {

using runtime::Json;
using runtime::ParseJson;
using runtime::WriteJson;

}  // namespace weir::cli

#endif  // WEIR_ROUTER_CLI_CALCULATOR_JSON_H_
