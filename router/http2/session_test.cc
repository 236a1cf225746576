#include "router/http2/session.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "router/http2/session_recorder.h"

namespace weir::http2 {
namespace {

using Lines = std::vector<std::string>;

class SessionTest : public ::testing::Test {
 protected:
  void Connect() {
    Exchange(client_, server_);
    client_.Take();
    server_.Take();
  }
  SessionRecorder client_{Role::kClient};
  SessionRecorder server_{Role::kServer};
};

TEST_F(SessionTest, AUnaryCallArrivesAsHeadersBodyAndTrailersBothWays) {
  Connect();
  const StreamId id = client_.session().StartRequest(Request(), false);
  client_.session().SendData(id, Slice::Copy("ping"), true);
  Exchange(client_, server_);
  EXPECT_EQ(server_.Take(), (Lines{"H1 :method=POST :scheme=http :path=/s/m :authority=weir te=trailers "
                                   "content-type=application/grpc",
                                   "D1 ping$"}));
  server_.session().SendHeaders(id, Response(), false);
  server_.session().SendData(id, Slice::Copy("pong"), false);
  server_.session().SendHeaders(id, Trailers(), true);
  Exchange(client_, server_);
  EXPECT_EQ(client_.Take(), (Lines{"H1 :status=200 content-type=application/grpc", "D1 pong", "H1 grpc-status=0$"}));
  EXPECT_EQ(client_.session().open_streams(), 0u);
  EXPECT_EQ(server_.session().open_streams(), 0u);
}

}  // namespace
}  // namespace weir::http2
