// Late rises of error rates: a Shiryaev-Roberts detector (stats/detector.h) beside each error guardrail and candidate.
// It is fed second by second with the cohorts of the present epoch, when they are as old as the guardrails' tests want
// them, and never looks at them again. It controls how often it alarms falsely, not whether it ever does; after an
// alarm it begins anew.

#ifndef WEIR_ROUTER_EXPERIMENT_DETECTORS_H_
#define WEIR_ROUTER_EXPERIMENT_DETECTORS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "config/config.h"
#include "proto/weir/v1/journal.pb.h"
#include "router/experiment/alarms.h"
#include "router/experiment/run_evidence.h"
#include "router/experiment/split.h"
#include "stats/detector.h"
#include "stats/paired_cohorts.h"

namespace weir::experiment {

struct Detection {
  std::string guardrail;
  std::string candidate;
  std::string rule;
  bool acts = false;           // `detector: act`.
  double log10_statistic = 0;  // Of the mean of R; -infinity before the first call.
  double log10_threshold = 0;
  bool alarms_now = false;  // At this look.
  Alarms alarms{};
};

using DetectorRecords = google::protobuf::RepeatedPtrField<v1::DetectorCheckpoint>;

// One run's. The control thread's.
class Detectors {
 public:
  // Those of a guardrail (by name and rule) and candidate that were there before go on.
  void Follow(const std::vector<config::Guardrail>& guardrails, const Split& split);
  // In the order of the candidates, then of the guardrails.
  std::vector<Detection> Look(const RunEvidence& evidence, absl::Time now);
  // RunEvidence::CloseRings was called, and cohorts from `first` on are new.
  void CloseRings(stats::Tick first);

  DetectorRecords Checkpoint() const;
  // On a new object, before Follow. What does not fit begins anew.
  void Restore(const DetectorRecords& checkpoint);

 private:
  struct Detector {
    config::Guardrail guardrail;
    stats::ShiryaevRoberts statistic;
    Alarms alarms{};
  };
  // The cohorts of a candidate beside the default's.
  struct Fed {
    uint32_t epoch = 0;
    stats::Tick before = 0;  // Those that began before it are taken up.
    stats::PairedCohorts cohorts{0};
    std::vector<Detector> detectors{};
  };
  void Feed(const VariantEvidence& baseline, const VariantEvidence& candidate, uint32_t epoch, Fed& fed,
            absl::Time now) const;

  std::string default_variant_;
  std::map<std::string, Fed> fed_;                          // By candidate.
  std::map<std::string, v1::DetectorCheckpoint> restored_;  // By KeyOf; until Follow.
};

}  // namespace weir::experiment

#endif  // WEIR_ROUTER_EXPERIMENT_DETECTORS_H_
