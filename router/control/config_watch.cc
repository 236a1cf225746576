#include "router/control/config_watch.h"

#include <thread>
#include <utility>
#include <vector>

#include "absl/synchronization/notification.h"
#include "router/runtime/event_loop.h"
#include "router/runtime/latest.h"

namespace weir::control {

// What the thread uses, apart from the watch, so that it can outlive it.
struct ConfigWatch::Watching {
  std::unique_ptr<runtime::EventLoop> loop;
  std::string proxy_file;
  std::string experiments;  // As the files said last; the thread's.
  Read read;
  ConfigSourceOptions options;
  runtime::Latest<config::Loaded> newest;
  absl::Notification is_over;
  std::thread thread;

  std::vector<std::string> ReadNow() {
    config::Loaded loaded = read();
    if (loaded.config) experiments = loaded.config->proxy.experiments;
    newest.Put(std::move(loaded));
    std::vector<std::string> paths = {proxy_file};
    if (!experiments.empty()) paths.push_back(experiments);
    return paths;
  }

  void Run() {
    {
      ConfigSource source(
          *loop, [this] { return ReadNow(); }, options);
      source.Start();
      loop->Run();
    }
    is_over.Notify();
  }
};

absl::StatusOr<std::unique_ptr<ConfigWatch>> ConfigWatch::Start(const runtime::Clock& clock, std::string proxy_file,
                                                                std::string experiments, Read read,
                                                                const ConfigSourceOptions& options) {
  auto watching = std::make_unique<Watching>();
  absl::StatusOr<std::unique_ptr<runtime::EventLoop>> loop = runtime::EventLoop::Create(clock);
  if (!loop.ok()) return loop.status();
  watching->loop = *std::move(loop);
  watching->proxy_file = std::move(proxy_file);
  watching->experiments = std::move(experiments);
  watching->read = std::move(read);
  watching->options = options;
  watching->thread = std::thread([raw = watching.get()] { raw->Run(); });
  return std::unique_ptr<ConfigWatch>(new ConfigWatch(std::move(watching)));
}

ConfigWatch::ConfigWatch(std::unique_ptr<Watching> watching) : watching_(std::move(watching)) {}

ConfigWatch::~ConfigWatch() {
  watching_->loop->Stop();
  if (watching_->is_over.WaitForNotificationWithTimeout(kPatience)) {
    watching_->thread.join();
  } else {
    watching_->thread.detach();
    (void)watching_.release();  // The thread may come back to it.
  }
}

std::optional<config::Loaded> ConfigWatch::TakeNewest() { return watching_->newest.Take(); }

}  // namespace weir::control
