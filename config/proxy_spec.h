// kind: Proxy.

#ifndef WEIR_CONFIG_PROXY_SPEC_H_
#define WEIR_CONFIG_PROXY_SPEC_H_

#include <string>

#include "config/config.h"
#include "config/field.h"

namespace weir::config {

// Reads the document's `metadata` and `spec`; `document` has had its apiVersion and kind asked for. What is wrong is in
// the document's findings, and left at its default in the result.
Proxy ReadProxy(Mapping& document);

// Of an experiment or a route: `service` and `method`. `is_service_required`: else absent means "*".
Match ReadMatch(const Field& field, bool is_service_required);

// `metadata: {name: ...}`; empty when there is none.
std::string ReadMetadataName(Mapping& document);

}  // namespace weir::config

#endif  // WEIR_CONFIG_PROXY_SPEC_H_
