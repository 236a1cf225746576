#include "router/control/rotating_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace weir::control {
namespace {

// Users are named by hashes only, but they can be told apart: not for everybody.
constexpr mode_t kMode = 0640;

// Longer than any line.
constexpr int64_t kTailBytes = 64 * 1024;

}  // namespace

absl::Status RotatingFile::Error(const char* what) const {
  return absl::UnavailableError(absl::StrCat(path_, ": ", what, ": ", std::strerror(errno)));
}

absl::Status RotatingFile::Append(std::string_view lines) {
  if (file_.is_open() && !IsStillThere()) file_.Close();
  if (!file_.is_open()) {
    if (absl::Status opened = Open(); !opened.ok()) return opened;
  }
  if (bytes_ > 0 && bytes_ + static_cast<int64_t>(lines.size()) > most_bytes_) {
    Rotate();
    if (absl::Status opened = Open(); !opened.ok()) return opened;
  }
  const int64_t before = bytes_;
  while (!lines.empty()) {
    const ssize_t written = write(file_.get(), lines.data(), lines.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      const absl::Status status = Error("cannot write");
      if (ftruncate(file_.get(), before) != 0) file_.Close();  // Opening it again cuts it.
      bytes_ = before;
      return status;
    }
    bytes_ += written;
    lines.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

absl::Status RotatingFile::Open() {
  file_ = runtime::FileDescriptor(open(path_.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, kMode));
  if (!file_.is_open()) return Error("cannot open");
  struct stat opened;
  // Of a new one, whatever the umask took away: whoever ships it reads it as one of its group.
  if (fstat(file_.get(), &opened) == 0 && opened.st_size == 0) (void)fchmod(file_.get(), kMode);
  const absl::Status cut = CutTornLine();
  if (!cut.ok()) file_.Close();
  return cut;
}

absl::Status RotatingFile::CutTornLine() {
  const int64_t size = lseek(file_.get(), 0, SEEK_END);
  if (size < 0) return Error("cannot read");
  bytes_ = size;
  if (size == 0) return absl::OkStatus();
  std::string tail(static_cast<size_t>(std::min(size, kTailBytes)), '\0');
  if (pread(file_.get(), tail.data(), tail.size(), size - static_cast<int64_t>(tail.size())) < 0) {
    return Error("cannot read");
  }
  const size_t last = tail.rfind('\n');
  if (last == std::string::npos && size > kTailBytes)
    return absl::FailedPreconditionError(path_ + " is no log of ours");
  bytes_ = last == std::string::npos ? 0 : size - static_cast<int64_t>(tail.size() - last - 1);
  return bytes_ == size || ftruncate(file_.get(), bytes_) == 0 ? absl::OkStatus() : Error("cannot cut a torn line");
}

bool RotatingFile::IsStillThere() const {
  struct stat at_path, opened;
  return stat(path_.c_str(), &at_path) == 0 && fstat(file_.get(), &opened) == 0 && at_path.st_ino == opened.st_ino &&
         at_path.st_dev == opened.st_dev;
}

// A name that is not there yet, or that cannot be renamed, is passed over: a log is not worth a failure.
void RotatingFile::Rotate() {
  file_.Close();
  for (int i = files_ - 1; i > 1; --i) {
    (void)std::rename(absl::StrCat(path_, ".", i - 1).c_str(), absl::StrCat(path_, ".", i).c_str());
  }
  if (files_ > 1) {
    (void)std::rename(path_.c_str(), absl::StrCat(path_, ".1").c_str());
  }
  (void)unlink(path_.c_str());
}

}  // namespace weir::control
