// A control side for tests: shows what it was given, and records what it was told.

#ifndef WEIR_ROUTER_ADMIN_RECORDING_CONTROL_H_
#define WEIR_ROUTER_ADMIN_RECORDING_CONTROL_H_

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "router/control/control_interface.h"

namespace weir::admin {

class RecordingControl : public control::ControlInterface {
 public:
  void Publish(std::shared_ptr<const control::Snapshot> snapshot) { snapshot_.store(std::move(snapshot)); }
  std::shared_ptr<const control::Snapshot> Current() override { return snapshot_.load(); }
  void Reset(std::string experiment, std::string actor, std::function<void(absl::Status)> done) override {
    resets.emplace_back(std::move(experiment), std::move(actor));
    done(answer);
  }

  absl::Status answer;
  std::vector<std::pair<std::string, std::string>> resets;

 private:
  std::atomic<std::shared_ptr<const control::Snapshot>> snapshot_;
};

}  // namespace weir::admin

#endif  // WEIR_ROUTER_ADMIN_RECORDING_CONTROL_H_
