// ./run simulate: many seeded worlds against every rule, or one of them line by line.

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "router/runtime/clock.h"
#include "test/simulator/random_world.h"
#include "test/simulator/swarm.h"

namespace weir::simulator {
namespace {

constexpr char kUsage[] =
    "usage: simulate_swarm [--seeds N] [--first S] [--jobs J]   N worlds from seed S on, on J threads\n"
    "       simulate_swarm --seed X [--trace]                   one world; --trace tells all that happens in it\n";

struct Arguments {
  SwarmOptions swarm;
  std::optional<uint64_t> seed;
  bool is_traced = false;
};

// "--name value" and "--name=value".
std::optional<Arguments> ParseArguments(int argc, char** argv) {
  Arguments arguments;
  arguments.swarm.jobs = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  for (int i = 1; i < argc; ++i) {
    absl::string_view name = argv[i];
    if (name == "--trace") {
      arguments.is_traced = true;
      continue;
    }
    absl::string_view value;
    if (const size_t equals = name.find('='); equals != absl::string_view::npos) {
      value = name.substr(equals + 1);
      name = name.substr(0, equals);
    } else if (i + 1 < argc) {
      value = argv[++i];
    }
    uint64_t number = 0;
    const bool is_number = absl::SimpleAtoi(value, &number);
    if (name == "--seed" && is_number) {
      arguments.seed = number;
    } else if (name == "--first" && is_number) {
      arguments.swarm.first = number;
    } else if (name == "--seeds" && is_number && number >= 1) {
      arguments.swarm.seeds = static_cast<int64_t>(number);
    } else if (name == "--jobs" && is_number && number >= 1 && number <= 256) {
      arguments.swarm.jobs = static_cast<int>(number);
    } else {
      absl::FPrintF(stderr, "%s %s: not understood\n%s", name, value, kUsage);
      return std::nullopt;
    }
  }
  return arguments;
}

// A folder of this process's own, gone with it. In memory where there is such a file system: the store syncs often.
class Folder {
 public:
  Folder() {
    std::error_code error;
    const bool has_memory = std::filesystem::is_directory("/dev/shm", error);
    std::string path = absl::StrCat(has_memory ? "/dev/shm" : "/tmp", "/weir-simulate-XXXXXX");
    if (mkdtemp(path.data()) != nullptr) path_ = path;
  }
  ~Folder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

void Tell(uint64_t seed, const std::vector<std::string>& violations) {
  absl::PrintF("FAILED  seed %d\n", seed);
  for (const std::string& violation : violations) absl::PrintF("  %s\n", violation);
  absl::PrintF("  replay: ./run simulate --seed %d --trace\n", seed);
}

int RunOne(uint64_t seed, bool is_traced, const std::string& folder) {
  SeedOptions options{.folder = folder, .trace = {}};
  if (is_traced) options.trace = [](const std::string& line) { absl::PrintF("%s\n", line); };
  const SeedResult result = RunSeed(seed, options);
  if (!result.violations.empty()) Tell(seed, result.violations);
  if (result.violations.empty()) absl::PrintF("seed %d: every rule holds\n", seed);
  return result.violations.empty() ? 0 : 1;
}

// What the swarm reached, in two columns; what it did not reach, though it should.
int TellCoverage(const SwarmResult& result) {
  size_t column = 0;
  for (const auto& [what, times] : result.coverage.counts()) {
    absl::PrintF("%12d  %-42s%s", times, what, ++column % 2 == 0 ? "\n" : "");
  }
  absl::PrintF("%s", column % 2 == 0 ? "" : "\n");
  int missing = 0;
  for (const std::string& what : Coverage::Wanted()) {
    if (result.coverage.Of(what) > 0) continue;
    absl::PrintF("never reached: %s\n", what);
    ++missing;
  }
  return missing;
}

int RunMany(const SwarmOptions& options) {
  const runtime::Clock clock;
  const absl::Time begin = clock.Now();
  const bool is_terminal = isatty(STDERR_FILENO) != 0;
  absl::Time shown = begin;
  const SwarmResult result = RunSwarm(options, [&](int64_t done, size_t failed) {
    const absl::Time now = clock.Now();
    if (!is_terminal || now < shown + absl::Milliseconds(200)) return;
    shown = now;
    const double seconds = absl::ToDoubleSeconds(now - begin);
    const double share = static_cast<double>(done) / static_cast<double>(options.seeds);
    absl::FPrintF(stderr, "\r\033[K[%-30s] %d of %d seeds, %d failed, %.0f a second, %.0f s left",
                  std::string(static_cast<size_t>(30 * share), '#'), done, options.seeds, failed,
                  static_cast<double>(done) / seconds, seconds / share - seconds);
  });
  if (is_terminal) absl::FPrintF(stderr, "\r\033[K");
  const int missing = TellCoverage(result);
  const AlphaAccount& healthy = result.healthy;
  absl::PrintF("healthy models: %d runs, %d rolled back by a guardrail, at most %.1f expected%s\n", healthy.runs(),
               healthy.breaches(), healthy.alpha(), result.has_too_many_false_alarms() ? ": TOO MANY" : "");
  for (const FailedSeed& failed : result.failed) Tell(failed.seed, failed.violations);
  absl::PrintF("%d seeds from %d on, %d failed, in %.0f s\n", result.seeds, options.first, result.failed.size(),
               absl::ToDoubleSeconds(clock.Now() - begin));
  constexpr int64_t kEnoughToReachAll = 500;
  const bool is_blind = missing > 0 && options.seeds >= kEnoughToReachAll;
  return result.failed.empty() && !is_blind && !result.has_too_many_false_alarms() ? 0 : 1;
}

int Run(int argc, char** argv) {
  std::optional<Arguments> arguments = ParseArguments(argc, argv);
  if (!arguments) return 2;
  const Folder folder;
  if (arguments->seed) return RunOne(*arguments->seed, arguments->is_traced, folder.path());
  arguments->swarm.folder = folder.path();
  return RunMany(arguments->swarm);
}

}  // namespace
}  // namespace weir::simulator

int main(int argc, char** argv) { return weir::simulator::Run(argc, argv); }
