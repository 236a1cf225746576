// What is concluded of an experiment as a whole, for a terminal.

#ifndef WEIR_ROUTER_CLI_ANALYSIS_TEXT_H_
#define WEIR_ROUTER_CLI_ANALYSIS_TEXT_H_

#include <string>

#include "proto/weir/v1/admin.pb.h"

namespace weir::cli {

// The verdict, its findings and the trends, a line each; empty where nothing is analysed.
std::string AnalysisText(const weir::v1::ExperimentStatus& experiment);

// "detector 2.31 of 9.00, 1 alarm"; empty where the guardrail has none.
std::string DetectorText(const weir::v1::GuardrailStatus& guardrail);

}  // namespace weir::cli

#endif  // WEIR_ROUTER_CLI_ANALYSIS_TEXT_H_
