// The gRPC side of the administration: weir.v1.Admin on loopback. Debian's libgrpc++ has open faults, so that it never
// listens to anybody but this machine.

#ifndef WEIR_ROUTER_ADMIN_GRPC_SERVER_H_
#define WEIR_ROUTER_ADMIN_GRPC_SERVER_H_

#include <memory>

#include "absl/status/statusor.h"
#include "config/config.h"
#include "router/control/control_interface.h"

namespace grpc {
class Server;
}

namespace weir::admin {

// Made and destroyed by one thread; answers on threads of gRPC's own, four at most.
class GrpcServer {
 public:
  // Listens, and answers from now on. `control` is borrowed. InvalidArgument for an address beyond loopback; another
  // error names the address.
  static absl::StatusOr<std::unique_ptr<GrpcServer>> Create(const config::Address& address,
                                                            control::ControlInterface* control);
  // Calls under way are given a second, then cancelled. The control side must still answer its `Reset` calls meanwhile.
  ~GrpcServer();
  GrpcServer(const GrpcServer&) = delete;
  GrpcServer& operator=(const GrpcServer&) = delete;

  const config::Address& address() const { return address_; }  // With the port in use.

 private:
  class Service;

  GrpcServer();

  std::unique_ptr<Service> service_;
  std::unique_ptr<grpc::Server> server_;
  config::Address address_;
};

}  // namespace weir::admin

#endif  // WEIR_ROUTER_ADMIN_GRPC_SERVER_H_
