// What a C++ client's cases stand on: a channel to the proxy under test, and one straight to the server behind it.
// cpp_client_test.py starts both and names them in WEIR_TEST_TARGET and WEIR_TEST_SERVER.

#ifndef WEIR_TEST_INTEGRATION_ECHO_FIXTURE_H_
#define WEIR_TEST_INTEGRATION_ECHO_FIXTURE_H_

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "test/integration/echo.grpc.pb.h"

namespace weir::test {

// A connection of its own, with limits high enough for every case.
std::shared_ptr<grpc::Channel> NewChannel(const std::string& address);
std::string TargetAddress();
std::string ServerAddress();

// A span from now, as a deadline.
gpr_timespec After(int milliseconds);

// Of the metadata that a call received, one key's values in order.
std::vector<std::string> Values(const std::multimap<grpc::string_ref, grpc::string_ref>& metadata,
                                const std::string& key);
// The same of the metadata that a server saw.
std::vector<std::string> Values(const Seen& seen, const std::string& key);

Metadata Entry(const std::string& key, const std::string& value);
Note NoteOf(const std::string& payload);

class EchoTest : public testing::Test {
 protected:
  EchoTest();

  // A context that gives up after 30 s (a call that must succeed never comes near), and that carries the knobs. The tag
  // is the case's name.
  std::unique_ptr<grpc::ClientContext> Context(Knobs knobs = {});

  // What the server has seen of this case's calls.
  Counts Seen();
  // Whether `condition` of that comes true within 20 s.
  testing::AssertionResult Eventually(const std::function<bool(const Counts&)>& condition);

  std::unique_ptr<Echo::Stub> echo_;  // Through the proxy.

 private:
  std::unique_ptr<Observer::Stub> observer_;  // Straight.
};

}  // namespace weir::test

#endif  // WEIR_TEST_INTEGRATION_ECHO_FIXTURE_H_
