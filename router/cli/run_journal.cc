#include "router/cli/run_journal.h"

#include <google/protobuf/util/json_util.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "router/cli/admin_client.h"
#include "router/cli/audit.h"
#include "router/cli/replay.h"
#include "router/cli/report_svg.h"
#include "router/cli/written_file.h"
#include "router/control/journal_reader.h"
#include "router/control/report_folder.h"
#include "router/experiment/proto_time.h"
#include "router/experiment/report.h"
#include "router/experiment/report_text.h"

namespace weir::cli {
namespace {

absl::StatusOr<std::string> JournalPath(const std::string& given, const std::string& address) {
  std::error_code error;
  if (!given.empty()) return std::filesystem::is_directory(given, error) ? given + "/journal.db" : given;
  AdminClient proxy(address);
  const auto status = proxy.GetStatus();
  if (!status.ok()) {
    absl::Status hinted(status.status().code(),
                        absl::StrCat(std::string(status.status().message()), "; --journal reads one without a proxy"));
    status.status().ForEachPayload([&](auto url, const absl::Cord& payload) { hinted.SetPayload(url, payload); });
    return hinted;
  }
  return status->journal().path();
}

absl::StatusOr<control::JournalContents> Read(const std::string& given, const std::string& address) {
  const absl::StatusOr<std::string> path = JournalPath(given, address);
  if (!path.ok()) return path.status();
  return control::ReadJournal(*path);
}

// What the journal's checkpoint says of a run that goes on: a second old at most.
absl::StatusOr<v1::EvidenceRecord> CountedNow(const control::JournalContents& contents, const std::string& experiment,
                                              uint32_t run) {
  v1::EvidenceRecord record;
  const std::string prefix = absl::StrCat(experiment, "/", run);
  const auto own = contents.checkpoints.find("run/" + prefix);
  if (own == contents.checkpoints.end() || !record.mutable_run()->ParseFromString(own->second)) {
    return absl::NotFoundError(absl::StrCat(experiment, ": the journal holds no counts of run ", run));
  }
  const std::string epochs = absl::StrCat("epoch/", prefix, "/");
  for (auto row = contents.checkpoints.lower_bound(epochs);
       row != contents.checkpoints.end() && row->first.starts_with(epochs); ++row) {
    v1::EvidenceRecord::Epoch& epoch = *record.add_epochs();
    uint32_t ordinal = 0;
    if (!absl::SimpleAtoi(row->first.substr(epochs.size()), &ordinal) ||
        !epoch.mutable_counts()->ParseFromString(row->second)) {
      return absl::DataLossError(absl::StrCat(experiment, ": the counts of an epoch cannot be read"));
    }
    epoch.set_epoch(ordinal);
  }
  *record.mutable_judged_at() = experiment::TimestampOf(absl::Now());
  return record;
}

absl::StatusOr<v1::RunReport> ReportFromJournal(const control::JournalContents& contents,
                                                const std::string& experiment) {
  if (!contents.verdict.ok()) return contents.verdict;
  experiment::ReportSources sources;
  for (const v1::AuditRecord& row : contents.rows) {
    if (row.state().experiment() == experiment) sources.history.push_back(row);
  }
  if (sources.history.empty()) {
    return absl::NotFoundError(absl::StrCat("the journal knows no experiment '", experiment, "'"));
  }
  sources.head = contents.hashes.back();
  const v1::ExperimentState& state = sources.history.back().state();
  if (!state.has_rolled_back()) {
    absl::StatusOr<v1::EvidenceRecord> counted = CountedNow(contents, experiment, state.run());
    if (counted.ok()) sources.counted_now = *std::move(counted);
    if (!counted.ok() && !absl::IsNotFound(counted.status())) return counted.status();
  }
  return experiment::ReportOf(sources);
}

// That the proxy wrote beside the page for people.
absl::StatusOr<v1::RunReport> ReportFromPage(const std::string& path) {
  std::ifstream page(path);
  const std::string text((std::istreambuf_iterator<char>(page)), std::istreambuf_iterator<char>());
  v1::RunReport report;
  google::protobuf::util::JsonParseOptions newer;
  newer.ignore_unknown_fields = true;
  if (page.bad() || !google::protobuf::util::JsonStringToMessage(text, &report, newer).ok()) {
    return absl::UnavailableError(absl::StrCat(path, ": cannot be read; --now makes one from the journal"));
  }
  return report;
}

}  // namespace

absl::Status RunAudit(const std::string& address, const AuditCommand& command, std::ostream& out, bool& is_good) {
  const absl::StatusOr<control::JournalContents> contents = Read(command.journal, address);
  if (!contents.ok()) return contents.status();
  const absl::StatusOr<AuditPage> page =
      command.is_verify ? VerifyAudit(*contents, command) : ShowAudit(*contents, command);
  if (!page.ok()) return page.status();
  out << page->text;
  is_good = page->is_good;
  // A page of rows does not say by itself that there are more that cannot be read.
  return command.is_verify ? absl::OkStatus() : contents->verdict;
}

absl::Status RunReplay(const std::string& address, const ReplayCommand& command, std::ostream& out, bool& is_good) {
  const absl::StatusOr<control::JournalContents> contents = Read(command.journal, address);
  if (!contents.ok()) return contents.status();
  const ReplayPage page = ReplayDecisions(*contents, command);
  out << page.text;
  is_good = page.is_good;
  return absl::OkStatus();
}

absl::Status RunReport(const std::string& address, const ReportCommand& command, std::ostream& out) {
  const absl::StatusOr<std::string> path = JournalPath(command.journal, address);
  if (!path.ok()) return path.status();
  const std::string folder = (std::filesystem::path(*path).parent_path() / "reports").string();
  const std::vector<std::string> pages = control::ReportFolder(folder).Of(command.experiment);
  absl::StatusOr<v1::RunReport> report;
  if (!command.is_of_now && !pages.empty()) {
    report = ReportFromPage(pages.back() + ".json");
  } else {
    const absl::StatusOr<control::JournalContents> contents = control::ReadJournal(*path);
    if (!contents.ok()) return contents.status();
    report = ReportFromJournal(*contents, command.experiment);
  }
  if (!report.ok()) return report.status();
  const absl::StatusOr<std::string> text =
      command.is_json ? experiment::ReportJson(*report) : experiment::ReportMarkdown(*report);
  if (!text.ok()) return text.status();
  out << *text;
  return command.svg.empty() ? absl::OkStatus() : WriteFile(command.svg, ReportSvg(*report));
}

}  // namespace weir::cli
