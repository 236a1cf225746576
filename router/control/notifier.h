// The thread that tells others what happens, so that nobody waits for them. Whoever posts never does.

#ifndef WEIR_ROUTER_CONTROL_NOTIFIER_H_
#define WEIR_ROUTER_CONTROL_NOTIFIER_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "absl/random/random.h"
#include "absl/status/statusor.h"
#include "config/notify.h"
#include "router/control/announcement.h"
#include "router/control/delivery_queue.h"
#include "router/runtime/clock.h"
#include "router/runtime/event_loop.h"
#include "router/runtime/http_client.h"
#include "router/runtime/latest.h"
#include "router/runtime/log.h"
#include "router/runtime/mailbox.h"
#include "router/runtime/timer_queue.h"

namespace weir::control {

// How it went with one receiver so far.
struct TargetReport {
  std::string name;  // notify_payload.h's NameOf.
  int64_t queued = 0;
  DeliveryQueue::Counts counts;
};

// Made and destroyed by one thread.
class Notifier {
 public:
  // For what is still to be sent at the end.
  static constexpr absl::Duration kEndPatience = absl::Seconds(2);
  // Called on the notifier's thread, whenever something of it has changed. Never waits.
  using Report = std::function<void(std::vector<TargetReport>)>;

  // `log` is borrowed.
  static absl::StatusOr<std::unique_ptr<Notifier>> Start(const runtime::Clock& clock, const runtime::Log* log,
                                                         Report report);
  // Goes on with what is queued for kEndPatience at most.
  ~Notifier();
  Notifier(const Notifier&) = delete;
  Notifier& operator=(const Notifier&) = delete;

  // Any thread; never waits. What does not fit is lost, and logged: the notifier's thread turns in microseconds.
  void Post(Notification notification);
  // Any thread that posts. Receivers that are not there any more are told what was posted for them, and then forgotten.
  // From now on the notifications of `standing` are what Alertmanagers are told again and again; what else they were
  // told before lasts no longer, and they hear its end.
  void Follow(Standing standing);

 private:
  // What makes a receiver: all of a target but its events. Two experiments that name the same share its queue.
  using Key = std::tuple<config::NotifyKind, std::string, uint16_t, std::string, bool, std::string, std::string>;
  struct Receiver;

  Notifier(std::unique_ptr<runtime::EventLoop> loop, const runtime::Log* log, Report report);
  static Key KeyOf(const config::NotifyTarget& target);
  void OnTurnEnd();
  // Of as many files as had been followed when it was posted.
  struct Posted {
    Notification notification;
    uint64_t files = 0;
  };
  struct Followed {
    Standing standing;
    uint64_t files = 0;
  };
  void TakeFiles(const Standing& standing);
  void TakeStanding(const std::vector<Notification>& notifications);
  Receiver& ReceiverOf(const config::NotifyTarget& target);
  void Queue(const Posted& posted);
  void Raise(Receiver& receiver, const Announcement& announcement);
  void End(Receiver& receiver, const Announcement& announcement);
  void Add(Receiver& receiver, const Announcement& announcement, std::string replaces);
  void Repeat(Receiver& receiver);
  void TryNext(Receiver& receiver);
  void OnAnswer(Receiver& receiver, const absl::StatusOr<runtime::HttpResponse>& response);
  void TellReport();
  bool IsIdle() const;

  const std::unique_ptr<runtime::EventLoop> loop_;
  const runtime::Log* const log_;
  const Report report_;
  const std::string id_prefix_;
  runtime::Mailbox<Posted> posted_;
  runtime::Latest<Followed> followed_;
  std::atomic<uint64_t> files_ = 0;  // Followed so far.
  std::atomic<int64_t> lost_ = 0;    // That did not fit into the mailbox.
  std::atomic<bool> is_ending_ = false;
  // --- The thread's own.
  absl::BitGen rng_;
  std::unique_ptr<runtime::HttpClient> client_;
  std::map<Key, std::unique_ptr<Receiver>> receivers_;
  uint64_t taken_files_ = 0;
  uint64_t last_id_ = 0;
  uint64_t last_serial_ = 0;
  size_t told_receivers_ = 0;
  runtime::Timer end_timer_;
  runtime::LimitedLog faults_;
  std::thread thread_;
};

}  // namespace weir::control

#endif  // WEIR_ROUTER_CONTROL_NOTIFIER_H_
