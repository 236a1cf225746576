#include "router/control/config_source.h"

#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"

namespace weir::control {
namespace {

namespace fs = std::filesystem;

void AppendFingerprint(const std::string& path, std::string& out) {
  struct stat s;
  if (stat(path.c_str(), &s) != 0) {
    absl::StrAppend(&out, path, ": missing\n");
    return;
  }
  absl::StrAppend(&out, path, ": ", s.st_dev, " ", s.st_ino, " ", s.st_mode, " ", s.st_size, " ", s.st_mtim.tv_sec, ".",
                  s.st_mtim.tv_nsec, " ", s.st_ctim.tv_sec, ".", s.st_ctim.tv_nsec, "\n");
}

std::vector<std::string> FilesIn(const std::string& folder) {
  std::vector<std::string> files;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::error_code unreadable;
    if (!it->is_directory(unreadable)) files.push_back(it->path().string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

bool IsFolder(const std::string& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

}  // namespace

std::string Fingerprint(const std::vector<std::string>& paths) {
  std::string fingerprint;
  for (const std::string& path : paths) {
    if (!IsFolder(path)) {
      AppendFingerprint(path, fingerprint);
      continue;
    }
    absl::StrAppend(&fingerprint, path, "/\n");
    for (const std::string& file : FilesIn(path)) AppendFingerprint(file, fingerprint);
  }
  return fingerprint;
}

ConfigSource::ConfigSource(runtime::EventLoop& loop, Load load, ConfigSourceOptions options)
    : loop_(loop), load_(std::move(load)), options_(options), poll_timer_([this] { Poll(); }), quiet_timer_([this] {
        Look();
      }) {
  if (!options_.use_inotify) return;
  inotify_ = runtime::FileDescriptor(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  // Without inotify (a user may have used up its watches) polling does the work alone.
  if (inotify_.is_open() && !loop_.Add(inotify_.get(), EPOLLIN, this).ok()) inotify_.Close();
}

ConfigSource::~ConfigSource() {
  if (inotify_.is_open()) loop_.Remove(inotify_.get(), this);
}

void ConfigSource::Start() {
  LoadNow(Fingerprint(paths_));
  poll_timer_.Cancel();
  loop_.timers().Set(poll_timer_, loop_.now() + options_.poll);
}

void ConfigSource::OnReady(uint32_t) {
  alignas(inotify_event) std::array<char, 4096> events;
  while (read(inotify_.get(), events.data(), events.size()) > 0) {
  }
  Poll();
}

void ConfigSource::Poll() {
  loop_.timers().Set(poll_timer_, loop_.now() + options_.poll);
  if (quiet_timer_.is_set()) return;  // Noticed already.
  noticed_ = Fingerprint(paths_);
  if (noticed_ == loaded_) return;
  looks_ = 0;
  loop_.timers().Set(quiet_timer_, loop_.now() + options_.quiet);
}

void ConfigSource::Look() {
  std::string seen = Fingerprint(paths_);
  if (seen == noticed_ || ++looks_ >= options_.most_looks) {
    LoadNow(std::move(seen));
    return;
  }
  noticed_ = std::move(seen);
  loop_.timers().Set(quiet_timer_, loop_.now() + options_.quiet);
}

void ConfigSource::LoadNow(std::string fingerprint) {
  loaded_ = std::move(fingerprint);
  std::vector<std::string> paths = load_();
  if (paths != paths_) {
    // Nobody looked at the new paths before they were loaded, so that a change since then would go unnoticed: load
    // again.
    paths_ = std::move(paths);
    loaded_.clear();
  }
  Watch();
}

// Each time anew: a folder that was replaced is another one, and for one that is watched already this changes nothing.
void ConfigSource::Watch() {
  if (!inotify_.is_open()) return;
  constexpr uint32_t kChanges =
      IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF;
  for (const std::string& path : paths_) {
    // A folder, and where each path hangs: a file that is replaced by rename is another file.
    if (IsFolder(path)) (void)inotify_add_watch(inotify_.get(), path.c_str(), kChanges);
    const std::string parent = fs::path(path).parent_path().string();
    (void)inotify_add_watch(inotify_.get(), parent.empty() ? "." : parent.c_str(), kChanges);
  }
}

}  // namespace weir::control
