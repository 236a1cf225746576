#include "router/dataplane/session_port.h"

#include <algorithm>

namespace weir::dataplane {

SessionPort::~SessionPort() {
  if (!is_dirty_) return;
  std::replace(dirty_ports_->dirty_.begin(), dirty_ports_->dirty_.end(), this, static_cast<SessionPort*>(nullptr));
  std::replace(dirty_ports_->flushing_.begin(), dirty_ports_->flushing_.end(), this,
               static_cast<SessionPort*>(nullptr));
}

void DirtyPorts::FlushAll() {
  while (!dirty_.empty()) {
    flushing_.swap(dirty_);
    for (size_t i = 0; i < flushing_.size(); ++i) {
      SessionPort* port = flushing_[i];
      if (port == nullptr) continue;
      flushing_[i] = nullptr;
      port->is_dirty_ = false;
      port->Flush();
    }
    flushing_.clear();
  }
}

}  // namespace weir::dataplane
