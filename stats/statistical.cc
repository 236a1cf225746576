// Measures what the statistics promise, by simulation: false alarms at the exact null, delays against the least that
// any method needs, coverage, merging, and costs. Prints a line a cell, and writes statistical.json and
// statistical.html.
//   ./run statistical --quick
//   ./run statistical --streams=20000 --seed=1 --only=tail

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "stats/statistical/measurement.h"
#include "stats/statistical/report.h"

namespace weir::stats {
namespace {

constexpr char kUsage[] =
    "usage: statistical [--quick] [--streams=N] [--seed=N] [--alpha=A] [--threads=N] [--only=TEXT] [--out=FOLDER]\n"
    "  --quick    400 streams in place of 4000; what chance alone may explain is not a miss\n"
    "  --only     cells and targets with this in their name\n"
    "  --out      where statistical.json and statistical.html go (out)\n";

struct Arguments {
  Settings settings;
  bool is_quick = false;
  std::string only;
  std::string out = "out";
};

std::optional<Arguments> ParseArguments(int argc, char** argv) {
  Arguments arguments;
  Settings& settings = arguments.settings;
  bool valid = true;
  for (int i = 1; i < argc; ++i) {
    absl::string_view value = argv[i];
    if (value == "--quick") {
      arguments.is_quick = true;
      settings.streams = 400;
    } else if (absl::ConsumePrefix(&value, "--streams=")) {
      valid &= absl::SimpleAtoi(value, &settings.streams) && settings.streams >= 100;
    } else if (absl::ConsumePrefix(&value, "--seed=")) {
      valid &= absl::SimpleAtoi(value, &settings.seed);
    } else if (absl::ConsumePrefix(&value, "--alpha=")) {
      valid &= absl::SimpleAtod(value, &settings.alpha) && settings.alpha > 0 && settings.alpha < 0.5;
    } else if (absl::ConsumePrefix(&value, "--threads=")) {
      valid &= absl::SimpleAtoi(value, &settings.threads) && settings.threads >= 1 && settings.threads <= 64;
    } else if (absl::ConsumePrefix(&value, "--only=")) {
      arguments.only = std::string(value);
    } else if (absl::ConsumePrefix(&value, "--out=")) {
      arguments.out = std::string(value);
    } else {
      valid = false;
    }
    if (!valid) {
      absl::FPrintF(stderr, "%s: not understood, or out of range (at least 100 streams)\n%s", argv[i], kUsage);
      return std::nullopt;
    }
  }
  return arguments;
}

std::vector<Target> Selected(const std::string& only) {
  std::vector<Target> selected;
  for (Target target :
       {FalseAlarms(), ErrorDelays(), TailDelays(), Detector(), Coverage(), MergeInvariance(), Timings()}) {
    if (target.title.find(only) == std::string::npos) {
      std::erase_if(target.cells, [&](const Cell& cell) { return cell.name.find(only) == std::string::npos; });
    }
    if (!target.cells.empty()) selected.push_back(std::move(target));
  }
  return selected;
}

void ShowProgress(size_t done, size_t total, const std::string& cell) {
  if (isatty(STDERR_FILENO)) absl::FPrintF(stderr, "\r\033[K[%d/%d] %s", done + 1, total, cell);
}

void ShowLine(const MeasuredCell& cell) {
  if (isatty(STDERR_FILENO)) absl::FPrintF(stderr, "\r\033[K");
  const Measurement& m = cell.measurement;
  absl::PrintF("  %s  %-52s %9.3g  %s\n", ResultName(ResultOf(m)), cell.name, m.value, m.note);
  std::fflush(stdout);
}

StatisticalReport Measure(const Arguments& arguments) {
  StatisticalReport report{.settings = arguments.settings, .seconds = 0, .targets = {}};
  const std::vector<Target> targets = Selected(arguments.only);
  size_t total = 0, done = 0;
  for (const Target& target : targets) total += target.cells.size();
  const auto begin = std::chrono::steady_clock::now();
  for (const Target& target : targets) {
    absl::PrintF("%s\n", target.title);
    MeasuredTarget measured{.target = target, .cells = {}};
    for (const Cell& cell : target.cells) {
      ShowProgress(done++, total, cell.name);
      measured.cells.push_back({cell.name, cell.measure(arguments.settings)});
      ShowLine(measured.cells.back());
    }
    report.targets.push_back(std::move(measured));
  }
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return report;
}

bool Save(const StatisticalReport& report, const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  for (const auto& [name, text] :
       {std::pair("statistical.json", ReportJson(report)), std::pair("statistical.html", ReportPage(report))}) {
    const std::string path = absl::StrCat(folder, "/", name);
    std::ofstream file(path);
    file << text;
    file.close();
    if (!file) {
      absl::FPrintF(stderr, "statistical: cannot write %s\n", path);
      return false;
    }
    absl::PrintF("written: %s\n", path);
  }
  return true;
}

int Run(int argc, char** argv) {
  const std::optional<Arguments> arguments = ParseArguments(argc, argv);
  if (!arguments) return 2;
  const StatisticalReport report = Measure(*arguments);
  if (report.targets.empty()) {
    absl::FPrintF(stderr, "statistical: no cell has \"%s\" in its name\n", arguments->only);
    return 2;
  }
  const int open = report.CountOf(Result::kOpen), failed = report.CountOf(Result::kFail);
  absl::PrintF("%d passed, %d failed, %d open (within chance) in %.0f s\n", report.CountOf(Result::kPass), failed, open,
               report.seconds);
  if (!Save(report, arguments->out)) return 2;
  return failed > 0 || (open > 0 && !arguments->is_quick) ? 1 : 0;
}

}  // namespace
}  // namespace weir::stats

int main(int argc, char** argv) { return weir::stats::Run(argc, argv); }
