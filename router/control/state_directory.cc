#include "router/control/state_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "router/runtime/crypto.h"

namespace weir::control {
namespace {

using runtime::FileDescriptor;

absl::Status Failure(const std::string& doing) {
  return absl::ErrnoToStatus(errno, absl::StrCat("state directory: ", doing));
}

absl::Status MakeFolder(const std::string& path) {
  std::error_code error;
  const std::filesystem::path above = std::filesystem::path(path).parent_path();
  if (!above.empty()) std::filesystem::create_directories(above, error);
  if (error) {
    errno = error.value();
    return Failure(absl::StrCat("making ", path));
  }
  if (mkdir(path.c_str(), 0700) == 0 || std::filesystem::is_directory(path, error)) return absl::OkStatus();
  if (errno == EEXIST) errno = ENOTDIR;
  return Failure(absl::StrCat("making ", path));
}

// What is not there, or not ours, stays as it is.
void CloseToOthers(const std::string& path) {
  for (const char* file : {"journal.db", "journal.db-wal", "journal.db-shm"}) {
    (void)chmod(absl::StrCat(path, "/", file).c_str(), 0600);
  }
  (void)chmod(absl::StrCat(path, "/reports").c_str(), 0700);
}

absl::StatusOr<FileDescriptor> Lock(const std::string& path) {
  FileDescriptor file(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (file.get() < 0) return Failure(absl::StrCat("opening ", path));
  if (flock(file.get(), LOCK_EX | LOCK_NB) == 0) return file;
  if (errno != EWOULDBLOCK) return Failure(absl::StrCat("locking ", path));
  return absl::AlreadyExistsError(
      absl::StrCat("state directory: another weir holds ", path, ": two proxies never share one directory"));
}

// "replica boot", both decimal; nullopt when it is missing or damaged.
std::optional<stats::Issuer> ReadIssuer(const std::string& path) {
  FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 64> bytes;
  const ssize_t size = file.get() < 0 ? -1 : read(file.get(), bytes.data(), bytes.size());
  if (size <= 0) return std::nullopt;
  const std::vector<std::string> words = absl::StrSplit(std::string(bytes.data(), static_cast<size_t>(size)), ' ');
  stats::Issuer issuer;
  if (words.size() != 2 || !absl::SimpleAtoi(words[0], &issuer.replica) || !absl::SimpleAtoi(words[1], &issuer.boot)) {
    return std::nullopt;
  }
  return issuer;
}

// Under a new name first: a crash leaves the old record or the new one.
absl::Status WriteIssuer(const std::string& folder, const std::string& path, const stats::Issuer& issuer) {
  const std::string unfinished = path + ".new";
  const std::string record = absl::StrCat(issuer.replica, " ", issuer.boot);
  FileDescriptor file(open(unfinished.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (file.get() < 0 || write(file.get(), record.data(), record.size()) != static_cast<ssize_t>(record.size()) ||
      fsync(file.get()) != 0 || std::rename(unfinished.c_str(), path.c_str()) != 0) {
    return Failure(absl::StrCat("writing ", path));
  }
  FileDescriptor directory(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() < 0 || fsync(directory.get()) != 0) return Failure(absl::StrCat("syncing ", folder));
  return absl::OkStatus();
}

uint32_t RandomNumber() {
  uint32_t number;
  std::memcpy(&number, runtime::RandomBytes(sizeof number).data(), sizeof number);
  return number;
}

}  // namespace

absl::StatusOr<StateDirectory> StateDirectory::Open(const std::string& path) {
  if (absl::Status status = MakeFolder(path); !status.ok()) return status;
  absl::StatusOr<FileDescriptor> lock = Lock(path + "/lock");
  if (!lock.ok()) return lock.status();
  CloseToOthers(path);
  const std::string record = path + "/replica";
  stats::Issuer issuer = ReadIssuer(record).value_or(stats::Issuer{.replica = RandomNumber()});
  ++issuer.boot;
  if (absl::Status status = WriteIssuer(path, record, issuer); !status.ok()) return status;
  return StateDirectory(path, *std::move(lock), issuer);
}

stats::Issuer RandomIssuer() { return stats::Issuer{.replica = RandomNumber(), .boot = RandomNumber()}; }

}  // namespace weir::control
