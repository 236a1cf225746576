#include "config/files.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <set>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "config/utf8.h"

namespace weir::config {
namespace {

// "folder/" and "folder" -> "folder/"
std::string PrefixOf(const std::string& folder) { return absl::StrCat(folder, absl::EndsWith(folder, "/") ? "" : "/"); }

absl::Status TooLarge(size_t most_bytes) {
  return absl::ResourceExhaustedError(absl::StrCat("is larger than ", most_bytes, " bytes"));
}

// Reads all of an open regular file, and one byte more than allowed to notice one that grows.
absl::StatusOr<std::string> ReadAll(int descriptor, size_t most_bytes) {
  std::string text;
  char buffer[16 * 1024];
  while (text.size() <= most_bytes) {
    const ssize_t n = read(descriptor, buffer, sizeof(buffer));
    if (n == 0) return text;
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return absl::ErrnoToStatus(errno, "cannot be read");
    text.append(buffer, static_cast<size_t>(n));
  }
  return TooLarge(most_bytes);
}

}  // namespace

FileReader::Kind DiskFiles::KindOf(const std::string& path) const {
  std::error_code error;
  switch (std::filesystem::status(path, error).type()) {
    case std::filesystem::file_type::regular:
      return Kind::kFile;
    case std::filesystem::file_type::directory:
      return Kind::kFolder;
    case std::filesystem::file_type::not_found:
      return Kind::kAbsent;
    default:
      return Kind::kOther;
  }
}

absl::StatusOr<std::string> DiskFiles::Read(const std::string& path, size_t most_bytes) const {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return absl::ErrnoToStatus(errno, "cannot be opened");
  struct stat about {};
  absl::StatusOr<std::string> text = absl::FailedPreconditionError("is not a regular file");
  if (fstat(descriptor, &about) == 0 && S_ISREG(about.st_mode)) text = ReadAll(descriptor, most_bytes);
  close(descriptor);
  return text;
}

FileOrigin DiskFiles::OriginOf(const std::string& path) const {
  struct stat about {};
  if (stat(path.c_str(), &about) != 0) return {};
  FileOrigin origin{.owner = absl::StrCat("uid ", about.st_uid), .modified = absl::TimeFromTimespec(about.st_mtim)};
  passwd account{};
  passwd* found = nullptr;
  char names[4096];
  if (getpwuid_r(about.st_uid, &account, names, sizeof(names), &found) == 0 && found != nullptr) {
    // An account without a name that can be shown keeps its number.
    if (IsUtf8(found->pw_name)) origin.owner = found->pw_name;
  }
  return origin;
}

absl::StatusOr<std::vector<std::string>> DiskFiles::List(const std::string& folder) const {
  std::error_code error;
  std::filesystem::directory_iterator entry(folder, error);
  std::vector<std::string> names;
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    names.push_back(entry->path().filename().string());
  }
  if (error) return absl::ErrnoToStatus(error.value(), "cannot be listed");
  std::sort(names.begin(), names.end());
  return names;
}

FileReader::Kind MemoryFiles::KindOf(const std::string& path) const {
  if (files_.contains(path)) return Kind::kFile;
  const bool is_folder = std::any_of(files_.begin(), files_.end(),
                                     [&](const auto& file) { return absl::StartsWith(file.first, PrefixOf(path)); });
  return is_folder ? Kind::kFolder : Kind::kAbsent;
}

absl::StatusOr<std::string> MemoryFiles::Read(const std::string& path, size_t most_bytes) const {
  const auto found = files_.find(path);
  if (found == files_.end()) return absl::NotFoundError("cannot be opened: No such file or directory");
  if (found->second.size() > most_bytes) return TooLarge(most_bytes);
  return found->second;
}

absl::StatusOr<std::vector<std::string>> MemoryFiles::List(const std::string& folder) const {
  const std::string prefix = PrefixOf(folder);
  std::set<std::string> names;
  for (const auto& [path, text] : files_) {
    if (absl::StartsWith(path, prefix))
      names.insert(path.substr(prefix.size(), path.find('/', prefix.size()) - prefix.size()));
  }
  if (names.empty()) return absl::NotFoundError("cannot be listed: No such file or directory");
  return std::vector<std::string>(names.begin(), names.end());
}

}  // namespace weir::config
