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
  void Obey(weir::v1::CommandRequest request, std::function<void(absl::Status)> done) override {
    commands.push_back(std::move(request));
    done(answer);
  }

  absl::Status answer;
  std::vector<weir::v1::CommandRequest> commands;

 private:
  std::atomic<std::shared_ptr<const control::Snapshot>> snapshot_;
};

}  // namespace weir::admin

#endif  // WEIR_ROUTER_ADMIN_RECORDING_CONTROL_H_
