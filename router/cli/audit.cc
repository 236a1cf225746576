#include "router/cli/audit.h"

#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "config/plain_text.h"
#include "router/cli/text_table.h"
#include "router/cli/unified_diff.h"
#include "router/experiment/proto_time.h"

namespace weir::cli {
namespace {

using config::ToPlainText;
using v1::AuditRecord;
using v1::SpecificationVersion;

std::string When(const google::protobuf::Timestamp& time) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%E3S", experiment::TimeOf(time), absl::UTCTimeZone());
}

std::string TitleOf(const AuditRecord& row) {
  const SpecificationVersion& version = row.specification();
  return ToPlainText(absl::StrCat("version ", version.ordinal(), " of ", row.state().experiment(), " (", version.file(),
                                  version.owner().empty() ? "" : absl::StrCat(", of ", version.owner()), ", modified ",
                                  When(version.modified_at()), ", taken up ", When(row.at()), " by row ",
                                  row.sequence(), ")"));
}

std::string RowsText(const std::vector<const AuditRecord*>& rows) {
  TextTable table({{"row", TextTable::Align::kRight},
                   {"when (UTC)"},
                   {"experiment"},
                   {"run", TextTable::Align::kRight},
                   {"epoch", TextTable::Align::kRight},
                   {"spec", TextTable::Align::kRight},
                   {"who"},
                   {"what"},
                   {"detail"}});
  for (const AuditRecord* row : rows) {
    table.AddRow({absl::StrCat(row->sequence()), When(row->at()), ToPlainText(row->state().experiment()),
                  absl::StrCat(row->state().run()), absl::StrCat(row->state().epoch()),
                  row->specification_version() == 0 ? "-" : absl::StrCat(row->specification_version()),
                  ToPlainText(row->actor()), ToPlainText(row->action()), ToPlainText(row->detail())});
  }
  return table.ToString(0);
}

std::string SpecificationsText(const std::vector<const AuditRecord*>& rows, bool wants_differences) {
  std::string text;
  std::map<std::string, const AuditRecord*> before;  // By experiment.
  for (const AuditRecord* row : rows) {
    if (!row->has_specification()) continue;
    const AuditRecord*& last = before[row->state().experiment()];
    if (wants_differences) {
      absl::StrAppend(&text,
                      UnifiedDiff(last == nullptr ? "" : last->specification().text(), row->specification().text(),
                                  last == nullptr ? "nothing" : TitleOf(*last), TitleOf(*row)));
    } else {
      const std::string& source = row->specification().text();
      absl::StrAppend(&text, "# --- ", TitleOf(*row), "\n", source,
                      source.empty() || source.back() == '\n' ? "" : "\n");
    }
    last = row;
  }
  return text;
}

std::string JsonOf(const std::vector<const AuditRecord*>& rows, bool is_of_specifications) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string text;
  for (const AuditRecord* row : rows) {
    if (is_of_specifications && !row->has_specification()) continue;
    // A record that was parsed from bytes is always printed.
    if (google::protobuf::util::MessageToJsonString(*row, &text, options).ok()) text += "\n";
  }
  return text;
}

constexpr size_t kHeadDigits = 64;  // Of a SHA-256.

bool IsHead(const std::string& text) {
  return text.size() == kHeadDigits && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

}  // namespace

AuditPage VerifyAudit(const control::JournalContents& contents, const AuditCommand& command) {
  AuditPage page;
  absl::StrAppend(&page.text, "rows         ", contents.rows.size(), "\n");
  if (!contents.rows.empty()) {
    absl::StrAppend(&page.text, "first        ", When(contents.rows.front().at()), " UTC\n", "last         ",
                    When(contents.rows.back().at()), " UTC\n", "head         ", contents.hashes.back(), "\n");
  }
  absl::StrAppend(&page.text, "checkpoints  ", contents.checkpoints.size(), "\n");
  if (!contents.verdict.ok()) {
    page.is_good = false;
    absl::StrAppend(&page.text, "broken: ", ToPlainText(std::string(contents.verdict.message())), "\n");
    return page;
  }
  if (!command.head.empty()) {
    const std::string wanted = absl::AsciiStrToLower(command.head);
    if (!IsHead(wanted)) {
      page.is_good = false;
      absl::StrAppend(&page.text, ToPlainText(command.head), " is no head: ", kHeadDigits, " hex digits\n");
      return page;
    }
    const auto found = std::find(contents.hashes.begin(), contents.hashes.end(), wanted);
    if (found == contents.hashes.end()) {
      page.is_good = false;
      absl::StrAppend(&page.text, "broken: no row has the head ", wanted,
                      ": rows that were there are gone, or the journal is another\n");
      return page;
    }
    absl::StrAppend(&page.text, "the given head is that of row ", found - contents.hashes.begin() + 1, "\n");
  }
  absl::StrAppend(
      &page.text,
      "every row continues the chain, every state is its newest row's, every checkpoint's hash is its own\n");
  return page;
}

absl::StatusOr<AuditPage> ShowAudit(const control::JournalContents& contents, const AuditCommand& command) {
  AuditPage page;
  std::vector<const AuditRecord*> rows;
  for (const AuditRecord& row : contents.rows) {
    if (command.experiment.empty() || row.state().experiment() == command.experiment) rows.push_back(&row);
  }
  // Where rows cannot be read, it may be in one of those.
  if (rows.empty() && !command.experiment.empty() && contents.verdict.ok()) {
    return absl::NotFoundError(absl::StrCat("the journal knows no experiment '", command.experiment, "'"));
  }
  const bool is_of_specifications = command.wants_specifications || command.wants_differences;
  if (command.is_json) {
    page.text = JsonOf(rows, is_of_specifications);
  } else if (is_of_specifications) {
    page.text = SpecificationsText(rows, command.wants_differences);
  } else {
    page.text = RowsText(rows);
  }
  page.is_good = contents.verdict.ok();
  return page;
}

}  // namespace weir::cli
