#include "router/http2/peer_budget.h"

#include <algorithm>

namespace weir::http2 {

void PeerBudget::AdvanceTo(absl::Time now) {
  if (now - period_start_ < limits::kBudgetPeriod) return;
  period_start_ = now;
  ++period_;
  opened_ = resets_ = provoked_resets_ = settings_ = 0;
  // Useful frames are no savings for later: a long honest connection must not buy a flood.
  idle_frames_ = std::clamp<int64_t>(idle_frames_ - limits::kIdleFramesPerPeriod, 0, limits::kIdleFramesPerPeriod);
}

void PeerBudget::OnResetReceived(uint32_t opened_in) {
  if (opened_in != period_) return;
  ++resets_;
  if (opened_ >= limits::kRapidResetStreams && resets_ * 2 > opened_) {
    exceeded_ = "most streams of the last second were reset";
  }
}

void PeerBudget::OnResetProvoked(uint32_t opened_in) {
  OnResetReceived(opened_in);
  if (++provoked_resets_ > limits::kMaxProvokedResets) exceeded_ = "too many streams reset for the peer's errors";
}

void PeerBudget::OnDataReceived(bool is_empty) {
  if (!is_empty) {
    empty_data_in_a_row_ = 0;
    OnUsefulFrame();
  } else if (++empty_data_in_a_row_ > limits::kMaxEmptyDataInARow) {
    exceeded_ = "too many empty DATA frames in a row";
  }
}

void PeerBudget::OnIdleFrame() {
  if (++idle_frames_ > limits::kIdleFramesPerPeriod) exceeded_ = "too many frames that carry nothing";
}

void PeerBudget::OnSettings() {
  if (++settings_ > limits::kMaxSettingsPerPeriod) exceeded_ = "too many SETTINGS frames";
}

void PeerBudget::OnAnswer(uint64_t appended, uint64_t dropped) {
  if (dropped >= answer_mark_) {
    answers_before_mark_ = answers_after_mark_;
    answers_after_mark_ = 0;
    answer_mark_ = appended;
  }
  ++answers_after_mark_;
  if (answers_before_mark_ + answers_after_mark_ > limits::kMaxUnsentAnswers) {
    exceeded_ = "too many answers queued for a peer that does not read them";
  }
}

}  // namespace weir::http2
