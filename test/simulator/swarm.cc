#include "test/simulator/swarm.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <system_error>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "test/simulator/random_world.h"

namespace weir::simulator {
namespace {

// What the threads share.
struct Queue {
  std::atomic<int64_t> next = 0;
  std::atomic<int64_t> done = 0;
  std::atomic<size_t> failed = 0;
};

void RunSome(const SwarmOptions& options, int job, Queue& queue, SwarmResult& result,
             const std::function<void(int64_t, size_t)>& progress) {
  const std::string folder = options.folder.empty() ? "" : absl::StrCat(options.folder, "/", job);
  std::error_code error;  // A folder that cannot be made shows as a journal that cannot be opened.
  if (!folder.empty()) std::filesystem::create_directories(folder, error);
  for (;;) {
    const int64_t number = queue.next++;
    if (number >= options.seeds || queue.failed >= options.most_failed) return;
    const uint64_t seed = options.first + static_cast<uint64_t>(number);
    SeedResult one = RunSeed(seed, {.folder = folder, .trace = {}});
    if (!one.violations.empty()) {
      ++queue.failed;
      result.failed.push_back({seed, std::move(one.violations)});
    }
    ++result.seeds;
    result.coverage.Merge(one.coverage);
    result.healthy.Merge(one.healthy);
    const int64_t done = ++queue.done;
    if (progress) progress(done, queue.failed);
  }
}

}  // namespace

SwarmResult RunSwarm(const SwarmOptions& options, const std::function<void(int64_t, size_t)>& progress) {
  Queue queue;
  std::vector<SwarmResult> parts(static_cast<size_t>(std::max(1, options.jobs)));
  std::vector<std::thread> threads;
  for (size_t job = 1; job < parts.size(); ++job) {
    threads.emplace_back([&, job] { RunSome(options, static_cast<int>(job), queue, parts[job], {}); });
  }
  RunSome(options, 0, queue, parts[0], progress);
  for (std::thread& thread : threads) thread.join();
  SwarmResult result;
  for (SwarmResult& part : parts) {
    result.seeds += part.seeds;
    std::move(part.failed.begin(), part.failed.end(), std::back_inserter(result.failed));
    result.coverage.Merge(part.coverage);
    result.healthy.Merge(part.healthy);
  }
  std::sort(result.failed.begin(), result.failed.end(),
            [](const FailedSeed& a, const FailedSeed& b) { return a.seed < b.seed; });
  return result;
}

}  // namespace weir::simulator
