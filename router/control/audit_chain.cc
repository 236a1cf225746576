#include "router/control/audit_chain.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "router/experiment/journal.h"
#include "router/runtime/crypto.h"

namespace weir::control {

AuditChain::AuditChain() : hash_(runtime::kSha256Size, '\0') {}

absl::StatusOr<v1::AuditRecord> AuditChain::Next(uint64_t sequence, const std::string& bytes, const std::string& hash) {
  const uint64_t due = sequence_ + 1;
  const auto broken = [&](const auto&... what) {
    return absl::DataLossError(absl::StrCat("the audit chain breaks at row ", due, ": ", what...));
  };
  if (sequence != due) return broken("the next row there is has the number ", sequence);
  v1::AuditRecord record;
  const std::string computed = ChainHash(hash_, bytes);
  if (hash != computed) {
    return broken("its hash is ", absl::BytesToHexString(hash), ", and ", absl::BytesToHexString(computed),
                  " follows from what is there");
  }
  if (!record.ParseFromString(bytes)) return broken("it is no record");
  if (record.sequence() != sequence) return broken("its record is that of row ", record.sequence());
  const absl::StatusOr<experiment::State> state = experiment::StateOf(record.state());
  if (!state.ok()) return broken(std::string(state.status().message()));
  sequence_ = sequence;
  hash_ = computed;
  return record;
}

std::string AuditChain::head() const { return absl::BytesToHexString(hash_); }

std::string ChainHash(const std::string& previous, const std::string& bytes) {
  return runtime::Sha256(absl::StrCat(previous, bytes));
}

std::string CheckpointHash(const std::string& key, const std::string& value) {
  return runtime::Sha256(absl::StrCat(key, std::string(1, '\0'), value));
}

}  // namespace weir::control
