#include "router/control/command_request.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "router/control/command_text.h"

namespace weir::control {
namespace {

using experiment::CommandKind;

std::optional<CommandKind> KindOf(v1::CommandRequest::Kind kind) {
  switch (kind) {
    case v1::CommandRequest::START:
      return CommandKind::kStart;
    case v1::CommandRequest::PAUSE:
      return CommandKind::kPause;
    case v1::CommandRequest::RESUME:
      return CommandKind::kResume;
    case v1::CommandRequest::PROMOTE:
      return CommandKind::kPromote;
    case v1::CommandRequest::ABORT:
      return CommandKind::kAbort;
    case v1::CommandRequest::ROLLBACK:
      return CommandKind::kRollback;
    case v1::CommandRequest::RETRY:
      return CommandKind::kRetry;
    case v1::CommandRequest::RESET:
      return CommandKind::kReset;
    case v1::CommandRequest::SET_WEIGHT:
      return CommandKind::kSetWeight;
    case v1::CommandRequest::APPROVE:
      return CommandKind::kApprove;
    case v1::CommandRequest::REJECT:
      return CommandKind::kReject;
    default:
      return std::nullopt;
  }
}

}  // namespace

absl::StatusOr<experiment::Command> CommandOf(v1::CommandRequest request) {
  const std::optional<CommandKind> kind = KindOf(request.kind());
  if (!kind) return absl::InvalidArgumentError("no such command");
  TidyTexts(request);
  if (absl::Status status = CheckTexts(request); !status.ok()) return status;
  experiment::Command command{.kind = *kind,
                              .actor = request.actor(),
                              .roles = {request.roles().begin(), request.roles().end()},
                              .comment = request.comment(),
                              .is_full = request.full()};
  if (!request.has_percent() || Shuts(request.kind())) return command;
  absl::StatusOr<config::Percent> share = config::Percent::FromDouble(request.percent());
  if (!share.ok()) return absl::InvalidArgumentError(absl::StrCat("percent ", share.status().message()));
  command.weight = *share;
  return command;
}

}  // namespace weir::control
