// A run at a glance: who got how much when, and what happened then; how far each guardrail was from its threshold; and
// how slow each variant's calls were. Pure.

#ifndef WEIR_ROUTER_CLI_REPORT_SVG_H_
#define WEIR_ROUTER_CLI_REPORT_SVG_H_

#include <string>

#include "proto/weir/v1/report.pb.h"

namespace weir::cli {

std::string ReportSvg(const v1::RunReport& report);

}  // namespace weir::cli

#endif  // WEIR_ROUTER_CLI_REPORT_SVG_H_
