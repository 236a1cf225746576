// The fuzz target on conversations that two sessions really had, damaged at random.

#include <cstdlib>
#include <iostream>
#include <random>
#include <string>

#include "gtest/gtest.h"
#include "router/http2/session.h"
#include "router/http2/session_recorder.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace weir::http2 {
namespace {

constexpr size_t kPrologue = 4;

class SessionDamageTest : public ::testing::Test {
 protected:
  size_t UpTo(size_t n) { return rng_() % (n + 1); }

  // What a client, or the server that answers it, sends in a conversation of some calls.
  std::string Conversation(Role role) {
    SessionRecorder client(Role::kClient), server(Role::kServer);
    std::string from_client, from_server;
    for (size_t calls = 1 + UpTo(6); calls > 0; --calls) {
      HeaderList request = Request();
      request.Add("x-" + std::string(UpTo(5), 'n'), std::string(UpTo(300), static_cast<char>('a' + UpTo(25))));
      const StreamId id = client.session().StartRequest(request, UpTo(3) == 0);
      client.session().SendData(id, Slice::Copy(std::string(UpTo(2000), 'd')), UpTo(1) == 0);
      if (UpTo(5) == 0) client.session().Reset(id, ErrorCode::kCancel);
      if (UpTo(5) == 0) client.session().SendPing(id);
      const std::string up = client.TakeOutput();
      from_client += up;
      EXPECT_TRUE(server.Receive(up).ok());
      server.session().SendHeaders(id, Response(), UpTo(5) == 0);
      server.session().SendData(id, Slice::Copy(std::string(UpTo(2000), 'e')), false);
      server.session().SendHeaders(id, Trailers(), true);
      if (UpTo(9) == 0) server.session().SendGoAway(id, ErrorCode::kNoError, "bye");
      const std::string down = server.TakeOutput();
      from_server += down;
      EXPECT_TRUE(client.Receive(down).ok());
    }
    return role == Role::kServer ? from_client : from_server;
  }
  void Damage(std::string& bytes) {
    for (size_t n = UpTo(4); n > 0 && !bytes.empty(); --n) {
      const size_t at = UpTo(bytes.size() - 1);
      const size_t size = UpTo(std::min<size_t>(20, bytes.size() - at));
      switch (UpTo(5)) {
        case 0:
          bytes[at] = static_cast<char>(rng_());
          break;
        case 1:
          bytes[at] = static_cast<char>(bytes[at] ^ (1 << UpTo(7)));
          break;
        case 2:
          bytes.erase(at, size);
          break;
        case 3:
          bytes.insert(at, bytes.substr(UpTo(bytes.size() - 1), size));
          break;
        case 4:
          bytes.insert(at, Frame(static_cast<FrameType>(UpTo(11)), static_cast<uint8_t>(rng_()),
                                 static_cast<StreamId>(UpTo(9)), std::string(UpTo(12), static_cast<char>(rng_()))));
          break;
        default:
          bytes.resize(at);
      }
    }
  }

  std::mt19937 rng_;
};

TEST_F(SessionDamageTest, DamagedConversationsCrashNothingAndMeanTheSameInAnyPieces) {
  const char* given = std::getenv("WEIR_TEST_SEED");
  const unsigned seed =
      given != nullptr ? static_cast<unsigned>(std::strtoul(given, nullptr, 10)) : std::random_device()();
  std::cout << "WEIR_TEST_SEED=" << seed << "\n";
  rng_.seed(seed);
  for (int i = 0; i < 300; ++i) {
    const Role role = UpTo(1) == 0 ? Role::kServer : Role::kClient;
    std::string input(kPrologue, '\0');
    for (char& byte : input) byte = static_cast<char>(rng_());
    // The conversation has its own start: role as chosen, start not added.
    input[0] = static_cast<char>((input[0] & ~5) | (role == Role::kClient ? 1 : 0) | 4);
    std::string bytes = Conversation(role);
    Damage(bytes);
    input += bytes;
    LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input.data()), input.size());
  }
}

TEST_F(SessionDamageTest, TheTargetAcceptsTheEmptyAndTheShort) {
  for (size_t size = 0; size < 20; ++size) {
    const std::string input(size, '\3');
    EXPECT_EQ(LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input.data()), size), 0);
  }
}

}  // namespace
}  // namespace weir::http2
