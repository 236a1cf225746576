// Hands route tables to the data plane, and frees them.

#ifndef WEIR_ROUTER_CONTROL_PUBLISHER_H_
#define WEIR_ROUTER_CONTROL_PUBLISHER_H_

#include <functional>
#include <utility>
#include <vector>

#include "router/routing/route_table.h"

namespace weir::control {

// Keeps each published table until nobody else holds it, so that no worker ever frees one (a table of many experiments
// takes a while to free, and a worker's turn must not). The control thread's.
class Publisher {
 public:
  using Publish = std::function<void(routing::RouteTablePtr)>;

  // `publish` hands a table to every worker; it is called on the control thread.
  explicit Publisher(Publish publish) : publish_(std::move(publish)) {}

  void Put(routing::RouteTablePtr table) {
    kept_.push_back(table);
    publish_(std::move(table));
  }

  // Frees the tables, but for the newest, that only the publisher still holds. Called every tick.
  void FreeUnused() {
    if (kept_.size() < 2) return;
    std::erase_if(kept_, [newest = kept_.back().get()](const routing::RouteTablePtr& table) {
      return table.get() != newest && table.use_count() == 1;
    });
  }

  size_t kept() const { return kept_.size(); }

 private:
  const Publish publish_;
  std::vector<routing::RouteTablePtr> kept_;  // Oldest first.
};

}  // namespace weir::control

#endif  // WEIR_ROUTER_CONTROL_PUBLISHER_H_
