// Fuzz target of a session: any bytes, in any pieces, under an owner that does anything its contract allows. It must
// not crash, must keep its bounds, and must say the same however the bytes were split. The corpus holds conversations
// that two sessions really had.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "router/http2/session.h"
#include "router/http2/session_recorder.h"

namespace weir::http2 {
namespace {

constexpr size_t kPrologue = 4;  // Role, options, and the pieces.

struct Told {
  std::vector<std::string> events;
  bool has_failed;
};

void Check(bool holds) {
  if (!holds) std::abort();
}

SessionOptions SmallOptions() {
  SessionOptions options;
  options.max_concurrent_streams = 8;
  options.stream_window = 1000;
  options.connection_window = 70'000;
  options.max_header_list_bytes = 2000;
  options.max_header_fields = 20;
  options.max_output_bytes = 4096;
  return options;
}

// Feeds all of `bytes` in pieces of up to `piece`, to an owner that only consumes.
Told Listen(Role role, const SessionOptions& options, std::string_view bytes, size_t piece) {
  SessionRecorder recorder(role, options);
  if (role == Role::kClient) {
    for (int i = 0; i < 4; ++i) recorder.session().StartRequest(Request(), i % 2 == 0);
  }
  bool has_failed = false;
  while (!bytes.empty() && !has_failed) {
    has_failed = !recorder.Receive(bytes.substr(0, piece)).ok();
    bytes.remove_prefix(std::min(piece, bytes.size()));
  }
  Check(recorder.session().open_streams() <= std::max<size_t>(options.max_concurrent_streams, 4));
  return {recorder.Take(), has_failed};
}

// An owner that answers, echoes, keeps window, resets and drains as the bytes of `choices` say.
void Serve(Role role, const SessionOptions& options, std::string_view bytes, std::string_view choices) {
  SessionRecorder recorder(role, options);
  Session& session = recorder.session();
  size_t at = 0;
  const auto choose = [&](int n) {
    return choices.empty() ? 0 : static_cast<uint8_t>(choices[at++ % choices.size()]) % n;
  };
  std::vector<std::pair<StreamId, uint32_t>> owed;
  recorder.is_consuming = false;
  recorder.on_headers = [&](StreamId id, const HeaderList&, bool end_stream) {
    if (role == Role::kServer && choose(4) != 0) session.SendHeaders(id, Response(), end_stream && choose(2) == 0);
    if (choose(8) == 0) session.Reset(id, ErrorCode::kCancel);
  };
  recorder.on_data = [&](StreamId id, const Slice& data, bool end_stream) {
    owed.push_back({id, static_cast<uint32_t>(data.size())});
    if (choose(2) == 0) session.SendData(id, data, false);
    if (choose(16) == 0) session.Reset(id, ErrorCode::kNoError);
    if (end_stream && choose(2) == 0) session.SendHeaders(id, Trailers(), true);
  };
  recorder.on_sent = [&](StreamId id, size_t) {
    if (choose(8) == 0) session.Reset(id, ErrorCode::kInternalError);
    if (choose(8) == 0) session.SendData(id, Slice::Copy("more"), choose(2) == 0);
  };
  while (!bytes.empty()) {
    if (role == Role::kClient && choose(2) == 0) {
      const StreamId id = session.StartRequest(Request(), choose(2) == 0);
      session.SendData(id, Slice::Copy(std::string(static_cast<size_t>(choose(256)) * 40, 'x')), choose(2) == 0);
    }
    const size_t n = std::min<size_t>(bytes.size(), 1 + static_cast<size_t>(choose(256)) * choose(64));
    recorder.now += absl::Milliseconds(choose(50));
    if (!recorder.Receive(bytes.substr(0, n)).ok()) return;
    bytes.remove_prefix(n);
    if (!owed.empty() && choose(2) == 0) {
      session.Consume(owed.back().first, owed.back().second);
      owed.pop_back();
    }
    if (choose(3) == 0) recorder.TakeOutput(static_cast<size_t>(choose(256)) * 64);
    if (choose(64) == 0) session.SendGoAway(session.last_peer_stream(), ErrorCode::kNoError, "");
  }
}

void TryInput(const uint8_t* data, size_t size) {
  if (size < kPrologue) return;
  const Role role = (data[0] & 1) != 0 ? Role::kClient : Role::kServer;
  const SessionOptions options = (data[0] & 2) != 0 ? SmallOptions() : SessionOptions{};
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  std::string bytes;
  // Most inputs should get past the start of the connection.
  if ((data[0] & 4) == 0) {
    if (role == Role::kServer) bytes.append(kClientPreface);
    bytes.append(Frame(FrameType::kSettings, 0, 0, ""));
  }
  bytes.append(all.substr(kPrologue));
  const Told whole = Listen(role, options, bytes, bytes.size() + 1);
  const Told split = Listen(role, options, bytes, data[1] % 64 + 1);
  Check(split.has_failed == whole.has_failed && split.events == whole.events);
  Serve(role, options, bytes, all.substr(0, std::min<size_t>(all.size(), 64)));
}

}  // namespace
}  // namespace weir::http2

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  weir::http2::TryInput(data, size);
  return 0;
}
