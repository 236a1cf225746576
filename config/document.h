// YAML as a tree of values with their places. The one includer of yaml-cpp, whose exceptions end here.
//
// A strict part of YAML: UTF-8, no tabs in the indentation, no anchors and aliases, no tags, keys are strings. What a
// scalar means is its reader's to say: nothing here turns "no" into false.

#ifndef WEIR_CONFIG_DOCUMENT_H_
#define WEIR_CONFIG_DOCUMENT_H_

#include <string>
#include <vector>

#include "config/error.h"

namespace weir::config {

struct Node {
  enum class Kind {
    kNull,  // Nothing, "~" or "null".
    kScalar,
    kSequence,
    kMapping,
    kRefused,  // Something that is not supported here; `text` says what: whoever reads it reports it.
  };
  Kind kind = Kind::kNull;
  Place place;
  bool is_quoted = false;      // A scalar in quotes is a string, whatever it looks like.
  std::string text;            // A scalar's.
  std::vector<Node> children;  // A sequence's items, or a mapping's values in their order, duplicates included.
  // Within a mapping:
  std::string key;
  Place key_place;
};

// The documents of one file ("---" between them). What is no YAML is added to `findings`, and the documents before it
// are returned; a file beyond the limits is refused as a whole.
std::vector<Node> ParseYaml(const std::string& text, const std::string& file, Findings& findings);

}  // namespace weir::config

#endif  // WEIR_CONFIG_DOCUMENT_H_
