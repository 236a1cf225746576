#include "router/experiment/report_text.h"

#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "config/plain_text.h"
#include "router/experiment/proto_time.h"

namespace weir::experiment {
namespace {

constexpr std::array<const char*, 17> kCodes = {
    "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
    "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
    "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED"};

// As text within a cell of a table, whatever it holds.
std::string Cell(std::string_view text) {
  std::string cell;
  for (const char c : config::ToPlainText(text)) {
    if (c == '<') {
      cell += "&lt;";
    } else if (c == '>') {
      cell += "&gt;";
    } else if (c == '&') {
      cell += "&amp;";
    } else {
      if (std::string_view("|`*_[]\\").find(c) != std::string_view::npos) cell += '\\';
      cell += c;
    }
  }
  return cell;
}

std::string Row(const std::vector<std::string>& cells) {
  return absl::StrCat("| ", absl::StrJoin(cells, " | "), " |\n");
}

std::string Head(const std::vector<std::string>& titles) {
  return absl::StrCat(Row(titles), "|", std::string(),
                      absl::StrJoin(std::vector<std::string>(titles.size(), " --- "), "|"), "|\n");
}

std::string When(const google::protobuf::Timestamp& time) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%E3S", TimeOf(time), absl::UTCTimeZone());
}

std::string Code(int code) {
  return code >= 0 && code < static_cast<int>(kCodes.size()) ? kCodes[static_cast<size_t>(code)] : absl::StrCat(code);
}

std::string Rate(int64_t part, int64_t whole) {
  if (whole == 0) return "-";
  return absl::StrFormat("%.2f %%", 100.0 * static_cast<double>(part) / static_cast<double>(whole));
}

std::string Millis(bool is_known, double ms) { return is_known ? absl::StrFormat("%.3g ms", ms) : "-"; }

std::string Shares(const google::protobuf::RepeatedPtrField<v1::VariantWeight>& shares) {
  double sum = 0;
  for (const v1::VariantWeight& share : shares) sum += share.hundredths();
  return absl::StrJoin(shares, ", ", [&](std::string* out, const v1::VariantWeight& share) {
    absl::StrAppend(out, Cell(share.name()), " ",
                    sum == 0 ? std::string("0 %") : absl::StrFormat("%.4g %%", 100 * share.hundredths() / sum));
  });
}

std::string Opening(const v1::RunReport& report) {
  std::string text = absl::StrFormat("# %s: run %d %s\n\n", Cell(report.experiment()), report.run(),
                                     report.is_rolled_back() ? "was rolled back" : "as it stands");
  const absl::Duration after = TimeOf(report.at()) - TimeOf(report.run_started_at());
  absl::StrAppend(&text, When(report.at()), " UTC, ", absl::FormatDuration(absl::Trunc(after, absl::Milliseconds(1))),
                  " after the run began");
  if (!report.run_label().empty()) absl::StrAppend(&text, " (`spec.run` \"", Cell(report.run_label()), "\")");
  absl::StrAppend(&text, ".");
  if (report.is_rolled_back()) {
    absl::StrAppend(&text, " By **", Cell(report.actor()), "**: all traffic went back to the default.\n\n> ",
                    Cell(report.why().empty() ? "no reason was given" : report.why()));
  }
  absl::StrAppend(&text, "\n\n");
  if (report.specification_version() != 0) {
    absl::StrAppend(&text, "Specification: version ", report.specification_version(), ", ",
                    Cell(report.specification_file()));
    if (!report.specification_owner().empty()) absl::StrAppend(&text, ", of ", Cell(report.specification_owner()));
    absl::StrAppend(&text, ". ");
  }
  absl::StrAppend(&text, "Audit row ", report.sequence(), "; head of the chain then: `", report.head(), "`.\n");
  return text;
}

std::string Guardrails(const v1::RunReport& report) {
  if (report.judgements().empty()) return "";
  std::string text = absl::StrCat("\n## What the guardrails said\n\n",
                                  Head({"guardrail", "candidate", "rule", "evidence", "needed", "verdict"}));
  for (const v1::JudgementRecord& judgement : report.judgements()) {
    const bool decided = report.has_breach() && report.breach().guardrail() == judgement.guardrail() &&
                         report.breach().variant() == judgement.candidate();
    absl::StrAppend(&text, Row({Cell(judgement.guardrail()), Cell(judgement.candidate()), Cell(judgement.rule()),
                                absl::StrFormat("10^%.2f", judgement.log10_evidence()),
                                absl::StrFormat("10^%.2f", judgement.log10_threshold()),
                                decided                ? "**breached: it shut the gate**"
                                : judgement.breached() ? absl::StrCat("breached (", judgement.action(), ")")
                                                       : "not breached"}));
  }
  absl::StrAppend(
      &text,
      "\nEvidence of 10^3 is reached by at most one harmless candidate in a thousand, at any look of its run.\n");
  return text;
}

std::string Timeline(const v1::RunReport& report) {
  std::string text =
      absl::StrCat("\n## What happened\n\n", Head({"when (UTC)", "what", "by", "epoch", "shares", "detail"}));
  for (const v1::TimelineEntry& entry : report.timeline()) {
    const bool has_comment = !entry.comment().empty() && entry.detail().find(entry.comment()) == std::string::npos;
    absl::StrAppend(
        &text,
        Row({When(entry.at()), Cell(entry.action()), Cell(entry.actor()), absl::StrCat(entry.epoch()),
             Shares(entry.shares()),
             absl::StrCat(Cell(entry.detail()), has_comment ? "; " : "", has_comment ? Cell(entry.comment()) : "")}));
  }
  return text;
}

std::string Counts(const v1::RunReport& report) {
  if (report.variants().empty()) return "\nWhat was counted is not known: the row holds no evidence.\n";
  std::string text = absl::StrCat(
      "\n## What was counted\n\n",
      Head({"variant", "calls", "ended", "errors", "error rate", "p50", "p95", "p99", "design effect", "outcomes"}));
  for (const v1::VariantReport& variant : report.variants()) {
    const std::string outcomes =
        absl::StrJoin(variant.outcomes(), ", ", [](std::string* out, const v1::OutcomeSummary& outcome) {
          absl::StrAppendFormat(out, "%s %.4g (%d)", Cell(outcome.metric()), outcome.mean(), outcome.count());
        });
    absl::StrAppend(&text,
                    Row({absl::StrCat(Cell(variant.name()), variant.is_default() ? " (default)" : ""),
                         absl::StrCat(variant.started()), absl::StrCat(variant.ended()), absl::StrCat(variant.errors()),
                         Rate(variant.errors(), variant.ended() - variant.neutral()),
                         Millis(variant.has_p50_ms(), variant.p50_ms()), Millis(variant.has_p95_ms(), variant.p95_ms()),
                         Millis(variant.has_p99_ms(), variant.p99_ms()),
                         variant.has_design_effect() ? absl::StrFormat("%.2f", variant.design_effect()) : "-",
                         outcomes.empty() ? "-" : outcomes}));
  }
  return text;
}

std::string Epochs(const v1::RunReport& report) {
  std::string rows;
  for (const v1::VariantReport& variant : report.variants()) {
    for (const v1::EpochSummary& epoch : variant.epochs()) {
      absl::StrAppend(&rows, Row({absl::StrCat(epoch.epoch()), Cell(variant.name()), absl::StrCat(epoch.started()),
                                  absl::StrCat(epoch.ended()), absl::StrCat(epoch.errors())}));
    }
  }
  if (rows.empty()) return "";
  return absl::StrCat("\nOf these, in the epochs that were still counted apart:\n\n",
                      Head({"epoch", "variant", "calls", "ended", "errors"}), rows);
}

std::string Previews(const v1::RunReport& report) {
  std::string text;
  for (const v1::VariantReport& variant : report.variants()) {
    if (variant.previewed() == 0) continue;
    absl::StrAppend(&text, "\nPreviewed calls of ", Cell(variant.name()),
                    ", which are in nothing above: ", variant.previewed(), ", of which ", variant.preview_errors(),
                    " failed (", Rate(variant.preview_errors(), variant.previewed()), ").\n");
  }
  return text;
}

// Bars of a width in proportion to the variant's own calls, in bins that grow by a half.
std::string Latencies(const v1::RunReport& report) {
  constexpr int kWidth = 30;
  constexpr double kGrowth = 1.5;
  const auto bin_of = [](double ms) {
    return ms <= 0.05 ? 0 : 1 + static_cast<int>(std::log(ms / 0.05) / std::log(kGrowth) + 1e-9);
  };
  std::map<int, std::vector<int64_t>> bins;  // By variant's place.
  std::vector<int64_t> totals, most;
  const size_t variants = static_cast<size_t>(report.variants_size());
  for (size_t v = 0; v < variants; ++v) {
    totals.push_back(0);
    for (const v1::LatencyBucket& bucket : report.variants(static_cast<int>(v)).latencies()) {
      std::vector<int64_t>& counts = bins[bin_of(bucket.from_ms())];
      counts.resize(variants);
      counts[v] += bucket.count();
      totals[v] += bucket.count();
    }
  }
  if (bins.empty()) return "";
  double highest = 0;
  for (const auto& [bin, counts] : bins) {
    for (size_t v = 0; v < variants; ++v) {
      if (totals[v] > 0) highest = std::max(highest, static_cast<double>(counts[v]) / static_cast<double>(totals[v]));
    }
  }
  std::string text = "\n## Latencies\n\nEach variant's bars add up to its own calls.\n\n```\n";
  for (size_t v = 0; v < variants; ++v) {
    absl::StrAppend(&text, report.variants(static_cast<int>(v)).name(), "\n");
    for (int bin = bins.begin()->first; bin <= bins.rbegin()->first; ++bin) {
      const auto counts = bins.find(bin);
      const int64_t count = counts == bins.end() ? 0 : counts->second[v];
      const double part = totals[v] == 0 ? 0 : static_cast<double>(count) / static_cast<double>(totals[v]);
      const double from = bin == 0 ? 0 : 0.05 * std::pow(kGrowth, bin - 1);
      int width = static_cast<int>(std::lround(kWidth * part / highest));
      if (count > 0) width = std::max(width, 1);  // A tail is what one looks for.
      std::string line =
          absl::StrFormat("  %9.3g ms  %-*s  %d", from, kWidth, std::string(static_cast<size_t>(width), '#'), count);
      absl::StrAppend(&text, line, "\n");
    }
  }
  return absl::StrCat(text, "```\n");
}

std::string FailedCalls(const v1::RunReport& report) {
  if (report.failed_calls().empty()) return "";
  std::map<std::pair<std::string, int>, int> by_code;
  std::string rows;
  for (const v1::FailedCallRecord& call : report.failed_calls()) {
    ++by_code[{call.variant(), call.grpc_code()}];
    const std::string metadata =
        absl::StrJoin(call.metadata(), ", ", [](std::string* out, const v1::FailedCallRecord::Header& header) {
          absl::StrAppend(out, Cell(header.name()), ": ", Cell(header.value()));
        });
    absl::StrAppend(&rows, Row({When(call.started_at()), Cell(call.variant()), Code(call.grpc_code()),
                                Millis(true, call.latency_ms()), Cell(call.path()), Cell(call.endpoint()),
                                Cell(call.message()), metadata}));
  }
  std::string text = absl::StrCat("\n## The last calls that failed\n\n");
  for (const auto& [key, count] : by_code) {
    absl::StrAppend(&text, "- ", Cell(key.first), ": ", count, " with ", Code(key.second), "\n");
  }
  return absl::StrCat(text, "\n",
                      Head({"began (UTC)", "variant", "code", "latency", "method", "endpoint", "message", "metadata"}),
                      rows);
}

std::string WayOn(const v1::RunReport& report) {
  const std::string& name = report.experiment();
  std::string text = absl::StrCat(
      "\n## How to go on\n\n- `weirctl replay ", name, "` makes each decision of this page again from the journal.\n",
      "- `weirctl audit show ", name, " --diff` shows who changed the specification, when, and how.\n");
  if (report.is_rolled_back()) {
    absl::StrAppend(&text, "- It stays shut, through restarts and edits of the file, until `weirctl reset ", name,
                    "` or another `spec.run` opens a new run, without evidence.\n");
  }
  return text;
}

}  // namespace

std::string ReportMarkdown(const v1::RunReport& report) {
  return absl::StrCat(Opening(report), Guardrails(report), Timeline(report), Counts(report), Epochs(report),
                      Previews(report), Latencies(report), FailedCalls(report), WayOn(report));
}

absl::StatusOr<std::string> ReportJson(const v1::RunReport& report) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(report, &json, options);
  if (!status.ok()) return absl::InternalError(std::string(status.message()));
  return json;
}

}  // namespace weir::experiment
