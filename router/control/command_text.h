// The texts of a command, before they are kept: a line of the audit, of reports and of terminals. Pure.

#ifndef WEIR_ROUTER_CONTROL_COMMAND_TEXT_H_
#define WEIR_ROUTER_CONTROL_COMMAND_TEXT_H_

#include "absl/status/status.h"
#include "proto/weir/v1/admin.pb.h"

namespace weir::control {

// Whether it gives the default everything: abort, rollback, reject. No text keeps a gate open.
bool Shuts(weir::v1::CommandRequest::Kind kind);

// Takes the spaces around actor and roles away, so that "ann" and "ann " are one person. Of a command that shuts,
// actor, roles and comment also become plain text (config::ToPlainText) within the bounds: cut, and never refused.
void TidyTexts(weir::v1::CommandRequest& request);

// INVALID_ARGUMENT where a text is no plain one, is longer than the bounds, or is missing.
absl::Status CheckTexts(const weir::v1::CommandRequest& request);

}  // namespace weir::control

#endif  // WEIR_ROUTER_CONTROL_COMMAND_TEXT_H_
