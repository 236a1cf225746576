#include "test/simulator/random_world.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "test/simulator/rule.h"
#include "test/simulator/spec_draft.h"
#include "test/simulator/world.h"

namespace weir::simulator {
namespace {

using experiment::CommandKind;

constexpr CommandKind kKinds[] = {CommandKind::kStart,   CommandKind::kPause, CommandKind::kResume,
                                  CommandKind::kPromote, CommandKind::kAbort, CommandKind::kRollback,
                                  CommandKind::kRetry,   CommandKind::kReset, CommandKind::kSetWeight,
                                  CommandKind::kApprove, CommandKind::kReject};
constexpr double kRealStore = 0.04;  // Of all worlds: a file system is a hundred times as slow as a map.

std::vector<std::string> AllModels() { return {"baseline", "candidate", "second", "spare"}; }

enum class Kind {
  kHealthy,  // All models are alike, all the time: what is rolled back by a guardrail is a false alarm.
  kBad,      // The candidate fails from the beginning: it is to be rolled back.
  kRough,    // Models change as they like.
};

// How often things happen, a second. A seed has some kinds of trouble and is spared others: a swarm finds more than
// worlds in which everything happens at once (Groce et al., "Swarm testing", 2012).
struct Rates {
  double commands = 0, edits = 0, broken_files = 0, removals = 0, storms = 0, model_edits = 0;
  double kills = 0, refusals = 0, unsynced = 0, slow_disks = 0, hold_ups = 0, model_faults = 0;
  double dies_at_moment = 0;                             // A probability.
  double unreadable = 0, tampered = 0, clock_steps = 0;  // Probabilities, of a restart.
};

Rates RandomRates(Dice& dice) {
  const auto some = [&](double rate) { return dice.Chance(0.6) ? rate * dice.Uniform() : 0; };
  return {.commands = some(2.5),
          .edits = some(0.6),
          .broken_files = some(0.2),
          .removals = some(0.2),
          .storms = some(0.1),
          .model_edits = some(0.1),
          .kills = some(0.15),
          .refusals = some(0.2),
          .unsynced = some(0.2),
          .slow_disks = some(0.2),
          .hold_ups = some(0.15),
          .model_faults = some(0.5),
          .dies_at_moment = dice.Chance(0.3) ? 0.01 * dice.Uniform() : 0,
          .unreadable = some(0.5),
          .tampered = some(0.3),
          .clock_steps = some(0.8)};
}

WorldShape RandomShape(const std::vector<SpecDraft>& drafts, Dice& dice) {
  WorldShape shape{.seed = dice(), .workers = static_cast<int>(dice.Between(1, 3))};
  shape.users = static_cast<int>(dice.Between(20, 400));
  shape.keyless = dice.Chance(0.3) ? 0.1 : 0;
  shape.previewing = 0.15;
  shape.calls_per_second = 30 + 150 * dice.Uniform() * dice.Uniform();
  shape.services.clear();
  for (const SpecDraft& draft : drafts) shape.services.push_back(absl::StrCat("simulated.", draft.name));
  shape.adopts_within = absl::Milliseconds(dice.Between(0, 400));
  shape.reports_within = absl::Milliseconds(dice.Between(0, 500));
  shape.mailbox = static_cast<size_t>(dice.Between(2, 16));
  shape.outcomes = dice.Chance(0.7) ? 0.3 * dice.Uniform() : 0;
  shape.outcomes_within = absl::Milliseconds(dice.Between(100, 6000));
  return shape;
}

// A world, and what chance does to it.
class RandomWorld {
 public:
  RandomWorld(uint64_t seed, const SeedOptions& options);
  SeedResult Run();

 private:
  std::vector<std::unique_ptr<Rule>> Rules() const;
  void Hear(const Event& event, absl::Time now);
  void MakeFiles();
  void WriteAll();

  void Turn();
  bool Happens(double rate, absl::Duration span) { return dice_.Chance(rate * absl::ToDoubleSeconds(span)); }
  void PeopleAct(absl::Duration span);
  void Command();
  void FilesChange(absl::Duration span);
  void Storm();
  void ModelsChange(absl::Duration span);
  void ThingsBreak(absl::Duration span);
  void DrawRestart();

  Dice dice_;
  const SeedOptions& options_;
  const Kind kind_;
  const Rates rates_;
  SeedResult result_;
  Court court_;
  std::vector<SpecDraft> drafts_;
  std::vector<bool> is_filed_;
  std::vector<std::string> model_names_ = AllModels();
  std::unique_ptr<Disk> disk_;
  std::optional<World> world_;
  absl::Time disk_mended_at_ = absl::InfiniteFuture(), readable_at_ = absl::InfiniteFuture();
  bool is_tampered_ = false;
};

Kind RandomKind(Dice& dice) {
  const double which = dice.Uniform();
  return which < 0.3 ? Kind::kHealthy : which < 0.45 ? Kind::kBad : Kind::kRough;
}

RandomWorld::RandomWorld(uint64_t seed, const SeedOptions& options)
    : dice_(seed), options_(options), kind_(RandomKind(dice_)), rates_(RandomRates(dice_)), court_(Rules()) {
  const absl::Time now = absl::FromUnixSeconds(1'800'000'000);
  const int64_t experiments = dice_.Chance(0.6) ? 1 : dice_.Between(2, 3);
  for (int64_t i = 0; i < experiments; ++i) {
    drafts_.push_back(RandomDraft(absl::StrCat("exp", i), now, dice_));
    is_filed_.push_back(true);
  }
  if (dice_.Chance(kRealStore) && !options.folder.empty()) {
    disk_ = std::make_unique<SqliteDisk>(options.folder);
    result_.coverage.Count("worlds of the real store");
  } else {
    disk_ = std::make_unique<MemoryDisk>();
  }
  world_.emplace(RandomShape(drafts_, dice_), *disk_, [this](const Event& event, absl::Time at) { Hear(event, at); });
  for (const std::string& name : model_names_) world_->models()[name] = {};
  if (kind_ == Kind::kBad) world_->models()["candidate"].error_rate = 0.4;
  if (kind_ == Kind::kBad) result_.coverage.Count("worlds with a bad candidate");
  if (kind_ == Kind::kHealthy) result_.coverage.Count("worlds with healthy models");
}

std::vector<std::unique_ptr<Rule>> RandomWorld::Rules() const {
  std::vector<std::unique_ptr<Rule>> rules = AllRules();
  if (kind_ == Kind::kBad) rules.push_back(std::make_unique<ABadCandidateIsRolledBack>("candidate"));
  return rules;
}

void RandomWorld::Hear(const Event& event, absl::Time now) {
  court_.Hear(event, now);
  result_.coverage.Hear(event);
  if (kind_ == Kind::kHealthy) result_.healthy.Hear(event);
  if (std::holds_alternative<ProcessDied>(event)) DrawRestart();
  if (!options_.trace) return;
  const std::string line = Describe(event);
  if (!line.empty())
    options_.trace(absl::StrCat(absl::FormatTime("%m-%d %H:%M:%E3S", now, absl::UTCTimeZone()), "  ", line));
}

// --- Files.

void RandomWorld::MakeFiles() {
  World::Files& files = world_->files();
  files.clear();
  files[World::kProxyFile] = ProxyYaml(model_names_);
  files["experiments/.keep"] = "";
  for (size_t i = 0; i < drafts_.size(); ++i) {
    if (is_filed_[i]) files[absl::StrCat("experiments/", drafts_[i].name, ".yaml")] = drafts_[i].ToYaml();
  }
}

void RandomWorld::WriteAll() {
  MakeFiles();
  world_->ReadFiles();
}

void RandomWorld::FilesChange(absl::Duration span) {
  const Liberties liberties{.may_change_guardrails = kind_ == Kind::kRough, .may_change_default = kind_ != Kind::kBad};
  const size_t which = static_cast<size_t>(dice_.Between(0, static_cast<int64_t>(drafts_.size()) - 1));
  if (Happens(rates_.edits, span)) {
    EditAtRandom(drafts_[which], liberties, world_->now(), dice_);
    WriteAll();
  }
  if (Happens(rates_.removals, span)) {
    is_filed_[which] = !is_filed_[which];
    WriteAll();
  }
  if (Happens(rates_.broken_files, span)) {
    MakeFiles();
    std::string& file = world_->files()[absl::StrCat("experiments/", drafts_[which].name, ".yaml")];
    file = Broken(drafts_[which].ToYaml(), liberties, dice_);
    world_->ReadFiles();
  }
  if (Happens(rates_.storms, span)) Storm();
  if (Happens(rates_.model_edits, span)) {
    if (model_names_.size() < AllModels().size()) {
      model_names_ = AllModels();
    } else {
      std::erase(model_names_, dice_.Pick(AllModels()));
      result_.coverage.Count("models removed");
    }
    WriteAll();
  }
}

// Many saves of one file, back and forth, some of them half written.
void RandomWorld::Storm() {
  result_.coverage.Count("reload storms");
  SpecDraft& draft = drafts_[0];
  const SpecDraft before = draft;
  SpecDraft after = draft;
  EditAtRandom(after, {.may_change_guardrails = false, .may_change_default = false}, world_->now(), dice_);
  const int64_t saves = dice_.Between(5, 20);
  for (int64_t i = 0; i < saves && world_->is_alive(); ++i) {
    draft = dice_.Chance(0.5) ? before : after;
    WriteAll();
    if (dice_.Chance(0.2)) world_->Turn(absl::Milliseconds(20));
  }
}

// --- People.

void RandomWorld::PeopleAct(absl::Duration span) {
  if (Happens(rates_.commands, span)) Command();
}

void RandomWorld::Command() {
  experiment::Command command{.kind = kKinds[static_cast<size_t>(dice_.Between(0, std::size(kKinds) - 1))]};
  if (dice_.Chance(0.7)) command.roles.push_back("operator");
  command.is_full = dice_.Chance(0.2);
  if (dice_.Chance(0.9)) command.weight = config::Percent::FromBasisPoints(dice_.Between(0, 10'000)).value();
  const std::string experiment = dice_.Chance(0.03) ? "nobody" : dice_.Pick(drafts_).name;
  world_->Give(experiment, std::move(command));
}

// --- Models.

void RandomWorld::ModelsChange(absl::Duration span) {
  if (!Happens(rates_.model_faults, span)) return;
  ModelBehaviour& model = world_->models()[dice_.Pick(std::vector<std::string>{"baseline", "candidate", "second"})];
  const double which = dice_.Uniform();
  // An endpoint that comes and goes diverts, and is no failure of the model, whatever the world is like.
  if (which < 0.4) model.is_healthy = !model.is_healthy;
  if (kind_ != Kind::kRough) return;
  if (which > 0.9) model = {};
  if (which > 0.4 && which < 0.6) model.error_rate = dice_.Chance(0.5) ? 0.5 : 0.01;
  if (which > 0.6 && which < 0.8) model.median = absl::Milliseconds(dice_.Chance(0.5) ? 200 : 20);
  if (which > 0.8 && which < 0.85) model.cancelled = dice_.Chance(0.5) ? 0.3 : 0;
  if (which > 0.85 && which < 0.9) model.accuracy = dice_.Chance(0.5) ? 0.1 : 0.8;
}

// --- What breaks.

void RandomWorld::ThingsBreak(absl::Duration span) {
  if (Happens(rates_.refusals, span)) {
    result_.coverage.Count("disk refuses");
    world_->disk().refusal = absl::ResourceExhaustedError("the disk is full");
    disk_mended_at_ = world_->now() + dice_.Between(absl::Milliseconds(100), absl::Seconds(5));
  }
  if (Happens(rates_.unsynced, span)) {
    result_.coverage.Count("disk writes and refuses");
    world_->disk().unsynced = absl::UnavailableError("the commit could not be synced");
    disk_mended_at_ = world_->now() + dice_.Between(absl::Milliseconds(100), absl::Seconds(5));
  }
  if (Happens(rates_.slow_disks, span)) {
    result_.coverage.Count("disk slow");
    world_->disk().until_write = dice_.Between(absl::ZeroDuration(), absl::Seconds(2));
    world_->disk().until_reply = dice_.Between(absl::ZeroDuration(), absl::Milliseconds(500));
    disk_mended_at_ = world_->now() + dice_.Between(absl::Seconds(1), absl::Seconds(6));
  }
  if (world_->now() >= disk_mended_at_) {
    world_->disk().refusal = world_->disk().unsynced = absl::OkStatus();
    world_->disk().until_write = world_->disk().until_reply = absl::ZeroDuration();
  }
  if (world_->now() >= readable_at_) world_->disk().unreadable = absl::OkStatus();
  if (Happens(rates_.hold_ups, span)) {
    result_.coverage.Count("control thread held up");
    world_->HoldUp(dice_.Between(absl::Milliseconds(200), absl::Seconds(3)));
  }
  if (Happens(rates_.kills, span)) world_->Kill("at rest");
}

// What the next process will find.
void RandomWorld::DrawRestart() {
  absl::Duration step;
  if (dice_.Chance(rates_.clock_steps)) {
    step = dice_.Between(absl::Seconds(1), dice_.Chance(0.5) ? absl::Minutes(2) : absl::Hours(30));
    if (dice_.Chance(0.5)) step = -step;
    result_.coverage.Count(step < absl::ZeroDuration() ? "clocks set back" : "clocks set forward");
  }
  const absl::Duration down = dice_.Between(absl::Milliseconds(50), absl::Seconds(4));
  world_->SetRestart(down, step);
  // By the next process's clock.
  const absl::Time begins = world_->now() + down + step;
  disk_mended_at_ = std::min(disk_mended_at_ + step, begins + absl::Seconds(3));
  if (dice_.Chance(rates_.unreadable)) {
    world_->disk().unreadable = absl::DataLossError("the journal is damaged");
    readable_at_ = begins + dice_.Between(absl::ZeroDuration(), absl::Seconds(6));
  }
  is_tampered_ = dice_.Chance(rates_.tampered);
}

// --- The whole.

void RandomWorld::Turn() {
  const absl::Duration span = absl::Milliseconds(dice_.Between(50, 400));
  PeopleAct(span);
  FilesChange(span);
  ModelsChange(span);
  ThingsBreak(span);
  world_->Turn(span);
}

SeedResult RandomWorld::Run() {
  MakeFiles();
  world_->DieWhere([this](Moment) { return dice_.Chance(rates_.dies_at_moment); });
  world_->FindInstead([this](experiment::Remembered& found) {
    if (!std::exchange(is_tampered_, false) || found.checkpoints.empty()) return;
    auto row = found.checkpoints.begin();
    std::advance(row, dice_.Between(0, static_cast<int64_t>(found.checkpoints.size()) - 1));
    row->second = "of another version";
  });
  const int64_t turns = dice_.Between(20, 160);
  for (int64_t i = 0; i < turns && court_.violations().empty(); ++i) Turn();
  if (court_.violations().empty()) {
    // Whatever its authors have brought about: these are files that a process can begin with.
    model_names_ = AllModels();
    if (!world_->can_begin()) drafts_.assign(1, SpecDraft{.name = "exp0"});
    is_filed_.assign(drafts_.size(), true);
    MakeFiles();
    world_->ReadFiles();
    world_->Settle();
  }
  result_.violations = court_.violations();
  return std::move(result_);
}

}  // namespace

SeedResult RunSeed(uint64_t seed, const SeedOptions& options) { return RandomWorld(seed, options).Run(); }

}  // namespace weir::simulator
