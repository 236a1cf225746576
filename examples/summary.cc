#include "examples/summary.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "google/protobuf/util/json_util.h"

namespace weir::examples {

Interval WilsonInterval(int successes, int trials) {
  if (trials == 0) return {};
  constexpr double z = 1.959963984540054;
  const double n = trials, share = successes / n;
  const double centre = (share + z * z / (2 * n)) / (1 + z * z / n);
  const double half = z / (1 + z * z / n) * std::sqrt(share * (1 - share) / n + z * z / (4 * n * n));
  return {std::max(0.0, centre - half), std::min(1.0, centre + half)};
}

absl::Duration QuantileOf(const std::vector<absl::Duration>& sorted, double quantile) {
  if (sorted.empty()) return absl::ZeroDuration();
  const size_t rank = static_cast<size_t>(std::ceil(quantile * sorted.size()));
  return sorted[std::clamp<size_t>(rank, 1, sorted.size()) - 1];
}

std::string CodeName(int grpc_code) {
  static constexpr std::array kNames = {
      "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
      "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
      "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
      "DATA_LOSS", "UNAUTHENTICATED"};
  if (grpc_code < 0 || grpc_code >= static_cast<int>(kNames.size())) return absl::StrCat("CODE_", grpc_code);
  return kNames[grpc_code];
}

void SummaryBuilder::AddCall(const CallResult& call) {
  Variant& variant = variants_[call.variant.empty() ? "-" : call.variant];
  example::VariantSummary& counts = variant.counts;
  counts.set_calls(counts.calls() + 1);
  counts.set_streaming(counts.streaming() + call.streaming);
  counts.set_rows(counts.rows() + call.rows);
  counts.set_right(counts.right() + call.right);
  if (!call.reason.empty()) ++(*counts.mutable_reasons())[call.reason];
  if (call.rows > 0) (*counts.mutable_versions())[call.version] += call.rows;
  if (call.code == 0) {
    variant.latencies.push_back(call.latency);
  } else {
    ++(*counts.mutable_errors())[CodeName(call.code)];
    counts.set_last_error(absl::StrCat(CodeName(call.code), ": ", call.error));
  }
}

void SummaryBuilder::AddOutcome(int code, bool was_late) {
  if (code != 0) {
    ++(*outcomes_.mutable_refused())[CodeName(code)];
    return;
  }
  outcomes_.set_counted(outcomes_.counted() + 1);
  outcomes_.set_late(outcomes_.late() + was_late);
}

example::Summary SummaryBuilder::Build(absl::Duration elapsed) const {
  example::Summary summary;
  for (const auto& [name, variant] : variants_) {
    example::VariantSummary& out = *summary.add_variants();
    out = variant.counts;
    out.set_variant(name);
    if (out.rows() > 0) out.set_accuracy(static_cast<double>(out.right()) / out.rows());
    const Interval interval = WilsonInterval(out.right(), out.rows());
    out.set_accuracy_lower(interval.lower);
    out.set_accuracy_upper(interval.upper);
    std::vector<absl::Duration> sorted = variant.latencies;
    std::sort(sorted.begin(), sorted.end());
    out.set_p50_ms(absl::ToDoubleMilliseconds(QuantileOf(sorted, 0.5)));
    out.set_p95_ms(absl::ToDoubleMilliseconds(QuantileOf(sorted, 0.95)));
    out.set_p99_ms(absl::ToDoubleMilliseconds(QuantileOf(sorted, 0.99)));
  }
  *summary.mutable_outcomes() = outcomes_;
  summary.set_skipped(skipped_);
  summary.set_seconds(absl::ToDoubleSeconds(elapsed));
  return summary;
}

std::string AsTable(const example::Summary& summary) {
  const auto list = [](const google::protobuf::Map<std::string, int>& counts) {
    std::map<std::string, int> sorted(counts.begin(), counts.end());
    std::string text;
    for (const auto& [name, count] : sorted) absl::StrAppend(&text, text.empty() ? "" : ", ", count, " ", name);
    return text.empty() ? std::string("none") : text;
  };
  std::string table = absl::StrFormat("%-22s %8s %9s %9s %9s  %-24s %s\n", "variant", "calls", "p50 ms", "p95 ms",
                                      "p99 ms", "accuracy (95 %)", "errors");
  for (const example::VariantSummary& v : summary.variants()) {
    const std::string accuracy =
        v.rows() == 0 ? "-"
                      : absl::StrFormat("%.4f [%.4f, %.4f]", v.accuracy(), v.accuracy_lower(), v.accuracy_upper());
    const std::string errors = v.errors().empty() ? "none" : absl::StrCat(list(v.errors()), "; last ", v.last_error());
    absl::StrAppendFormat(&table, "%-22s %8d %9.2f %9.2f %9.2f  %-24s %s\n", v.variant(), v.calls(), v.p50_ms(),
                          v.p95_ms(), v.p99_ms(), accuracy, errors);
  }
  const example::OutcomeSummary& outcomes = summary.outcomes();
  absl::StrAppendFormat(&table, "outcomes counted: %d (%d late), refused: %s; calls skipped: %d; %.1f s\n",
                        outcomes.counted(), outcomes.late(), list(outcomes.refused()), summary.skipped(),
                        summary.seconds());
  return table;
}

std::string AsJson(const example::Summary& summary) {
  google::protobuf::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  options.preserve_proto_field_names = true;
  std::string json;
  // Fails only for messages that hold an Any of an unknown type.
  if (!google::protobuf::util::MessageToJsonString(summary, &json, options).ok()) std::abort();
  return json;
}

}  // namespace weir::examples
