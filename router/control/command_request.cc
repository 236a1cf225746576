#include "router/control/command_request.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "config/plain_text.h"

namespace weir::control {
namespace {

using experiment::CommandKind;

constexpr size_t kMostActorBytes = 256;
constexpr size_t kMostCommentBytes = 1024;  // Kept with the state, and in the audit.
constexpr int kMostRoles = 32;

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

// A line of the audit, of reports and of terminals: what would forge another one is no name and no comment.
absl::Status CheckPlain(const char* what, const std::string& text) {
  if (config::IsPlainText(text)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(what, " must be UTF-8 text without control characters"));
}

absl::Status CheckTexts(const v1::CommandRequest& request) {
  if (request.experiment().empty()) return absl::InvalidArgumentError("experiment is empty");
  if (request.actor().empty()) return absl::InvalidArgumentError("actor is empty");
  if (request.actor().size() > kMostActorBytes) {
    return absl::InvalidArgumentError(absl::StrCat("actor is longer than ", kMostActorBytes, " bytes"));
  }
  if (request.comment().size() > kMostCommentBytes) {
    return absl::InvalidArgumentError(absl::StrCat("comment is longer than ", kMostCommentBytes, " bytes"));
  }
  const bool has_long_role = std::any_of(request.roles().begin(), request.roles().end(),
                                         [](const std::string& role) { return role.size() > kMostActorBytes; });
  if (request.roles_size() > kMostRoles || has_long_role) {
    return absl::InvalidArgumentError(absl::StrCat("at most ", kMostRoles, " roles of ", kMostActorBytes, " bytes"));
  }
  absl::Status status = CheckPlain("experiment", request.experiment());
  status.Update(CheckPlain("actor", request.actor()));
  status.Update(CheckPlain("comment", request.comment()));
  for (const std::string& role : request.roles()) status.Update(CheckPlain("role", role));
  return status;
}

}  // namespace

absl::StatusOr<experiment::Command> CommandOf(const v1::CommandRequest& request) {
  const std::optional<CommandKind> kind = KindOf(request.kind());
  if (!kind) return absl::InvalidArgumentError("no such command");
  if (absl::Status status = CheckTexts(request); !status.ok()) return status;
  experiment::Command command{.kind = *kind,
                              .actor = request.actor(),
                              .roles = {request.roles().begin(), request.roles().end()},
                              .comment = request.comment(),
                              .is_full = request.full()};
  if (!request.has_percent()) return command;
  absl::StatusOr<config::Percent> share = config::Percent::FromDouble(request.percent());
  if (!share.ok()) return absl::InvalidArgumentError(absl::StrCat("percent ", share.status().message()));
  command.weight = *share;
  return command;
}

}  // namespace weir::control
