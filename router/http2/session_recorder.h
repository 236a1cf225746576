// For tests: writes down what a session tells, as lines of text, and lets two sessions talk to each other.

#ifndef WEIR_ROUTER_HTTP2_SESSION_RECORDER_H_
#define WEIR_ROUTER_HTTP2_SESSION_RECORDER_H_

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "router/http2/session.h"

namespace weir::http2 {

// Owns a session. Pieces of a body that follow each other are joined in one line, so that the lines do not depend on
// how the bytes were split. Consumes what arrives at once, unless `is_consuming` is off.
class SessionRecorder : public SessionEvents {
 public:
  explicit SessionRecorder(Role role, const SessionOptions& options = {});

  Session& session() { return *session_; }
  // "H1 :status=200 x=y$", "D1 <bytes>$", "R1 8 peer", "S1 <bytes>", "G<last> <code> <debug>", "settings", "pong <n>";
  // "$": END_STREAM.
  const std::vector<std::string>& events() const { return events_; }
  // The events since the last call.
  std::vector<std::string> Take() {
    last_data_ = 0;
    return std::exchange(events_, {});
  }
  std::string body(StreamId stream) const;
  size_t received_bytes() const { return received_bytes_; }

  bool is_consuming = true;
  bool is_recording_sent = false;  // OnDataSent as "S" lines.
  std::function<void(StreamId, const HeaderList&, bool end_stream)> on_headers;
  std::function<void(StreamId, const Slice&, bool end_stream)> on_data;
  std::function<void(StreamId, size_t)> on_sent;

  absl::Status Receive(std::string_view bytes);
  // What is in the output now, after a Pump; at most `limit` bytes of it are taken.
  std::string TakeOutput(size_t limit = SIZE_MAX);

  absl::Time now = absl::UnixEpoch();

  void OnHeaders(StreamId stream, HeaderList& headers, bool end_stream) override;
  void OnData(StreamId stream, Slice data, uint32_t flow_bytes, bool end_stream) override;
  void OnReset(StreamId stream, ErrorCode code, bool by_peer) override;
  void OnDataSent(StreamId stream, size_t bytes) override;
  void OnGoAway(StreamId last_stream, ErrorCode code, std::string_view debug_data) override;
  void OnSettings() override;
  void OnPingAck(uint64_t payload) override;

 private:
  std::vector<std::string> events_;
  std::vector<std::pair<StreamId, std::string>> bodies_;
  size_t received_bytes_ = 0;
  StreamId last_data_ = 0;  // The stream of the last line, if that is an unfinished "D".
  std::unique_ptr<Session> session_;
};

// A list from {"name", "value", ...}.
HeaderList Fields(const std::vector<std::string_view>& names_and_values);
HeaderList Request(std::string_view path = "/s/m");
HeaderList Response();
HeaderList Trailers();

// Carries bytes both ways until both are silent.
void Exchange(SessionRecorder& a, SessionRecorder& b);

// Raw frames.
std::string Frame(FrameType type, uint8_t flags, StreamId stream, std::string_view payload);
std::string Number(uint32_t value);
// A block that uses no table and changes none, but for a table of size 0.
std::string EncodedBlock(const HeaderList& headers);
std::string HeadersFrame(StreamId stream, const HeaderList& headers, bool end_stream);
std::string Setting(SettingId id, uint32_t value);

}  // namespace weir::http2

#endif  // WEIR_ROUTER_HTTP2_SESSION_RECORDER_H_
