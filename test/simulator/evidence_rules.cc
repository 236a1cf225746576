#include "test/simulator/evidence_rules.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"

namespace weir::simulator {

// --- CountLedger

void CountLedger::Begin() {
  here_.clear();
  base_.clear();
  opened_.clear();
}

void CountLedger::ForgetAllBut(const std::map<std::string, double>& filed) {
  for (const auto& [key, count] : ever_) {
    if (!filed.contains(std::get<0>(key))) may_be_dropped_.insert(std::get<0>(key));
  }
  for (const std::string& experiment : filed_) {
    if (!filed.contains(experiment)) may_be_dropped_.insert(experiment);  // Its calls may be told later.
  }
  filed_.clear();
  for (const auto& [experiment, alpha] : filed) filed_.insert(experiment);
  std::erase_if(base_, [&](const auto& entry) { return !filed.contains(std::get<0>(entry.first)); });
  std::erase_if(opened_, [&](const auto& opened) { return !filed.contains(opened.first); });
}

void CountLedger::Hear(const std::string& experiment, uint32_t run) {
  uint32_t& newest = newest_run_[experiment];
  if (run > newest) opened_.insert({experiment, run});
  newest = std::max(newest, run);
}

void CountLedger::Deliver(const Key& key, int64_t count) {
  ever_[key] += count;
  here_[key] += count;
}

std::string CountLedger::Compare(const Key& key, int64_t shown) {
  const auto& [experiment, run, variant] = key;
  const std::string whose = absl::StrCat(experiment, ", run ", run, ", ", variant, ": ");
  if (shown > ever_[key]) return absl::StrCat(whose, ever_[key], " were delivered, and ", shown, " are counted");
  const int64_t here = here_[key];
  const auto [base, is_first] = base_.try_emplace(key, opened_.contains({experiment, run}) ? 0 : shown - here);
  const bool is_less = base->second < 0 && !may_be_dropped_.contains(experiment);
  if (is_first && is_less) return absl::StrCat(whose, here, " were delivered, and ", shown, " are counted");
  if (shown == base->second + here) return "";
  return absl::StrCat(whose, base->second, " were there, ", here, " were delivered since, and ", shown, " are counted");
}

// --- RunNumbers

void RunNumbers::Hear(const Event& event) {
  if (std::holds_alternative<ProcessStarted>(event)) layouts_.clear();
  if (const auto* published = std::get_if<TablePublished>(&event)) Add(*published->table);
}

void RunNumbers::Add(const routing::RouteTable& table) {
  for (const routing::ExperimentRoute& route : table.experiments) {
    Layout layout{.experiment = route.name, .run = route.run_ordinal, .variants = {}, .default_variant = {}};
    for (const routing::WeightedVariant& variant : route.variants) layout.variants.push_back(variant.name);
    layout.default_variant = layout.variants[route.default_variant];
    layouts_[route.run] = std::move(layout);
  }
}

const RunNumbers::Layout* RunNumbers::Find(uint32_t number) const {
  const auto found = layouts_.find(number);
  return found == layouts_.end() ? nullptr : &found->second;
}

// --- NoCallIsCountedTwice

void NoCallIsCountedTwice::Hear(const Event& event, absl::Time, const Accuse& accuse) {
  numbers_.Hear(event);
  if (std::holds_alternative<ProcessStarted>(event)) {
    for (CountLedger* ledger : {&ledger_, &previews_}) ledger->Begin();
  } else if (const auto* written = std::get_if<RowWritten>(&event)) {
    for (CountLedger* ledger : {&ledger_, &previews_}) {
      ledger->Hear(written->record.state().experiment(), written->record.state().run());
    }
  } else if (const auto* report = std::get_if<ReportTaken>(&event)) {
    for (const auto& [key, counts] : report->report->delta.inference) {
      const RunNumbers::Layout* layout = numbers_.Find(key.run);
      if (layout == nullptr || layout->run == 0) continue;  // Of no run that it could be counted in.
      const CountLedger::Key whose = {layout->experiment, layout->run, layout->variants[key.variant]};
      ledger_.Deliver(whose, counts.started());
      previews_.Deliver(whose, counts.previews().judged());
    }
  } else if (const auto* viewed = std::get_if<Viewed>(&event)) {
    for (const v1::ExperimentStatus& status : viewed->status->experiments()) {
      for (const v1::VariantStatus& variant : status.variants()) {
        const CountLedger::Key whose = {status.name(), status.run(), variant.name()};
        const std::string wrong = ledger_.Compare(whose, variant.started());
        if (!wrong.empty()) accuse(absl::StrCat(wrong, " (calls)"));
        const std::string previews = previews_.Compare(whose, variant.previewed());
        if (!previews.empty()) accuse(absl::StrCat(previews, " (previewed calls)"));
        if (variant.ended() > variant.started()) accuse(absl::StrCat(variant.name(), ": more calls ended than began"));
      }
    }
  } else if (std::holds_alternative<JournalFound>(event)) {
    for (CountLedger* ledger : {&ledger_, &previews_}) ledger->Begin();
  } else if (const auto* files = std::get_if<FilesTaken>(&event)) {
    for (CountLedger* ledger : {&ledger_, &previews_}) ledger->ForgetAllBut(files->alphas);
  }
}

// --- NoOutcomeIsCountedTwice

void NoOutcomeIsCountedTwice::Hear(const Event& event, absl::Time, const Accuse& accuse) {
  if (std::holds_alternative<ProcessStarted>(event) || std::holds_alternative<JournalFound>(event)) {
    ledger_.Begin();
    acknowledged_.clear();
  } else if (const auto* written = std::get_if<RowWritten>(&event)) {
    ledger_.Hear(written->record.state().experiment(), written->record.state().run());
  } else if (const auto* answered = std::get_if<OutcomeAnswered>(&event)) {
    if (answered->status.ok()) OnAnswer(*answered, accuse);
  } else if (const auto* viewed = std::get_if<Viewed>(&event)) {
    for (const v1::ExperimentStatus& status : viewed->status->experiments()) {
      for (const v1::VariantStatus& variant : status.variants()) {
        if (variant.outcomes().empty()) continue;
        const std::string wrong =
            ledger_.Compare({status.name(), status.run(), variant.name()}, variant.outcomes(0).count());
        if (!wrong.empty()) accuse(absl::StrCat(wrong, " (outcomes)"));
      }
    }
  } else if (const auto* files = std::get_if<FilesTaken>(&event)) {
    ledger_.ForgetAllBut(files->alphas);
  }
}

void NoOutcomeIsCountedTwice::OnAnswer(const OutcomeAnswered& answered, const Accuse& accuse) {
  const stats::Ticket& ticket = answered.ticket;
  if (answered.variant.empty()) return accuse("a ticket that was never issued is acknowledged");
  if (!acknowledged_.insert({ticket.issuer, ticket.sequence}).second) {
    return accuse(
        absl::StrCat("ticket ", ticket.sequence, " of worker ", ticket.issuer.worker, " is acknowledged twice"));
  }
  ledger_.Deliver({answered.experiment, ticket.run, answered.variant}, 1);
}

// --- ABadCandidateIsRolledBack

const stats::Tick kTicksOfSecond = absl::Seconds(1) / stats::kTick;

void ABadCandidateIsRolledBack::OnReport(const stats::WorkerReport& report, absl::Time now) {
  for (const auto& [key, counts] : report.delta.inference) {
    const RunNumbers::Layout* layout = numbers_.Find(key.run);
    if (layout == nullptr || layout->run == 0) continue;
    const std::string& variant = layout->variants[key.variant];
    std::map<stats::Tick, Ended>& ended = ended_[{key.run, key.epoch}];
    for (const auto& [tick, cohort] : counts.cohorts()) {
      Ended& in_second = ended[tick / kTicksOfSecond];
      if (variant == layout->default_variant) in_second.of_default += cohort.ended;
      if (variant == candidate_ && variant != layout->default_variant) in_second.of_candidate += cohort.ended;
    }
    Ended together;
    for (const auto& [second, of] : ended) {
      if (of.of_default == 0 || of.of_candidate == 0) continue;
      together.of_default += of.of_default;
      together.of_candidate += of.of_candidate;
    }
    if (std::min(together.of_default, together.of_candidate) < kEnoughCalls) continue;
    Ripe& ripe = ripe_[layout->experiment];
    if (ripe.run != layout->run) ripe = {.run = layout->run, .since = now};
  }
}

void ABadCandidateIsRolledBack::Hear(const Event& event, absl::Time now, const Accuse& accuse) {
  numbers_.Hear(event);
  if (std::holds_alternative<ProcessStarted>(event)) {
    ended_.clear();
    ripe_.clear();
  } else if (const auto* report = std::get_if<ReportTaken>(&event)) {
    OnReport(*report->report, now);
  } else if (const auto* viewed = std::get_if<Viewed>(&event)) {
    for (const v1::ExperimentStatus& status : viewed->status->experiments()) {
      const auto ripe = ripe_.find(status.name());
      if (ripe == ripe_.end() || ripe->second.run != status.run() || now < ripe->second.since + kLag) continue;
      if (status.phase() == v1::ROLLED_BACK || status.phase() == v1::FROZEN) continue;
      std::string evidence;
      for (const v1::VariantStatus& variant : status.variants()) {
        absl::StrAppend(&evidence, "; ", variant.run_errors(), " errors of ", variant.ended(), " calls of ",
                        variant.name(), ", design effect ", variant.design_effect());
      }
      for (const v1::GuardrailStatus& test : status.guardrails()) {
        absl::StrAppend(&evidence, "; ", test.name(), " of ", test.variant(), ": 10^", test.log10_evidence(), " of 10^",
                        test.log10_threshold());
      }
      accuse(absl::StrCat(candidate_, " of ", status.name(), " fails since run ", status.run(),
                          " began, and the gate is open: ", v1::Phase_Name(status.phase()), evidence));
    }
  }
}

// --- NothingIsPromotedWithoutCalls

bool NothingIsPromotedWithoutCalls::HasCalls(const std::string& experiment, uint32_t run, uint32_t first_epoch,
                                             const std::string& variant) const {
  const auto newest = newest_.find({experiment, run, variant});
  return newest != newest_.end() && newest->second >= first_epoch;
}

void NothingIsPromotedWithoutCalls::Hear(const Event& event, absl::Time, const Accuse& accuse) {
  numbers_.Hear(event);
  if (const auto* report = std::get_if<ReportTaken>(&event)) {
    for (const auto& [key, counts] : report->report->delta.inference) {
      const RunNumbers::Layout* layout = numbers_.Find(key.run);
      if (layout == nullptr || counts.ended() == 0) continue;
      uint32_t& newest = newest_[{layout->experiment, layout->run, layout->variants[key.variant]}];
      newest = std::max(newest, key.epoch);
    }
  } else if (const auto* asked = std::get_if<RowAsked>(&event)) {
    const v1::AuditRecord record = experiment::RecordOf(asked->change, 0);
    const v1::ExperimentState& before = record.before();
    if (record.actor() != "weir" || !record.event().has_time_passed()) return;
    const bool ends = record.state().has_watching() || record.state().has_completed();
    if (!before.has_watching() && !(before.has_stepping() && (ends || record.action() == "step-entered"))) return;
    const uint32_t first_epoch = before.has_stepping() ? before.stepping().first_epoch() : before.epoch();
    for (const v1::VariantWeight& variant : before.variants()) {
      if (variant.hundredths() == 0 || HasCalls(before.experiment(), before.run(), first_epoch, variant.name()))
        continue;
      accuse(absl::StrCat(record.action(), " of ", before.experiment(), " without a call of ", variant.name(),
                          " since epoch ", first_epoch));
    }
  }
}

// --- ASwitchGoesByAllPreviewedCalls

void ASwitchGoesByAllPreviewedCalls::Hear(const Event& event, absl::Time, const Accuse& accuse) {
  numbers_.Hear(event);
  if (std::holds_alternative<ProcessStarted>(event)) {
    begun_.clear();
    delivered_.clear();
  } else if (const auto* report = std::get_if<ReportTaken>(&event)) {
    for (const auto& [key, counts] : report->report->delta.inference) {
      const RunNumbers::Layout* layout = numbers_.Find(key.run);
      if (layout == nullptr) continue;
      stats::PreviewCounts& all =
          delivered_[{{layout->experiment, layout->run, key.epoch}, layout->variants[key.variant]}];
      all.ended += counts.previews().ended;
      all.errors += counts.previews().errors;
    }
  } else if (const auto* files = std::get_if<FilesTaken>(&event)) {
    std::erase_if(begun_, [&](const EpochOf& epoch) { return !files->alphas.contains(std::get<0>(epoch)); });
  } else if (const auto* asked = std::get_if<RowAsked>(&event)) {
    OnRow(experiment::RecordOf(asked->change, 0), accuse);
  }
}

void ASwitchGoesByAllPreviewedCalls::OnRow(const v1::AuditRecord& record, const Accuse& accuse) {
  const v1::ExperimentState& before = record.before();
  const v1::ExperimentState& after = record.state();
  const bool is_new = !record.has_before() || before.run() != after.run() || before.epoch() != after.epoch();
  if (is_new) begun_.insert({after.experiment(), after.run(), after.epoch()});
  const EpochOf epoch{before.experiment(), before.run(), before.epoch()};
  const bool switches = before.has_stepping() && after.has_watching() && record.event().has_time_passed();
  if (!switches || !record.has_decision() || !begun_.contains(epoch)) return;
  for (const v1::DecisionVariant& variant : record.decision().inputs().variants()) {
    const stats::PreviewCounts& all = delivered_[{epoch, variant.name()}];
    const v1::PreviewCheckpoint& seen = variant.counts().previews();
    if (variant.hundredths() > 0 || (seen.ended() == all.ended && seen.errors() == all.errors)) continue;
    accuse(absl::StrCat(before.experiment(), " is switched by ", seen.ended(), " previewed calls of ", variant.name(),
                        " with ", seen.errors(), " errors, and ", all.ended, " with ", all.errors, " were delivered"));
  }
}

// --- AlphaAccount

void AlphaAccount::Hear(const Event& event) {
  if (const auto* files = std::get_if<FilesTaken>(&event)) {
    for (const auto& [experiment, alpha] : files->alphas) alphas_[experiment] = std::max(alphas_[experiment], alpha);
  }
  const auto* written = std::get_if<RowWritten>(&event);
  if (written == nullptr) return;
  const v1::ExperimentState& state = written->record.state();
  const std::pair<std::string, uint32_t> run{state.experiment(), state.run()};
  if (counted_.insert(run).second) {
    ++runs_;
    alpha_ += alphas_[state.experiment()];
  }
  // How often detectors alarm falsely is bounded, but not by an alpha.
  const bool is_of_test = state.rolled_back().has_breach() && written->record.evidence().detectors().empty();
  if (is_of_test && breached_.insert(run).second) ++breaches_;
}

void AlphaAccount::Merge(const AlphaAccount& other) {
  runs_ += other.runs_;
  breaches_ += other.breaches_;
  alpha_ += other.alpha_;
}

double AlphaAccount::ProbabilityAtMost() const {
  const double b = static_cast<double>(breaches_);
  if (b <= alpha_) return 1;
  if (alpha_ <= 0) return 0;
  return std::exp(-(b * std::log(b / alpha_) - b + alpha_));
}

}  // namespace weir::simulator
