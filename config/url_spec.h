// Parts of a specification that say where another system is asked or told.

#ifndef WEIR_CONFIG_URL_SPEC_H_
#define WEIR_CONFIG_URL_SPEC_H_

#include <string>

#include "config/field.h"
#include "config/url.h"

namespace weir::config {

// What was written is not repeated in errors where it may be a secret.
enum class UrlMay { kBeShown, kBeSecret };
HttpUrl ReadHttpUrl(const Field& field, UrlMay may);

// The path of a file, of the folder of the file that names it.
std::string ReadPath(const Field& field);

// `caFile` beside `url`, which is https.
std::string ReadCaFile(const Field& field, const HttpUrl& url);

}  // namespace weir::config

#endif  // WEIR_CONFIG_URL_SPEC_H_
