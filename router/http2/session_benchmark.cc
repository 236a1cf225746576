// A client and a server session back to back in memory: what HTTP/2 itself costs, both sides together, without a
// kernel.

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include "router/http2/session.h"

namespace weir::http2 {
namespace {

constexpr size_t kBlockBytes = 256 * 1024;
constexpr int kStreams = 32;

// What both ends share: a session, and the bytes it gets.
class End : public SessionEvents {
 public:
  explicit End(Role role) : session_(Session::Create(role, {}, this)) {}
  ~End() override {
    if (block_ != nullptr) block_->Unref();
  }
  Session& session() { return *session_; }

  // Copies what `from` has to send, as a socket would, and receives it. False if there was nothing.
  bool ReceiveFrom(Session& from) {
    from.Pump();
    Output& output = from.output();
    if (output.empty()) return false;
    if (block_ == nullptr || block_->is_shared()) {
      if (block_ != nullptr) block_->Unref();
      block_ = Block::Make(kBlockBytes);
    }
    iovec vectors[64];
    size_t size = 0;
    for (size_t i = 0, n = output.Gather(vectors); i < n && size + vectors[i].iov_len <= kBlockBytes; ++i) {
      std::memcpy(block_->data() + size, vectors[i].iov_base, vectors[i].iov_len);
      size += vectors[i].iov_len;
    }
    output.Drop(size);
    if (!session_->Receive(Slice(block_, block_->data(), size), absl::UnixEpoch()).ok()) std::abort();
    return true;
  }

  void OnReset(StreamId, ErrorCode, bool) override { std::abort(); }
  void OnDataSent(StreamId, size_t) override {}
  void OnGoAway(StreamId, ErrorCode, std::string_view) override { std::abort(); }
  void OnSettings() override {}
  void OnPingAck(uint64_t) override {}

 private:
  std::unique_ptr<Session> session_;
  Block* block_ = nullptr;
};

class Echo : public End {
 public:
  Echo() : End(Role::kServer) {
    headers_.Add(":status", "200");
    headers_.Add("content-type", "application/grpc");
    headers_.Add("grpc-accept-encoding", "identity,deflate,gzip");
    trailers_.Add("grpc-status", "0");
  }
  void OnHeaders(StreamId stream, HeaderList&, bool) override { session().SendHeaders(stream, headers_, false); }
  void OnData(StreamId stream, Slice data, uint32_t flow_bytes, bool end_stream) override {
    session().SendData(stream, std::move(data), false);
    session().Consume(stream, flow_bytes);
    if (end_stream) session().SendHeaders(stream, trailers_, true);
  }

 private:
  HeaderList headers_;
  HeaderList trailers_;
};

class Caller : public End {
 public:
  Caller() : End(Role::kClient) {}
  void OnHeaders(StreamId, HeaderList&, bool end_stream) override { finished_ += end_stream; }
  void OnData(StreamId stream, Slice, uint32_t flow_bytes, bool) override { session().Consume(stream, flow_bytes); }
  int64_t finished() const { return finished_; }

 private:
  int64_t finished_ = 0;
};

void RunCalls(benchmark::State& state, int varying_fields) {
  Caller caller;
  Echo echo;
  const Slice body = Slice::Copy(std::string(static_cast<size_t>(state.range(0)), 'x'));
  uint64_t number = 0;
  for (auto _ : state) {
    for (int i = 0; i < kStreams; ++i) {
      HeaderList request;
      request.Add(":method", "POST");
      request.Add(":scheme", "http");
      request.Add(":path", "/inference.GRPCInferenceService/ModelInfer");
      request.Add(":authority", "127.0.0.1:8080");
      request.Add("te", "trailers");
      request.Add("content-type", "application/grpc");
      request.Add("user-agent", "grpc-c++/1.51.1 grpc-c/29.0.0 (linux; chttp2)");
      request.Add("grpc-accept-encoding", "identity, deflate, gzip");
      const std::string value = "user-" + std::to_string(++number);
      if (varying_fields > 0) request.Add("x-user-id", value, Indexing::kNever);
      if (varying_fields > 1) request.Add("grpc-timeout", "999713u");
      if (varying_fields > 2) request.Add("x-request-id", "2f1acc6c-3a0c-4cb7-8f5e-4a1a2b3c4d5e");
      const StreamId stream = caller.session().StartRequest(request, false);
      caller.session().SendData(stream, body, true);
    }
    while (echo.ReceiveFrom(caller.session()) | caller.ReceiveFrom(echo.session())) {
    }
  }
  if (caller.finished() != static_cast<int64_t>(state.iterations()) * kStreams) std::abort();
  state.counters["ns_per_request"] = benchmark::Counter(static_cast<double>(state.iterations()) * kStreams * 1e-9,
                                                        benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void UnaryCall(benchmark::State& state) { RunCalls(state, 1); }
void UnaryCallWithTracing(benchmark::State& state) { RunCalls(state, 3); }
BENCHMARK(UnaryCall)->Arg(128)->Arg(4096)->Arg(65536);
BENCHMARK(UnaryCallWithTracing)->Arg(128);

}  // namespace
}  // namespace weir::http2
