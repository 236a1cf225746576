// One call of weir.test.Echo on the server's side, of any kind.

#ifndef WEIR_TEST_INTEGRATION_ECHO_CALL_H_
#define WEIR_TEST_INTEGRATION_ECHO_CALL_H_

#include <grpcpp/grpcpp.h>

#include "test/integration/echo.grpc.pb.h"
#include "test/integration/observations.h"

namespace weir::test {

// The reactor owns itself until the call is over; both arguments outlive it.
grpc::ServerGenericBidiReactor* StartEchoCall(grpc::GenericCallbackServerContext* context, Observations* observations);

}  // namespace weir::test

#endif  // WEIR_TEST_INTEGRATION_ECHO_CALL_H_
