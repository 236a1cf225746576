#include "router/control/command_text.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "config/limits.h"
#include "config/plain_text.h"

namespace weir::control {
namespace {

using config::limits::kActorBytes;
using config::limits::kCommentBytes;
using config::limits::kRolesOfActor;

std::string WithoutSpacesAround(std::string_view text) {
  const size_t first = text.find_first_not_of(' ');
  if (first == std::string_view::npos) return "";
  return std::string(text.substr(first, text.find_last_not_of(' ') + 1 - first));
}

std::string PlainAndCut(std::string_view text, size_t bytes) {
  return WithoutSpacesAround(config::Beginning(WithoutSpacesAround(config::ToPlainText(text)), bytes));
}

absl::Status CheckPlain(const char* what, const std::string& text) {
  if (config::IsPlainText(text)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(what, " must be UTF-8 text without control characters"));
}

}  // namespace

bool Shuts(v1::CommandRequest::Kind kind) {
  return kind == v1::CommandRequest::ABORT || kind == v1::CommandRequest::ROLLBACK ||
         kind == v1::CommandRequest::REJECT;
}

void TidyTexts(v1::CommandRequest& request) {
  if (!Shuts(request.kind())) {
    request.set_actor(WithoutSpacesAround(request.actor()));
    for (std::string& role : *request.mutable_roles()) role = WithoutSpacesAround(role);
    return;
  }
  request.set_actor(PlainAndCut(request.actor(), kActorBytes));
  if (request.actor().empty()) request.set_actor("unnamed");
  request.set_comment(PlainAndCut(request.comment(), kCommentBytes));
  if (request.roles_size() > kRolesOfActor) {
    request.mutable_roles()->DeleteSubrange(kRolesOfActor, request.roles_size() - kRolesOfActor);
  }
  for (std::string& role : *request.mutable_roles()) role = PlainAndCut(role, kActorBytes);
}

absl::Status CheckTexts(const v1::CommandRequest& request) {
  if (request.experiment().empty()) return absl::InvalidArgumentError("experiment is empty");
  if (request.actor().empty()) return absl::InvalidArgumentError("actor is empty");
  if (request.actor().size() > kActorBytes) {
    return absl::InvalidArgumentError(absl::StrCat("actor is longer than ", kActorBytes, " bytes"));
  }
  if (request.comment().size() > kCommentBytes) {
    return absl::InvalidArgumentError(absl::StrCat("comment is longer than ", kCommentBytes, " bytes"));
  }
  const bool has_long_role = std::any_of(request.roles().begin(), request.roles().end(),
                                         [](const std::string& role) { return role.size() > kActorBytes; });
  if (request.roles_size() > kRolesOfActor || has_long_role) {
    return absl::InvalidArgumentError(absl::StrCat("at most ", kRolesOfActor, " roles of ", kActorBytes, " bytes"));
  }
  absl::Status status = CheckPlain("experiment", request.experiment());
  status.Update(CheckPlain("actor", request.actor()));
  status.Update(CheckPlain("comment", request.comment()));
  for (const std::string& role : request.roles()) status.Update(CheckPlain("role", role));
  return status;
}

}  // namespace weir::control
