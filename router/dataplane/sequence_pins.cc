#include "router/dataplane/sequence_pins.h"

#include <algorithm>
#include <iterator>

namespace weir::dataplane {

std::vector<uint32_t> RunsThatMoved(const routing::RouteTable& before, const routing::RouteTable& after) {
  std::vector<uint32_t> runs;
  for (const routing::ExperimentRoute& now : after.experiments) {
    if (!now.sequence.has_value()) continue;
    const bool has_moved = std::any_of(before.experiments.begin(), before.experiments.end(), [&](const auto& then) {
      return then.run == now.run && then.variants != now.variants;
    });
    if (has_moved) runs.push_back(now.run);
  }
  return runs;
}

std::optional<uint16_t> SequencePins::Find(uint32_t run, uint64_t sequence) const {
  const auto place = places_.find({run, sequence});
  if (place == places_.end() || IsStale(*place->second)) return std::nullopt;
  return place->second->variant;
}

SequencePins::Kept SequencePins::Keep(uint32_t run, uint64_t sequence, uint16_t variant, bool begins_anew) {
  const absl::Time begun_anew = begins_anew ? *now_ : absl::InfinitePast();
  const auto place = places_.find({run, sequence});
  if (place == places_.end()) {
    while (!pins_.empty() && (pins_.size() >= most_ || IsStale(pins_.back()))) Drop(std::prev(pins_.end()));
    Add({{run, sequence}, variant, *now_, begun_anew, *now_, ++last_use_, true});
    return {{run, sequence, last_use_}, true};
  }
  Pin& pin = *place->second;
  const bool is_first = begins_anew || IsStale(pin);
  if (is_first) pin = {pin.key, variant, *now_, begun_anew, *now_, ++last_use_, true};
  pin.heard = *now_;
  pin.is_heard_here = true;
  pins_.splice(pins_.begin(), pins_, place->second);
  return {{run, sequence, pin.use}, is_first};
}

void SequencePins::Add(const Pin& pin) {
  pins_.push_front(pin);
  places_.emplace(pin.key, pins_.begin());
}

SequencePins::Pin* SequencePins::FindUse(const SequenceUse& use) {
  const auto place = places_.find({use.run, use.sequence});
  return place != places_.end() && place->second->use == use.number ? &*place->second : nullptr;
}

void SequencePins::Move(const SequenceUse& use, uint16_t variant) {
  if (Pin* const pin = FindUse(use)) pin->variant = variant;
}

void SequencePins::End(const SequenceUse& use) {
  if (FindUse(use) != nullptr) Drop(places_.find({use.run, use.sequence})->second);
}

std::vector<SharedPin> SequencePins::Share(uint32_t run) const {
  std::vector<SharedPin> shared;
  for (const Pin& pin : pins_) {
    if (pin.key.first != run || !pin.is_heard_here || IsStale(pin)) continue;
    shared.push_back({run, pin.key.second, pin.variant, pin.began, pin.begun_anew, pin.heard});
  }
  return shared;
}

void SequencePins::Learn(const std::vector<SharedPin>& pins) {
  for (const SharedPin& shared : pins) {
    const Key key = {shared.run, shared.sequence};
    const auto place = places_.find(key);
    if (place == places_.end()) {
      if (pins_.size() >= most_) continue;
      Add({key, shared.variant, shared.began, shared.begun_anew, shared.heard, ++last_use_, false});
      continue;
    }
    Pin& pin = *place->second;
    const bool is_later_use = shared.begun_anew > pin.begun_anew;
    const bool is_earlier = shared.begun_anew == pin.begun_anew && shared.began < pin.began;
    if (!is_later_use && !is_earlier) continue;
    if (is_later_use) pin.use = ++last_use_;
    pin.variant = shared.variant;
    pin.began = shared.began;
    pin.begun_anew = shared.begun_anew;
  }
}

void SequencePins::Forget(uint32_t run) {
  for (auto pin = pins_.begin(); pin != pins_.end();) {
    const auto next = std::next(pin);
    if (pin->key.first == run) Drop(pin);
    pin = next;
  }
}

void SequencePins::Drop(std::list<Pin>::iterator pin) {
  places_.erase(pin->key);
  pins_.erase(pin);
}

}  // namespace weir::dataplane
