// What a proxy or its journal says, as it may be printed: whoever gave a comment, a role or an error commands no
// terminal and forges no line. Pure.

#ifndef WEIR_ROUTER_CLI_PLAIN_MESSAGE_H_
#define WEIR_ROUTER_CLI_PLAIN_MESSAGE_H_

#include <google/protobuf/message.h>

namespace weir::cli {

// Makes each text in it, however deep, plain as config::ToPlainText does; bytes stay.
void MakePlain(google::protobuf::Message& message);

template <typename Message>
Message PlainCopy(const Message& message) {
  Message copy = message;
  MakePlain(copy);
  return copy;
}

}  // namespace weir::cli

#endif  // WEIR_ROUTER_CLI_PLAIN_MESSAGE_H_
