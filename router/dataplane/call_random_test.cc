// Calls under random schedules: whatever clients and models do, nothing is left behind, and every window is given back.

#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "router/dataplane/call_simulation.h"

namespace weir::dataplane {
namespace {

using http2::ErrorCode;
using http2::Fields;
using http2::Response;
using http2::Slice;
using http2::StreamId;

// Keeps back what a peer has not "read", and gives it back later.
class LazyReader {
 public:
  explicit LazyReader(http2::SessionRecorder& peer) : peer_(&peer) {
    peer.is_consuming = false;
    peer.on_data = [this](StreamId stream, const Slice& data, bool) { unread_.push_back({stream, data.size()}); };
  }
  void Read() {
    for (const auto& [stream, bytes] : unread_) peer_->session().Consume(stream, static_cast<uint32_t>(bytes));
    unread_.clear();
  }

 private:
  http2::SessionRecorder* peer_;
  std::vector<std::pair<StreamId, size_t>> unread_;
};

class RandomCalls {
 public:
  explicit RandomCalls(uint32_t seed) : rng_(seed) {
    calls_.table().experiments[0].mirrors = {{2, config::Percent::All()}};
    calls_.table().experiments[0].variants = {{"baseline", 50}, {"candidate", 50}};
    calls_.table().routes.push_back({{"*", ""}, 0, false});
    calls_.table().experiments.push_back(calls_.table().experiments[0]);
    routing::ExperimentRoute& by_body = calls_.table().experiments[1];
    by_body.match = {"inference.GRPCInferenceService", ""};
    by_body.run = 8;
    by_body.sequence = config::SequenceKey{"", "chat", "first", "last"};
    by_body.parameters = {"chat", "first", "last"};
    client_reader_ = std::make_unique<LazyReader>(calls_.client());
    for (size_t i = 0; i < calls_.models_.size(); ++i) Watch(i);
  }

  void Step() {
    switch (rng_() % 17) {
      case 16:
        return ChangeWeights();
      case 0:
      case 1:
      case 2:
        return Ask();
      case 3:
      case 4:
        return ClientSends();
      case 5:
        return calls_.client().session().Reset(AnyClientStream(), ErrorCode::kCancel);
      case 6:
      case 7:
      case 8:
        return ModelAnswers();
      case 9:
        return ModelResets();
      case 10:
        return client_reader_->Read();
      case 11:
        return ReadAtModels();
      case 12:
        return calls_.Advance(absl::Milliseconds(rng_() % 200));
      case 13:
        return MaybeLoseAModel();
      default:
        return calls_.Run();
    }
  }

  // Everybody reads, every model answers nothing more, and time passes.
  void EndAll() {
    for (int round = 0; round < 200; ++round) {
      client_reader_->Read();
      ReadAtModels();
      calls_.Run();
    }
    for (StreamId stream = 1; stream < next_stream_; stream += 2) {
      calls_.client().session().Reset(stream, ErrorCode::kCancel);
    }
    calls_.Run();
    calls_.Advance(absl::Hours(1));
  }

  // Larger than the connections' windows: it only passes if those are whole.
  void ExpectWholeWindows() {
    calls_.LoseModel(0);
    calls_.ConnectModel(0);
    calls_.Run();
    calls_.client().is_consuming = true;
    calls_.client().on_data = nullptr;
    const std::string body(3'000'000, 'z');
    const StreamId stream = calls_.Ask("/plain.S/M", body, true);
    EXPECT_EQ(calls_.model(0).body(1).size(), body.size());
    calls_.model(0).session().SendHeaders(1, Response(), false);
    calls_.model(0).session().SendData(1, Slice::Copy(body), false);
    calls_.model(0).session().SendHeaders(1, Fields({"grpc-status", "0"}), true);
    calls_.Run();
    EXPECT_EQ(calls_.client().body(stream).size(), body.size());
  }

  CallSimulation calls_;

 private:
  void Watch(size_t i) {
    readers_.resize(std::max(readers_.size(), i + 1));
    readers_[i] = std::make_unique<LazyReader>(calls_.model(i));
    model_streams_[i].clear();
    calls_.model(i).on_headers = [this, i](StreamId stream, const http2::HeaderList&, bool) {
      model_streams_[i].push_back(stream);
    };
  }
  bool IsAlive(size_t i) { return calls_.models_[i].connection != nullptr; }
  // What a ModelInferRequest has for one parameter (field 4 of it), and a tensor: the message is cut anywhere.
  std::string InferBody() {
    const auto field = [](char number, const std::string& payload) {
      return std::string{static_cast<char>(number << 3 | 2), static_cast<char>(payload.size())} + payload;
    };
    const auto entry = [&](const std::string& name, const std::string& value) {
      return field(4, field(1, name) + field(2, value));
    };
    std::string message = entry("chat", field(3, std::string(1, static_cast<char>('a' + rng_() % 4))));
    if (rng_() % 4 == 0) message += entry("first", {'\x08', '\x01'});
    if (rng_() % 4 == 0) message += entry("last", {'\x08', '\x01'});
    for (size_t tensors = rng_() % 200; tensors > 0; --tensors) message += field(7, std::string(rng_() % 128, 't'));
    const std::string body = Message(message) + (rng_() % 2 ? Body() : "");
    return rng_() % 2 ? body : body.substr(0, rng_() % body.size());
  }
  std::string Body() { return std::string(rng_() % (rng_() % 4 == 0 ? 100'000 : 200), 'b'); }
  StreamId AnyClientStream() { return next_stream_ == 1 ? 1 : 1 + 2 * (rng_() % (next_stream_ / 2)); }

  void Ask() {
    const char* const paths[] = {"/exp.S/M", "/plain.S/M", "/web.S/M", "/inference.GRPCInferenceService/ModelInfer"};
    std::vector<std::string_view> more = {"x-user", rng_() % 2 ? "u" : "v"};
    if (rng_() % 3 == 0) more.insert(more.end(), {"grpc-timeout", "150m"});
    const size_t path = rng_() % 4;
    const StreamId stream = calls_.Ask(paths[path], path == 3 ? InferBody() : Body(), rng_() % 2 == 0, more);
    if (stream != 0) next_stream_ = stream + 2;
  }
  void ChangeWeights() {
    const uint32_t weight = rng_() % 101;
    for (auto& experiment : calls_.table().experiments) {
      experiment.variants = {{"baseline", 100 - weight}, {"candidate", weight}};
    }
  }
  void ClientSends() {
    if (rng_() % 10 == 0) {
      calls_.client().session().SendHeaders(AnyClientStream(), Fields({"sum", "1"}), true);
    } else {
      calls_.client().session().SendData(AnyClientStream(), Slice::Copy(Body()), rng_() % 3 == 0);
    }
  }
  void ModelAnswers() {
    const size_t i = rng_() % 3;
    if (!IsAlive(i) || model_streams_[i].empty()) return;
    const StreamId stream = model_streams_[i][rng_() % model_streams_[i].size()];
    http2::Session& model = calls_.model(i).session();
    switch (rng_() % 6) {
      case 0:
        model.SendHeaders(stream, Fields({":status", "200", "grpc-status", "5"}), true);
        break;
      case 1:
        model.SendHeaders(stream, Fields({":status", "503"}), true);
        break;
      default:
        model.SendHeaders(stream, Response(), false);
        model.SendData(stream, Slice::Copy(Body()), rng_() % 8 == 0);
        if (rng_() % 2 == 0) model.SendHeaders(stream, Fields({"grpc-status", "0"}), true);
    }
    // Headers are sent once: the stream is not answered again, and stays open unless it was ended.
    std::erase(model_streams_[i], stream);
    calls_.Run();
  }
  void ModelResets() {
    const ErrorCode codes[] = {ErrorCode::kRefusedStream, ErrorCode::kCancel, ErrorCode::kNoError,
                               ErrorCode::kInternalError};
    const size_t i = rng_() % 3;
    if (!IsAlive(i)) return;
    calls_.model(i).session().Reset(1 + 2 * (rng_() % 40), codes[rng_() % 4]);
  }
  void ReadAtModels() {
    for (size_t i = 0; i < readers_.size(); ++i) {
      if (IsAlive(i)) readers_[i]->Read();
    }
  }
  void MaybeLoseAModel() {
    const size_t i = rng_() % 3;
    switch (rng_() % 6) {
      case 0:
        calls_.LoseModel(i);
        calls_.models_.SetHealthy(i, rng_() % 2 == 0);
        break;
      case 1:
        if (!IsAlive(i)) break;
        calls_.model(i).session().SendGoAway(calls_.model(i).session().last_peer_stream(), ErrorCode::kNoError, "");
        calls_.Run();
        [[fallthrough]];
      default:
        if (IsAlive(i) && !calls_.models_[i].connection->port.session().goaway_received()) break;
        calls_.LoseModel(i);
        calls_.ConnectModel(i);
        Watch(i);
    }
    calls_.Run();
  }

  std::mt19937 rng_;
  StreamId next_stream_ = 1;
  std::unique_ptr<LazyReader> client_reader_;
  std::vector<std::unique_ptr<LazyReader>> readers_;
  std::vector<StreamId> model_streams_[3];
};

int64_t UncomparedOf(const stats::CountsDelta& counts) {
  int64_t calls = 0;
  for (const auto& [key, of] : counts.inference) {
    calls += std::accumulate(of.uncompared().begin(), of.uncompared().end(), int64_t{0});
  }
  return calls;
}

// Compared or not, each is one of those that the rule gave to somebody.
void ExpectNoCallIsAssignedTwice(const stats::CountsDelta& counts) {
  int64_t given = 0, assigned = UncomparedOf(counts);
  for (const auto& [key, served] : counts.served) given += served.assigned;
  for (const auto& [key, of] : counts.inference) assigned += of.started();
  EXPECT_LE(assigned, given);
}

TEST(RandomCallsTest, LeaveNothingBehindAndGiveEveryWindowBack) {
  const char* const given = std::getenv("WEIR_TEST_SEED");
  int64_t uncompared = 0;
  const uint32_t first = given != nullptr ? std::strtoul(given, nullptr, 10) : std::random_device()();
  for (uint32_t seed = first; seed != first + (given != nullptr ? 1 : 60); ++seed) {
    SCOPED_TRACE(testing::Message() << "WEIR_TEST_SEED=" << seed);
    RandomCalls random(seed);
    for (int step = 0; step < 400; ++step) random.Step();
    random.EndAll();
    EXPECT_EQ(random.calls_.calls_.in_flight(), 0u);
    EXPECT_EQ(random.calls_.mirrors_.in_flight(), 0u);
    EXPECT_EQ(random.calls_.mirrors_.unsent_bytes(), 0u);
    EXPECT_LE(random.calls_.services_.sequences.size(), 2 * 4u);  // Of two users.
    for (const auto& [key, counts] : random.calls_.counts().inference) EXPECT_EQ(counts.started(), counts.ended());
    ExpectNoCallIsAssignedTwice(random.calls_.counts());
    uncompared += UncomparedOf(random.calls_.counts());
    random.ExpectWholeWindows();
    if (testing::Test::HasFailure()) return;
  }
  if (given == nullptr) {
    EXPECT_GT(uncompared, 0) << "among them are some that were diverted";
  }
}

}  // namespace
}  // namespace weir::dataplane
