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

bool SequencePins::Keep(uint32_t run, uint64_t sequence, uint16_t variant) {
  const auto place = places_.find({run, sequence});
  if (place != places_.end()) {
    Pin& pin = *place->second;
    const bool begins_anew = IsStale(pin);
    if (begins_anew) pin.variant = variant, pin.began = *now_;
    pin.heard = *now_;
    pins_.splice(pins_.begin(), pins_, place->second);
    return begins_anew;
  }
  while (!pins_.empty() && (pins_.size() >= most_ || IsStale(pins_.back()))) ForgetLast();
  Add({{run, sequence}, variant, *now_, *now_});
  return true;
}

void SequencePins::Add(const Pin& pin) {
  pins_.push_front(pin);
  places_.emplace(pin.key, pins_.begin());
}

void SequencePins::Move(uint32_t run, uint64_t sequence, uint16_t variant) {
  const auto place = places_.find({run, sequence});
  if (place != places_.end()) place->second->variant = variant;
}

std::vector<SharedPin> SequencePins::Share(uint32_t run) const {
  std::vector<SharedPin> shared;
  for (const Pin& pin : pins_) {
    if (pin.key.first != run || IsStale(pin)) continue;
    shared.push_back({run, pin.key.second, pin.variant, pin.began, pin.heard});
  }
  return shared;
}

void SequencePins::Learn(const std::vector<SharedPin>& pins) {
  for (const SharedPin& shared : pins) {
    const auto place = places_.find({shared.run, shared.sequence});
    if (place == places_.end()) {
      if (pins_.size() < most_) Add({{shared.run, shared.sequence}, shared.variant, shared.began, shared.heard});
    } else if (shared.began < place->second->began) {
      place->second->variant = shared.variant;
      place->second->began = shared.began;
    }
  }
}

void SequencePins::Forget(uint32_t run) {
  for (auto pin = pins_.begin(); pin != pins_.end();) {
    const auto next = std::next(pin);
    if (pin->key.first == run) {
      places_.erase(pin->key);
      pins_.erase(pin);
    }
    pin = next;
  }
}

void SequencePins::ForgetLast() {
  places_.erase(pins_.back().key);
  pins_.pop_back();
}

}  // namespace weir::dataplane
