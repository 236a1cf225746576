// `spec.notify` of an experiment.

#ifndef WEIR_CONFIG_NOTIFY_SPEC_H_
#define WEIR_CONFIG_NOTIFY_SPEC_H_

#include <vector>

#include "config/field.h"
#include "config/notify.h"

namespace weir::config {

std::vector<NotifyTarget> ReadNotify(const Field& field);

}  // namespace weir::config

#endif  // WEIR_CONFIG_NOTIFY_SPEC_H_
