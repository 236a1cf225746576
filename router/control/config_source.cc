#include "router/control/config_source.h"

#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "config/limits.h"
#include "config/load.h"

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
  TakeEvents();
  Notice(options_.quiet);
}

// Which files somebody writes to, as far as these tell.
void ConfigSource::TakeEvents() {
  std::array<char, 4096> bytes;
  for (ssize_t size; (size = read(inotify_.get(), bytes.data(), bytes.size())) > 0;) {
    for (size_t at = 0; at < static_cast<size_t>(size);) {
      inotify_event event;
      std::memcpy(&event, &bytes[at], sizeof event);
      TakeEvent(event, event.len == 0 ? "" : &bytes[at + sizeof event]);
      at += sizeof event + event.len;
    }
  }
}

// `name` is of a file in the folder that is watched; empty: it is what is watched.
void ConfigSource::TakeEvent(const inotify_event& event, const std::string& name) {
  constexpr uint32_t kEnds = IN_CLOSE_WRITE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_IGNORED;
  if ((event.mask & IN_Q_OVERFLOW) != 0) written_.clear();  // Some may be closed.
  const auto watched = watched_.find(event.wd);
  if (watched == watched_.end()) return;
  const std::string path = name.empty() ? watched->second : absl::StrCat(watched->second, "/", name);
  if ((event.mask & kEnds) != 0) {
    written_.erase(path);
  } else if ((event.mask & IN_MODIFY) != 0 && (name.empty() || config::IsSpecification(name)) &&
             written_.size() < config::limits::kExperimentFiles) {
    written_.insert(path);
  }
  if ((event.mask & IN_IGNORED) != 0) watched_.erase(watched);
}

void ConfigSource::Poll() {
  loop_.timers().Set(poll_timer_, loop_.now() + options_.poll);
  Notice(options_.poll);
}

void ConfigSource::Notice(absl::Duration quiet) {
  if (quiet_timer_.is_set() && quiet_ <= quiet) return;  // Noticed already.
  noticed_ = Fingerprint(paths_);
  if (noticed_ == loaded_) return;
  looks_ = 0;
  quiet_ = quiet;
  loop_.timers().Set(quiet_timer_, loop_.now() + quiet_);
}

void ConfigSource::Look() {
  std::string seen = Fingerprint(paths_);
  const bool is_quiet = seen == noticed_ && written_.empty();
  const int most_looks = written_.empty() ? options_.most_looks : options_.most_looks_at_writer;
  if (is_quiet || ++looks_ >= most_looks) return LoadNow(std::move(seen));
  noticed_ = std::move(seen);
  loop_.timers().Set(quiet_timer_, loop_.now() + quiet_);
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
    // A folder or file, and where it hangs: a file that is replaced by rename is another file. What else is written to
    // there is nothing to wait for.
    Watch(path, IsFolder(path) ? kChanges | IN_MODIFY : IN_MODIFY | IN_CLOSE_WRITE);
    const std::string parent = fs::path(path).parent_path().string();
    Watch(parent.empty() ? "." : parent, kChanges);
  }
}

void ConfigSource::Watch(const std::string& path, uint32_t changes) {
  const int number = inotify_add_watch(inotify_.get(), path.c_str(), changes | IN_MASK_ADD);
  if (number >= 0) watched_[number] = path;
}

}  // namespace weir::control
