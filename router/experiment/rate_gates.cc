#include "router/experiment/rate_gates.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace weir::experiment {

bool RateGates::Look(const std::vector<config::Guardrail>& guardrails, int64_t started, absl::Time now) {
  if (!samples_.empty() && (now < samples_.back().at || started < samples_.back().started)) {
    samples_.clear();  // The clock was set back.
    since_.clear();
  }
  samples_.push_back({now, started});
  while (samples_.size() > 2 && samples_[1].at <= now - kWindow) samples_.pop_front();
  const absl::Duration span = now - samples_.front().at;
  rate_.reset();
  if (span >= kWindow) {
    rate_ = static_cast<double>(started - samples_.front().started) / absl::ToDoubleSeconds(span);
  }
  bool has_opened = false;
  for (const config::Guardrail& guardrail : guardrails) {
    if (IsOpen(guardrail)) continue;
    if (rate_.value_or(-1) < guardrail.when->min_rate_per_second) {
      since_.erase(guardrail.name);
      continue;
    }
    const absl::Time since = since_.try_emplace(guardrail.name, now).first->second;
    if (now < since + guardrail.when->held_for) continue;
    open_.insert(guardrail.name);
    has_opened = true;
  }
  return has_opened;
}

std::string RateGates::WhyShut(const config::Guardrail& guardrail) const {
  std::string why = absl::StrFormat("not judged before %.4g/s", guardrail.when->min_rate_per_second);
  if (guardrail.when->held_for > absl::ZeroDuration()) {
    absl::StrAppend(&why, " for ", absl::FormatDuration(guardrail.when->held_for));
  }
  if (rate_) absl::StrAppendFormat(&why, " (now %.4g/s)", *rate_);
  return why;
}

}  // namespace weir::experiment
