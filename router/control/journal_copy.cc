#include "router/control/journal_copy.h"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace weir::control {
namespace {

// The writer writes for some milliseconds in each second.
constexpr int kTries = 100;

// The bytes of a file; one that is not there has none.
absl::StatusOr<std::string> ReadAll(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return std::string();
  std::ifstream in(path, std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  if (!in.is_open()) return absl::PermissionDeniedError(absl::StrCat("journal ", path, ": it may not be read"));
  if (in.bad()) return absl::UnavailableError(absl::StrCat("journal ", path, ": it cannot be read"));
  return bytes;
}

struct Bytes {
  std::string file, log;
  bool operator==(const Bytes&) const = default;
};

absl::StatusOr<Bytes> ReadBoth(const std::string& path) {
  absl::StatusOr<std::string> file = ReadAll(path);
  if (!file.ok()) return file.status();
  absl::StatusOr<std::string> log = ReadAll(path + "-wal");
  if (!log.ok()) return log.status();
  return Bytes{*std::move(file), *std::move(log)};
}

absl::StatusOr<Bytes> ReadAtOneMoment(const std::string& path) {
  absl::StatusOr<Bytes> before = ReadBoth(path);
  for (int tried = 0; before.ok() && tried < kTries; ++tried) {
    absl::StatusOr<Bytes> after = ReadBoth(path);
    if (!after.ok() || *after == *before) return after;
    before = std::move(after);
  }
  if (!before.ok()) return before;
  return absl::UnavailableError(absl::StrCat("journal ", path, ": it changes too quickly to be read"));
}

bool WriteAll(const std::string& path, const std::string& bytes) {
  std::ofstream out(path, std::ios::binary);
  out << bytes;
  return out.flush().good();
}

}  // namespace

absl::StatusOr<JournalCopy> JournalCopy::Make(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) {
    return absl::NotFoundError(absl::StrCat("journal ", path, ": there is none"));
  }
  const absl::StatusOr<Bytes> bytes = ReadAtOneMoment(path);
  if (!bytes.ok()) return bytes.status();
  std::string folder = std::filesystem::temp_directory_path(error).string() + "/weir-journal-XXXXXX";
  if (mkdtemp(folder.data()) == nullptr) return absl::ErrnoToStatus(errno, absl::StrCat("making ", folder));
  JournalCopy copy(folder);
  if (!WriteAll(copy.path(), bytes->file) || (!bytes->log.empty() && !WriteAll(copy.path() + "-wal", bytes->log))) {
    return absl::ResourceExhaustedError(absl::StrCat("copying the journal to ", folder, " failed"));
  }
  return copy;
}

JournalCopy::~JournalCopy() {
  std::error_code error;
  if (!folder_.empty()) std::filesystem::remove_all(folder_, error);
}

}  // namespace weir::control
