// Writes to a journal whatever its disk does, and says what it was told: for tests of faults.
//
// journal_probe FOLDER CHANGES: appends CHANGES changes, each with a checkpoint after it, each tried until it is taken
// or has failed 20 times. Prints a line for each: "written SEQUENCE-OF-THE-PROBE HEAD", "refused N CODE: why".

#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "router/control/sqlite_journal.h"

namespace weir {
namespace {

constexpr int kTries = 20;

experiment::Change AChange(uint32_t run) {
  const absl::Time now = absl::FromUnixSeconds(1'700'000'000 + run);
  experiment::State state{
      .run = {run, "", now},
      .epoch = {1, now, {.variants = {{"a", config::Weight::FromHundredths(1)}}, .default_variant = 0}},
      .phase = experiment::Running{},
      .phase_since = now};
  return {"probed", now, "probe", "run-opened", absl::StrCat("change ", run), state};
}

class Probe {
 public:
  explicit Probe(std::string path) : path_(std::move(path)) {}

  void Write(uint32_t n) {
    for (int tried = 0; tried < kTries; ++tried) {
      const absl::StatusOr<std::string> head = TryToWrite(n);
      if (head.ok()) {
        std::cout << "written " << n << " " << *head << std::endl;
        const std::vector<experiment::CheckpointRow> rows = {{"n", absl::StrCat(n)}, {"bulk", std::string(20000, 'x')}};
        (void)journal_->WriteCheckpoint(rows);
        return;
      }
      std::cout << "refused " << n << " " << head.status() << std::endl;
    }
  }

 private:
  absl::StatusOr<std::string> TryToWrite(uint32_t n) {
    if (journal_ == nullptr) {
      absl::StatusOr<std::unique_ptr<control::SqliteJournal>> opened = control::SqliteJournal::Open({.path = path_});
      if (!opened.ok()) return opened.status();
      journal_ = *std::move(opened);
    }
    return journal_->Append(AChange(n));
  }

  const std::string path_;
  std::unique_ptr<control::SqliteJournal> journal_;
};

}  // namespace
}  // namespace weir

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  weir::Probe probe(std::string(argv[1]) + "/journal.db");
  const uint32_t changes = static_cast<uint32_t>(std::atoi(argv[2]));
  for (uint32_t n = 1; n <= changes; ++n) probe.Write(n);
  return 0;
}
