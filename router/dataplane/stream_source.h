// Where calls get their streams to models.

#ifndef WEIR_ROUTER_DATAPLANE_STREAM_SOURCE_H_
#define WEIR_ROUTER_DATAPLANE_STREAM_SOURCE_H_

#include <cstddef>
#include <span>

#include "router/dataplane/upstream_session.h"
#include "router/routing/route_table.h"

namespace weir::dataplane {

// A call that waits for a stream; a place in the queue of its model.
class StreamWaiter {
 public:
  // A stream can be opened on `session`, and is opened now. The waiter is out of the queue.
  virtual void OnStreamAvailable(UpstreamSession& session) = 0;
  // The model has no endpoint left that a call could wait for. The waiter is out of the queue.
  virtual void OnModelUnavailable() = 0;

 protected:
  ~StreamWaiter() = default;

 private:
  friend class WaiterQueue;
  StreamWaiter* next_ = nullptr;
  StreamWaiter* previous_ = nullptr;
  class WaiterQueue* queue_ = nullptr;
};

// First come, first served; a waiter leaves from anywhere in constant time.
class WaiterQueue {
 public:
  WaiterQueue() = default;
  WaiterQueue(const WaiterQueue&) = delete;
  WaiterQueue& operator=(const WaiterQueue&) = delete;

  void Push(StreamWaiter& waiter) {
    waiter.queue_ = this;
    waiter.next_ = nullptr;
    waiter.previous_ = last_;
    (last_ == nullptr ? first_ : last_->next_) = &waiter;
    last_ = &waiter;
    ++size_;
  }
  // The first one, taken out; nullptr when empty.
  StreamWaiter* Pop() {
    StreamWaiter* waiter = first_;
    if (waiter != nullptr) Remove(*waiter);
    return waiter;
  }
  // Nothing if the waiter is in no queue.
  static void Withdraw(StreamWaiter& waiter) {
    if (waiter.queue_ != nullptr) waiter.queue_->Remove(waiter);
  }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

 private:
  void Remove(StreamWaiter& waiter) {
    (waiter.previous_ == nullptr ? first_ : waiter.previous_->next_) = waiter.next_;
    (waiter.next_ == nullptr ? last_ : waiter.next_->previous_) = waiter.previous_;
    waiter.queue_ = nullptr;
    --size_;
  }

  StreamWaiter* first_ = nullptr;
  StreamWaiter* last_ = nullptr;
  size_t size_ = 0;
};

// Connections to models: sockets in production, memory in tests.
class StreamSource {
 public:
  virtual ~StreamSource() = default;

  enum class Answer {
    kNow,          // `session` takes the call.
    kWait,         // The waiter is in the queue, and will hear; `WaiterQueue::Withdraw` takes it out.
    kFull,         // So many wait already that another is shed.
    kUnavailable,  // The model has no healthy endpoint.
  };
  struct Placement {
    Answer answer;
    UpstreamSession* session = nullptr;
  };
  virtual Placement Place(routing::ModelIndex model, StreamWaiter& waiter) = 0;

  // By model index: whether it has an endpoint to which a call may be sent, or for which it may wait, now.
  virtual std::span<const bool> healthy() const = 0;
};

}  // namespace weir::dataplane

#endif  // WEIR_ROUTER_DATAPLANE_STREAM_SOURCE_H_
