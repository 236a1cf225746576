// A journal as it was at one moment, beside the process that is writing it.
//
// The writer shares its file with nobody, and is not to be asked. So the file and its log are read twice, one after the
// other: where both times gave the same bytes, every byte of the first reading still stood when it had ended, so that
// the copy is what a crash at that moment would have left. SQLite recovers that, as it would after the crash.

#ifndef WEIR_ROUTER_CONTROL_JOURNAL_COPY_H_
#define WEIR_ROUTER_CONTROL_JOURNAL_COPY_H_

#include <string>
#include <utility>

#include "absl/status/statusor.h"

namespace weir::control {

// A private folder that holds the copy; it goes with the object.
class JournalCopy {
 public:
  // NOT_FOUND where there is no journal, PERMISSION_DENIED where it may not be read, UNAVAILABLE where it changes too
  // quickly, and what the disk of the temporary folder says.
  static absl::StatusOr<JournalCopy> Make(const std::string& path);
  ~JournalCopy();
  JournalCopy(JournalCopy&& other) noexcept : folder_(std::exchange(other.folder_, "")) {}
  JournalCopy& operator=(JournalCopy&&) = delete;

  std::string path() const { return folder_ + "/journal.db"; }

 private:
  explicit JournalCopy(std::string folder) : folder_(std::move(folder)) {}

  std::string folder_;
};

}  // namespace weir::control

#endif  // WEIR_ROUTER_CONTROL_JOURNAL_COPY_H_
