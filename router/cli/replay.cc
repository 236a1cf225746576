#include "router/cli/replay.h"

#include <google/protobuf/util/json_util.h>

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "config/plain_text.h"
#include "proto/weir/v1/report.pb.h"
#include "router/cli/plain_message.h"
#include "router/experiment/proto_time.h"
#include "router/experiment/replay.h"

namespace weir::cli {
namespace {

using experiment::Replayed;
using Outcome = experiment::Replayed::Outcome;

struct Decision {
  const v1::AuditRecord* row;
  Replayed replayed;
};

struct Tally {
  int reproduced = 0, judged_again = 0, not_recorded = 0, not_readable = 0, other_rules = 0, taken_up = 0,
      differing = 0;
};

const char* NameOf(Outcome outcome) {
  switch (outcome) {
    case Outcome::kReproduced:
      return "reproduced";
    case Outcome::kTakenUp:
      return "taken up";
    case Outcome::kNotOpened:
      return "not opened";
    case Outcome::kNotRecorded:
      return "not recorded";
    case Outcome::kNotReadable:
      return "not readable";
    case Outcome::kOtherRules:
      return "other rules";
    case Outcome::kDiffers:
      break;
  }
  return "differs";
}

// Up to the first that differs.
std::vector<Decision> ReplayAll(const control::JournalContents& contents, const std::string& name, Tally& tally) {
  std::vector<Decision> decisions;
  experiment::Replay replay;
  for (const v1::AuditRecord& row : contents.rows) {
    if (row.state().experiment() != name) continue;
    decisions.push_back({&row, replay.Next(row)});
    const Replayed& replayed = decisions.back().replayed;
    tally.reproduced += replayed.outcome == Outcome::kReproduced ? 1 : 0;
    tally.judged_again += replayed.is_judged_again ? 1 : 0;
    tally.not_recorded += replayed.outcome == Outcome::kNotRecorded ? 1 : 0;
    tally.not_readable += replayed.outcome == Outcome::kNotReadable ? 1 : 0;
    tally.other_rules += replayed.outcome == Outcome::kOtherRules ? 1 : 0;
    tally.taken_up += replayed.outcome == Outcome::kTakenUp ? 1 : 0;
    if (replayed.outcome == Outcome::kDiffers) {
      ++tally.differing;
      break;
    }
  }
  return decisions;
}

std::string When(const google::protobuf::Timestamp& time) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%E9S", experiment::TimeOf(time), absl::UTCTimeZone());
}

std::string EventText(const v1::EventRecord& event) {
  switch (event.event_case()) {
    case v1::EventRecord::kFiled:
      return "the file";
    case v1::EventRecord::kBreached:
      return absl::StrFormat("a breach%s: %d errors of %d calls, the default's %d of %d",
                             event.breached().pauses() ? " that pauses" : "",
                             event.breached().breach().candidate_errors(), event.breached().breach().candidate_calls(),
                             event.breached().breach().default_errors(), event.breached().breach().default_calls());
    case v1::EventRecord::kTimePassed:
      return absl::StrCat("time, and calls: ",
                          absl::StrJoin(event.time_passed().samples(), ", ", [](std::string* out, const auto& known) {
                            absl::StrAppend(out, known.variant(), " ", known.samples());
                          }));
    case v1::EventRecord::kAnalysed:
      return absl::StrCat("the analysis of the whole: ", event.analysed().why());
    case v1::EventRecord::kWeighed:
      return absl::StrCat("what each variant was worth: ",
                          absl::StrJoin(event.weighed().arms(), ", ", [](std::string* out, const auto& arm) {
                            absl::StrAppendFormat(out, "%s %.6g over %d outcomes", arm.variant(), arm.outcomes().mean(),
                                                  arm.outcomes().n());
                          }));
    case v1::EventRecord::kCommand:
      return absl::StrCat("`", event.command().verb(), "` of ", event.command().actor());
    case v1::EventRecord::EVENT_NOT_SET:
      break;
  }
  return "nothing that is recorded";
}

std::string JudgementText(const v1::JudgementRecord& judgement) {
  return absl::StrFormat("       %s of %s, %s: evidence 10^%.17g, needed 10^%.17g%s\n", judgement.guardrail(),
                         judgement.candidate(), judgement.rule(), judgement.log10_evidence(),
                         judgement.log10_threshold(), judgement.breached() ? ": breached" : "");
}

std::string TextOf(const Decision& decision) {
  const v1::AuditRecord row = PlainCopy(*decision.row);
  std::string text = absl::StrFormat("%5d  %s  %s by %s\n", row.sequence(), When(row.at()), row.action(), row.actor());
  if (!row.detail().empty()) absl::StrAppend(&text, "       ", row.detail(), "\n");
  absl::StrAppend(&text, "       on ", EventText(row.event()), "; specification version ", row.specification_version(),
                  "; to run ", row.state().run(), ", epoch ", row.state().epoch(), "\n");
  for (const v1::JudgementRecord& judgement : row.evidence().judgements())
    absl::StrAppend(&text, JudgementText(judgement));
  switch (decision.replayed.outcome) {
    case Outcome::kReproduced:
      absl::StrAppend(&text, "       reproduced",
                      decision.replayed.is_judged_again ? ", evidence to the last bit" : "");
      break;
    case Outcome::kTakenUp:
      absl::StrAppend(&text, "       a version of the specification, from which nothing followed");
      break;
    case Outcome::kNotOpened:
      absl::StrAppend(&text, "       an opening that the journal refused: nothing moved");
      break;
    case Outcome::kNotRecorded:
      absl::StrAppend(&text, "       from before it was recorded what a decision was made on: not decided again");
      break;
    case Outcome::kNotReadable:
      absl::StrAppend(&text, "       not decided again: ", config::ToPlainText(decision.replayed.difference));
      break;
    case Outcome::kOtherRules:
      absl::StrAppend(&text, "       decided by rules of before; by those of now ",
                      config::ToPlainText(decision.replayed.difference));
      break;
    case Outcome::kDiffers:
      absl::StrAppend(&text, "       DIFFERS: ", config::ToPlainText(decision.replayed.difference));
      break;
  }
  if (!decision.replayed.note.empty()) absl::StrAppend(&text, " (", config::ToPlainText(decision.replayed.note), ")");
  return text + "\n";
}

std::string Summary(const Tally& tally, const std::vector<Decision>& decisions) {
  const int decided = tally.reproduced + tally.not_recorded + tally.not_readable + tally.other_rules + tally.differing;
  if (tally.differing > 0) {
    return absl::StrCat("row ", decisions.back().row->sequence(), " differs: ", decisions.back().replayed.difference);
  }
  const std::string decisions_made = absl::StrCat(decided, decided == 1 ? " decision" : " decisions");
  if (tally.reproduced == decided) return absl::StrCat(decisions_made, ", all reproduced");
  std::string summary = absl::StrCat(decisions_made, ": ", tally.reproduced, " reproduced");
  if (tally.not_recorded > 0) {
    absl::StrAppend(&summary, ", ", tally.not_recorded, " from before it was recorded what they were made on");
  }
  if (tally.not_readable > 0) {
    absl::StrAppend(&summary, ", ", tally.not_readable, " by a specification that this version of weir refuses");
  }
  if (tally.other_rules > 0) absl::StrAppend(&summary, ", ", tally.other_rules, " by rules of before");
  return summary;
}

v1::ReplayReport ReportOf(const std::vector<Decision>& decisions, const Tally& tally) {
  v1::ReplayReport report;
  report.set_reproduced(tally.reproduced);
  report.set_judged_again(tally.judged_again);
  report.set_not_recorded(tally.not_recorded);
  report.set_not_readable(tally.not_readable);
  report.set_other_rules(tally.other_rules);
  report.set_taken_up(tally.taken_up);
  report.set_differing(tally.differing);
  for (const Decision& decision : decisions) {
    v1::ReplayedDecision* shown = report.add_decisions();
    shown->set_outcome(NameOf(decision.replayed.outcome));
    shown->set_judged_again(decision.replayed.is_judged_again);
    shown->set_difference(decision.replayed.difference);
    shown->set_note(decision.replayed.note);
    v1::AuditRecord& record = *shown->mutable_record();
    record = *decision.row;
    record.clear_specification();
    if (!record.has_evidence()) continue;
    record.mutable_evidence()->clear_run();
    record.mutable_evidence()->clear_epochs();
    record.mutable_evidence()->clear_tests();
  }
  return report;
}

std::string JsonOf(const v1::ReplayReport& report) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  std::string text;
  // A message that was made here is always printed.
  (void)google::protobuf::util::MessageToJsonString(report, &text, options);
  return text;
}

}  // namespace

ReplayPage ReplayDecisions(const control::JournalContents& contents, const ReplayCommand& command) {
  Tally tally;
  const std::vector<Decision> decisions = ReplayAll(contents, command.experiment, tally);
  std::string summary = Summary(tally, decisions);
  ReplayPage page;
  page.is_good = contents.verdict.ok() && tally.differing == 0;
  if (decisions.empty() && contents.verdict.ok()) {
    page.is_good = false;
    summary = absl::StrCat("the journal knows no experiment '", command.experiment, "'");
  }
  if (command.is_json) {
    v1::ReplayReport report = ReportOf(decisions, tally);
    report.set_experiment(command.experiment);
    report.set_summary(summary);
    report.set_journal(std::string(contents.verdict.message()));
    page.text = JsonOf(report);
    return page;
  }
  for (const Decision& decision : decisions) absl::StrAppend(&page.text, TextOf(decision));
  if (!contents.verdict.ok())
    absl::StrAppend(&page.text, config::ToPlainText(std::string(contents.verdict.message())), "\n");
  absl::StrAppend(&page.text, config::ToPlainText(summary), "\n");
  return page;
}

}  // namespace weir::cli
