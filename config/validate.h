// What no document alone can tell: whether they fit together.

#ifndef WEIR_CONFIG_VALIDATE_H_
#define WEIR_CONFIG_VALIDATE_H_

#include <vector>

#include "config/config.h"
#include "config/error.h"

namespace weir::config {

// Errors: a variant, mirror or route names no model; two experiments share a name or a match (the second would never be
// reached); the force header is an experiment's key header; too many experiments. Warnings: a route that an earlier one
// hides, a model that nothing names. Parts that could not be read (empty names) are passed over: they were reported.
void Validate(const Placed<Proxy>& proxy, const std::vector<Placed<Experiment>>& experiments, Findings& findings);

// The same, for experiments whose proxy is not at hand.
void ValidateExperiments(const std::vector<Placed<Experiment>>& experiments, Findings& findings);

}  // namespace weir::config

#endif  // WEIR_CONFIG_VALIDATE_H_
