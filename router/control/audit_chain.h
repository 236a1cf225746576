// The chain of audit records: each one's hash is SHA-256 over the hash before it (32 bytes; zeros before the first) and
// the record's bytes. Whoever holds a later hash can show that no earlier record was altered, taken out or put in.

#ifndef WEIR_ROUTER_CONTROL_AUDIT_CHAIN_H_
#define WEIR_ROUTER_CONTROL_AUDIT_CHAIN_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/weir/v1/journal.pb.h"

namespace weir::control {

// A walk along the chain from its beginning.
class AuditChain {
 public:
  AuditChain();

  // The next row's record. DATA_LOSS, with what is wrong with it, where the row does not continue the chain or says
  // what no Weir writes; then the walk is over.
  absl::StatusOr<v1::AuditRecord> Next(uint64_t sequence, const std::string& bytes, const std::string& hash);

  uint64_t sequence() const { return sequence_; }    // Of the last row; 0 before the first.
  const std::string& hash() const { return hash_; }  // The last row's, 32 bytes.
  std::string head() const;                          // The same in hex.

 private:
  uint64_t sequence_ = 0;
  std::string hash_;
};

std::string ChainHash(const std::string& previous, const std::string& bytes);
// Of a checkpoint's row, which is outside the chain.
std::string CheckpointHash(const std::string& key, const std::string& value);

}  // namespace weir::control

#endif  // WEIR_ROUTER_CONTROL_AUDIT_CHAIN_H_
