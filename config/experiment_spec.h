// kind: Experiment.

#ifndef WEIR_CONFIG_EXPERIMENT_SPEC_H_
#define WEIR_CONFIG_EXPERIMENT_SPEC_H_

#include "config/config.h"
#include "config/field.h"

namespace weir::config {

// Reads the document's `metadata` and `spec`; `document` has had its apiVersion and kind asked for. What is wrong is in
// the document's findings, and left at its default in the result.
Experiment ReadExperiment(Mapping& document);

}  // namespace weir::config

#endif  // WEIR_CONFIG_EXPERIMENT_SPEC_H_
