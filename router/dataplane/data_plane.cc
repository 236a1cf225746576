#include "router/dataplane/data_plane.h"

#include <future>
#include <utility>

#include "absl/strings/str_cat.h"
#include "router/runtime/socket.h"

namespace weir::dataplane {
namespace {

// Before any thread serves, waiting for a name is no harm.
absl::StatusOr<runtime::SocketAddress> ResolveListener(const config::Address& address, runtime::Resolver& resolver) {
  if (const auto numeric = runtime::SocketAddress::FromNumeric(address.host, address.port)) return *numeric;
  std::promise<runtime::Resolver::Addresses> promise;
  resolver.Resolve(address.host, address.port,
                   [&promise](runtime::Resolver::Addresses answer) { promise.set_value(std::move(answer)); });
  runtime::Resolver::Addresses addresses = promise.get_future().get();
  if (!addresses.ok()) return addresses.status();
  if (addresses->empty()) return absl::UnavailableError(absl::StrCat(address.host, " has no address"));
  return addresses->front();
}

}  // namespace

absl::StatusOr<std::unique_ptr<DataPlane>> DataPlane::Create(const DataPlaneOptions& options, runtime::Clock clock,
                                                             DataPlaneSinks sinks) {
  auto plane = std::unique_ptr<DataPlane>(new DataPlane());
  plane->resolver_ = std::make_unique<runtime::Resolver>();
  absl::StatusOr<runtime::SocketAddress> address = ResolveListener(options.listener, *plane->resolver_);
  if (!address.ok()) return address.status();
  absl::StatusOr<runtime::FileDescriptor> listener = runtime::Listen(*address);
  if (!listener.ok()) return listener.status();
  absl::StatusOr<runtime::SocketAddress> bound = runtime::LocalAddress(listener->get());
  if (!bound.ok()) return bound.status();
  plane->port_ = bound->port();

  for (int i = 0; i < options.workers; ++i) {
    const WorkerOptions worker_options{.number = i,
                                       .profile = options.profile,
                                       .drain_grace = options.drain_grace,
                                       .issuer = {options.replica, options.boot, static_cast<uint16_t>(i)},
                                       .tickets = options.tickets,
                                       .assignments = sinks.assignments};
    auto worker = Worker::Create(worker_options, clock, plane->resolver_.get(), sinks.report, sinks.outcome);
    if (!worker.ok()) return worker.status();
    plane->workers_.push_back(*std::move(worker));
    plane->worker_list_.push_back(plane->workers_.back().get());
  }
  if (plane->worker_list_.size() > 1) {
    for (Worker* worker : plane->worker_list_) {
      worker->OnShare([worker, &all = plane->worker_list_](const SharedPins& pins) {
        for (Worker* other : all) {
          if (other != worker) other->Learn(pins);
        }
      });
    }
  }
  plane->acceptor_ = std::make_unique<Acceptor>(*std::move(listener), plane->worker_list_);
  if (absl::Status watched = plane->acceptor_->Watch(); !watched.ok()) return watched;
  plane->workers_.front()->OnDrain([acceptor = plane->acceptor_.get()] { acceptor->Stop(); });
  return plane;
}

void DataPlane::Serve() {
  for (const auto& worker : workers_) {
    threads_.emplace_back([worker = worker.get()] { worker->Run(); });
  }
}

DataPlane::~DataPlane() {
  for (const auto& worker : workers_) worker->StopNow();
  Join();
  resolver_.reset();  // Its last answers go to mailboxes of the workers.
  acceptor_.reset();
}

void DataPlane::Publish(routing::RouteTablePtr table) {
  std::erase_if(published_, [](const routing::RouteTablePtr& old) { return old.use_count() == 1; });
  published_.push_back(table);
  for (const auto& worker : workers_) worker->Publish(table);
}

void DataPlane::BeginDrain() {
  for (const auto& worker : workers_) worker->BeginDrain();
}

size_t DataPlane::Join() {
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
  size_t given_up = 0;
  for (const auto& worker : workers_) given_up += worker->calls_given_up();
  return given_up;
}

}  // namespace weir::dataplane
