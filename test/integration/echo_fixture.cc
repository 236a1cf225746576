#include "test/integration/echo_fixture.h"

#include <cstdlib>
#include <utility>

namespace weir::test {
namespace {

std::string FromEnvironment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

std::shared_ptr<grpc::Channel> NewChannel(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_MAX_METADATA_SIZE, 64 * 1024);
  arguments.SetMaxReceiveMessageSize(64 << 20);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

std::string TargetAddress() { return FromEnvironment("WEIR_TEST_TARGET"); }
std::string ServerAddress() { return FromEnvironment("WEIR_TEST_SERVER"); }

gpr_timespec After(int milliseconds) { return gpr_time_from_millis(milliseconds, GPR_TIMESPAN); }

std::vector<std::string> Values(const std::multimap<grpc::string_ref, grpc::string_ref>& metadata,
                                const std::string& key) {
  std::vector<std::string> values;
  const auto [begin, end] = metadata.equal_range(key);
  for (auto entry = begin; entry != end; ++entry) values.emplace_back(entry->second.data(), entry->second.size());
  return values;
}

std::vector<std::string> Values(const Seen& seen, const std::string& key) {
  std::vector<std::string> values;
  for (const Metadata& entry : seen.metadata()) {
    if (entry.key() == key) values.push_back(entry.value());
  }
  return values;
}

Metadata Entry(const std::string& key, const std::string& value) {
  Metadata entry;
  entry.set_key(key);
  entry.set_value(value);
  return entry;
}

Note NoteOf(const std::string& payload) {
  Note note;
  note.set_payload(payload);
  return note;
}

EchoTest::EchoTest()
    : echo_(Echo::NewStub(NewChannel(TargetAddress()))), observer_(Observer::NewStub(NewChannel(ServerAddress()))) {}

std::unique_ptr<grpc::ClientContext> EchoTest::Context(Knobs knobs) {
  knobs.set_tag(testing::UnitTest::GetInstance()->current_test_info()->name());
  auto context = std::make_unique<grpc::ClientContext>();
  context->set_deadline(After(30000));
  context->AddMetadata("test-knobs-bin", knobs.SerializeAsString());
  return context;
}

Counts EchoTest::Seen() {
  grpc::ClientContext context;
  CountRequest request;
  request.set_tag(testing::UnitTest::GetInstance()->current_test_info()->name());
  Counts counts;
  const grpc::Status status = observer_->Count(&context, request, &counts);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return counts;
}

testing::AssertionResult EchoTest::Eventually(const std::function<bool(const Counts&)>& condition) {
  const gpr_timespec end = gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_seconds(20, GPR_TIMESPAN));
  Counts counts = Seen();
  while (!condition(counts)) {
    if (gpr_time_cmp(gpr_now(GPR_CLOCK_MONOTONIC), end) > 0) {
      return testing::AssertionFailure() << "it never came true; the server saw " << counts.ShortDebugString();
    }
    counts = Seen();
  }
  return testing::AssertionSuccess();
}

}  // namespace weir::test
