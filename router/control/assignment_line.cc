#include "router/control/assignment_line.h"

#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "router/routing/assignment.h"

namespace weir::control {
namespace {

// A JSON string. What clients send is valid UTF-8, as all strings of protocol buffers are.
void AppendText(std::string_view text, std::string& out) {
  out.push_back('"');
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') {
      absl::StrAppendFormat(&out, "\\u%04x", c);
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
}

void AppendField(std::string_view name, std::string_view text, std::string& out) {
  out.append(",\"").append(name).append("\":");
  AppendText(text, out);
}

void AppendFlag(std::string_view name, bool flag, std::string& out) {
  out.append(",\"").append(name).append(flag ? "\":true" : "\":false");
}

void Begin(std::string_view type, absl::Time at, std::string& out) {
  out.append("{\"type\":\"").append(type).append("\",\"at\":\"");
  out.append(absl::FormatTime("%Y-%m-%d%ET%H:%M:%E3SZ", at, absl::UTCTimeZone())).append("\"");
}

std::string TicketId(const stats::Issuer& issuer, uint64_t sequence) {
  return absl::StrFormat("\"%08x-%x-%x-%x\"", issuer.replica, issuer.boot, issuer.worker, sequence);
}

void AppendTicket(const std::string& id, std::string& out) { out.append(",\"ticket\":").append(id); }

}  // namespace

void RunNames::Learn(const routing::RouteTable& table) {
  for (const routing::ExperimentRoute& experiment : table.experiments) {
    Names& names = runs_[experiment.run];
    names = {.experiment = experiment.name, .run = experiment.run_ordinal, .variants = {}};
    for (const routing::WeightedVariant& variant : experiment.variants) names.variants.push_back(variant.name);
    experiments_[experiment.name_hash] = experiment.name;
  }
  while (runs_.size() > kKept) runs_.erase(runs_.begin());
  while (experiments_.size() > kKept) experiments_.erase(experiments_.begin());
}

const RunNames::Names* RunNames::Find(uint32_t run) const {
  const auto found = runs_.find(run);
  return found == runs_.end() ? nullptr : &found->second;
}

const std::string& RunNames::ExperimentOf(uint64_t name_hash) const {
  static const std::string kUnknown;
  const auto found = experiments_.find(name_hash);
  return found == experiments_.end() ? kUnknown : found->second;
}

bool AppendAssignment(const stats::AssignmentRecord& record, const RunNames& names, std::string& out) {
  const RunNames::Names* run = names.Find(record.run);
  if (run == nullptr || record.assigned >= run->variants.size() || record.served >= run->variants.size()) return false;
  Begin("assignment", record.at, out);
  AppendField("experiment", run->experiment, out);
  absl::StrAppend(&out, ",\"run\":", run->run, ",\"epoch\":", record.epoch);
  AppendField("assigned", run->variants[record.assigned], out);
  AppendField("served", run->variants[record.served], out);
  AppendField("reason", stats::ReasonName(record.reason), out);
  out.append(",\"user\":");
  out.append(record.is_keyless ? "null" : absl::StrFormat("\"%016x\"", record.user));
  absl::StrAppend(&out, ",\"bucket\":", routing::BucketOf(record.user), ",\"code\":", record.grpc_code);
  out.append(",\"latency_ms\":");
  out.append(record.latency < absl::ZeroDuration()
                 ? "null"
                 : absl::StrFormat("%.3f", absl::ToDoubleMilliseconds(record.latency)));
  AppendFlag("inference", record.enters_inference, out);
  AppendFlag("ended_by_client", record.is_ended_by_client, out);
  AppendTicket(record.has_ticket ? TicketId(record.issuer, record.ticket_sequence) : "null", out);
  out.append("}\n");
  return true;
}

void AppendOutcome(const stats::OutcomeReport& report, const RunNames& names, absl::Time now, std::string& out) {
  const stats::Ticket& ticket = report.ticket;
  Begin("outcome", now, out);
  AppendField("experiment", names.ExperimentOf(ticket.experiment), out);
  absl::StrAppend(&out, ",\"run\":", ticket.run, ",\"epoch\":", ticket.epoch, ",\"bucket\":", ticket.user_bucket);
  AppendTicket(TicketId(ticket.issuer, ticket.sequence), out);
  out.append(",\"metrics\":{");
  const char* between = "";
  for (const auto& [name, value] : report.metrics) {
    out.append(std::exchange(between, ","));
    AppendText(name, out);
    out.append(std::isfinite(value) ? absl::StrFormat(":%.17g", value) : ":null");
  }
  out.append("}}\n");
}

void AppendDropped(int64_t lines, absl::Time now, std::string& out) {
  Begin("dropped", now, out);
  absl::StrAppend(&out, ",\"lines\":", lines, "}\n");
}

}  // namespace weir::control
