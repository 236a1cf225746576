#include "router/control/notifier.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "config/files.h"
#include "config/limits.h"
#include "router/control/notify_payload.h"
#include "router/runtime/crypto.h"
#include "router/runtime/timer_queue.h"

namespace weir::control {
namespace {

namespace limits = config::limits;

// Below, a signature could be guessed by trying.
constexpr size_t kLeastSecretBytes = 16;

// What signs the messages of now: read each time, so that it rotates by writing the file.
absl::StatusOr<std::string> ReadSecret(const std::string& file) {
  if (file.empty()) return "";
  absl::StatusOr<std::string> text = config::DiskFiles().Read(file, limits::kSecretBytes);
  if (!text.ok()) {
    return absl::UnavailableError(absl::StrCat("no secret: ", file, ": ", std::string(text.status().message())));
  }
  std::string secret(absl::StripAsciiWhitespace(*text));
  if (secret.size() < kLeastSecretBytes) {
    return absl::UnavailableError(
        absl::StrCat("no secret: ", file, " has ", secret.size(), " bytes, less than ", kLeastSecretBytes));
  }
  return secret;
}

// Whether the same message might be taken later.
bool MayHelpToRetry(int status) { return status == 408 || status == 425 || status == 429 || status >= 500; }

}  // namespace

struct Notifier::Receiver {
  Receiver(config::NotifyTarget target, uint64_t serial, std::function<void()> on_due, std::function<void()> on_repeat)
      : target(std::move(target)), serial(serial), due(std::move(on_due)), repeat(std::move(on_repeat)) {}

  const config::NotifyTarget target;
  const uint64_t serial;  // Tells it from an earlier one of the same key, whose answer may still come.
  DeliveryQueue queue;
  bool is_leaving = true;                       // The files do not name it: it is told what waits, and then forgotten.
  std::map<std::string, Announcement> lasting;  // Of Alertmanager: what it is to be told again, by AlertKey.
  runtime::Timer due;
  runtime::Timer repeat;
  DeliveryQueue::Counts told_counts;
  size_t told_size = 0;
};

absl::StatusOr<std::unique_ptr<Notifier>> Notifier::Start(const runtime::Clock& clock, const runtime::Log* log,
                                                          Report report) {
  absl::StatusOr<std::unique_ptr<runtime::EventLoop>> loop = runtime::EventLoop::Create(clock);
  if (!loop.ok()) return loop.status();
  return std::unique_ptr<Notifier>(new Notifier(*std::move(loop), log, std::move(report)));
}

Notifier::Notifier(std::unique_ptr<runtime::EventLoop> loop, const runtime::Log* log, Report report)
    : loop_(std::move(loop)),
      log_(log),
      report_(std::move(report)),
      id_prefix_(absl::BytesToHexString(runtime::RandomBytes(8))),
      posted_(limits::kNotifyMailbox, [this] { loop_->Wake(); }),
      client_(std::make_unique<runtime::HttpClient>(
          *loop_, runtime::HttpLimits{.head_bytes = limits::kHttpHeadBytes, .body_bytes = limits::kHttpBodyBytes})),
      end_timer_([this] { loop_->Stop(); }),
      faults_(*log_) {
  loop_->OnTurnEnd([this] { OnTurnEnd(); });
  thread_ = std::thread([this] { loop_->Run(); });
}

Notifier::~Notifier() {
  is_ending_ = true;
  loop_->Wake();
  thread_.join();
}

void Notifier::Post(Notification notification) {
  if (!posted_.Post({std::move(notification), files_})) ++lost_;
}

void Notifier::Follow(Standing standing) {
  followed_.Put({std::move(standing), ++files_});
  loop_->Wake();
}

Notifier::Key Notifier::KeyOf(const config::NotifyTarget& target) {
  const config::HttpUrl& url = target.url;
  return {target.kind, url.host, url.port, url.path, url.is_tls, target.ca_file, target.secret_file};
}

void Notifier::OnTurnEnd() {
  // In this order: what was posted before the end is sent, and after the files were followed it finds its receivers.
  const bool is_ending = is_ending_;
  const std::vector<Posted> posted = posted_.TakeAll();
  if (const std::optional<Followed> followed = followed_.Take()) {
    taken_files_ = followed->files;
    TakeFiles(followed->standing);
  }
  for (const Posted& one : posted) Queue(one);
  client_->OnTurnEnd();
  if (const int64_t lost = lost_.exchange(0); lost > 0) {
    log_->Error("notifications were lost: too many at once", {{"count", lost}});
  }
  std::erase_if(receivers_,
                [](const auto& entry) { return entry.second->is_leaving && entry.second->queue.size() == 0; });
  TellReport();
  if (!is_ending) return;
  if (IsIdle()) return loop_->Stop();
  if (!end_timer_.is_set()) loop_->timers().Set(end_timer_, loop_->now() + kEndPatience);
}

bool Notifier::IsIdle() const {
  return std::all_of(receivers_.begin(), receivers_.end(),
                     [](const auto& entry) { return entry.second->queue.size() == 0; });
}

Notifier::Receiver& Notifier::ReceiverOf(const config::NotifyTarget& target) {
  const Key key = KeyOf(target);
  std::unique_ptr<Receiver>& receiver = receivers_[key];
  if (receiver == nullptr) {
    receiver = std::make_unique<Receiver>(
        target, ++last_serial_, [this, key] { TryNext(*receivers_.at(key)); },
        [this, key] { Repeat(*receivers_.at(key)); });
  }
  return *receiver;
}

void Notifier::TakeFiles(const Standing& standing) {
  for (auto& [key, receiver] : receivers_) receiver->is_leaving = true;
  for (const config::NotifyTarget& target : standing.targets) ReceiverOf(target).is_leaving = false;
  TakeStanding(standing.notifications);
}

void Notifier::TakeStanding(const std::vector<Notification>& notifications) {
  std::map<Key, std::map<std::string, Announcement>> before;
  for (auto& [key, receiver] : receivers_) before[key] = std::exchange(receiver->lasting, {});
  std::set<std::string> stands;
  for (const Notification& notification : notifications) {
    const std::string alert = AlertKey(notification.announcement);
    stands.insert(alert);
    for (const config::NotifyTarget& target : notification.targets) {
      Receiver& receiver = ReceiverOf(target);
      const bool is_known = before[KeyOf(target)].erase(alert) > 0;
      // What it knows is only told again when that is due.
      if (is_known) receiver.lasting[alert] = notification.announcement;
      if (!is_known) Raise(receiver, notification.announcement);
    }
  }
  for (const auto& [key, ended] : before) {
    for (const auto& [alert, announcement] : ended) {
      // Told to others now, who may be the same Alertmanager by another address: here it ends by itself.
      if (stands.contains(alert)) continue;
      Announcement end = announcement;
      end.part = Announcement::Part::kEnds;
      end.at = loop_->now();
      End(*receivers_.at(key), end);
    }
  }
}

void Notifier::Queue(const Posted& posted) {
  const Announcement& announcement = posted.notification.announcement;
  for (const config::NotifyTarget& target : posted.notification.targets) {
    Receiver& receiver = ReceiverOf(target);
    if (target.kind != config::NotifyKind::kAlertmanager) {
      Add(receiver, announcement, "");
    } else if (posted.files != taken_files_) {
      // The files that were followed since say all that stands: what is older is over, or told by them.
    } else if (announcement.part == Announcement::Part::kEnds) {
      End(receiver, announcement);
    } else {
      Raise(receiver, announcement);
    }
  }
}

// Told again and again from now on; a receiver that leaves is told once.
void Notifier::Raise(Receiver& receiver, const Announcement& announcement) {
  const std::string alert = AlertKey(announcement);
  if (!receiver.is_leaving) {
    receiver.lasting[alert] = announcement;
    if (!receiver.repeat.is_set()) loop_->timers().Set(receiver.repeat, loop_->now() + limits::kAlertRepeat);
  }
  Add(receiver, announcement, alert);
}

void Notifier::End(Receiver& receiver, const Announcement& announcement) {
  const std::string alert = AlertKey(announcement);
  receiver.lasting.erase(alert);
  Add(receiver, announcement, alert);
}

void Notifier::Add(Receiver& receiver, const Announcement& announcement, std::string replaces) {
  receiver.queue.Add(
      {.id = absl::StrCat(id_prefix_, "-", ++last_id_), .announcement = announcement, .replaces = std::move(replaces)},
      loop_->now());
  TryNext(receiver);
}

void Notifier::Repeat(Receiver& receiver) {
  if (receiver.lasting.empty()) return;
  for (const auto& [alert, announcement] : receiver.lasting) Add(receiver, announcement, alert);
  loop_->timers().Set(receiver.repeat, loop_->now() + limits::kAlertRepeat);
}

void Notifier::TryNext(Receiver& receiver) {
  const absl::Time due = receiver.queue.due();
  if (due == absl::InfiniteFuture()) return;
  if (due > loop_->now()) return loop_->timers().Set(receiver.due, due);
  const Message& message = receiver.queue.Begin();
  const absl::StatusOr<std::string> secret = ReadSecret(receiver.target.secret_file);
  if (!secret.ok()) return OnAnswer(receiver, secret.status());  // Never unsigned.
  client_->Send(RequestOf(receiver.target, message.announcement, message.id, *secret, loop_->now()),
                limits::kNotifyTimeout,
                [this, key = KeyOf(receiver.target),
                 serial = receiver.serial](const absl::StatusOr<runtime::HttpResponse>& response) {
                  const auto found = receivers_.find(key);
                  if (found != receivers_.end() && found->second->serial == serial) OnAnswer(*found->second, response);
                });
}

void Notifier::OnAnswer(Receiver& receiver, const absl::StatusOr<runtime::HttpResponse>& response) {
  const absl::Time now = loop_->now();
  const bool was_well = receiver.queue.counts().last_error.empty();
  const int64_t dropped = receiver.queue.counts().dropped;
  if (response.ok() && response->status >= 200 && response->status < 300) {
    receiver.queue.OnTaken(now);
  } else if (response.ok() && !MayHelpToRetry(response->status)) {
    receiver.queue.OnRefused(absl::StrCat("it answers HTTP ", response->status), now);
  } else {
    receiver.queue.OnFailed(
        response.ok() ? absl::StrCat("it answers HTTP ", response->status) : std::string(response.status().message()),
        now, rng_);
  }
  const DeliveryQueue::Counts& counts = receiver.queue.counts();
  const bool is_well = counts.last_error.empty();
  if (counts.dropped > dropped) {
    faults_.Write(now, runtime::Severity::kError, "a notification is given up",
                  {{"target", NameOf(receiver.target)}, {"error", counts.last_error}});
  } else if (was_well != is_well) {
    faults_.Write(now, is_well ? runtime::Severity::kInfo : runtime::Severity::kWarning,
                  is_well ? "notifications are taken again" : "a notification is not taken: it is tried again",
                  {{"target", NameOf(receiver.target)}, {"error", counts.last_error}});
  }
  TryNext(receiver);
}

// Receivers of one name are one for whoever reads of them.
void Notifier::TellReport() {
  bool is_new = false;
  std::map<std::string, TargetReport> reports;
  for (auto& [key, receiver] : receivers_) {
    const DeliveryQueue::Counts& counts = receiver->queue.counts();
    is_new = is_new || counts != receiver->told_counts || receiver->queue.size() != receiver->told_size;
    receiver->told_counts = counts;
    receiver->told_size = receiver->queue.size();
    TargetReport& report = reports[NameOf(receiver->target)];
    report.queued += static_cast<int64_t>(receiver->queue.size());
    report.counts.sent += counts.sent;
    report.counts.failed += counts.failed;
    report.counts.dropped += counts.dropped;
    report.counts.last_sent_at = std::max(report.counts.last_sent_at, counts.last_sent_at);
    if (counts.last_error.empty() || counts.last_error_at < report.counts.last_error_at) continue;
    report.counts.last_error = counts.last_error;
    report.counts.last_error_at = counts.last_error_at;
  }
  if (!is_new && reports.size() == told_receivers_) return;
  told_receivers_ = reports.size();
  std::vector<TargetReport> told;
  for (auto& [name, report] : reports) {
    report.name = name;
    told.push_back(std::move(report));
  }
  report_(std::move(told));
}

}  // namespace weir::control
