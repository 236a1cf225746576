#include "router/dataplane/data_plane.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "router/dataplane/loopback_peers.h"
#include "router/dataplane/own_reply.h"
#include "router/runtime/lock.h"

namespace weir::dataplane {
namespace {

using http2::StreamId;
using testing::HasSubstr;

constexpr char kPath[] = "/exp.S/M";

// Keeps what workers report, merged.
class Reports {
 public:
  ReportSink Sink() {
    return [this](stats::WorkerReport& report) {
      runtime::Lock lock(&mutex_);
      total_.Merge(report.delta);
      last_ = std::move(report);
      return true;
    };
  }
  stats::CountsDelta total() {
    runtime::Lock lock(&mutex_);
    return total_;
  }
  stats::WorkerReport last() {
    runtime::Lock lock(&mutex_);
    return last_;
  }

 private:
  absl::Mutex mutex_;
  stats::CountsDelta total_ ABSL_GUARDED_BY(mutex_);
  stats::WorkerReport last_ ABSL_GUARDED_BY(mutex_);
};

class DataPlaneTest : public testing::Test {
 protected:
  void Start(int workers = 1, absl::Duration grace = absl::Seconds(10), OutcomeSink outcome = nullptr) {
    DataPlaneOptions options;
    options.listener = {"127.0.0.1", 0};
    options.workers = workers;
    options.drain_grace = grace;
    options.tickets = &sealer_;
    auto plane = DataPlane::Create(options, runtime::Clock(), {reports_.Sink(), std::move(outcome)});
    ASSERT_TRUE(plane.ok()) << plane.status();
    plane_ = *std::move(plane);
    plane_->Serve();
  }

  static config::Address At(uint16_t port) { return {"127.0.0.1", port}; }

  // Model i is at ports[i]; variants 0 (the default, weight `first`) and 1, where there is a second; 2 is a mirror.
  static std::shared_ptr<routing::RouteTable> Table(const std::vector<uint16_t>& ports, uint32_t first = 100) {
    auto table = std::make_shared<routing::RouteTable>();
    table->version = 1;
    const char* const names[] = {"baseline", "candidate", "shadow"};
    for (size_t i = 0; i < ports.size(); ++i) table->models.push_back({names[i], {At(ports[i])}, {}, {}});
    routing::ExperimentRoute experiment;
    experiment.name = "exp";
    experiment.match = {"exp.S", ""};
    experiment.run = 7;
    experiment.epoch = 3;
    experiment.key_sources = {{"x-user"}};
    experiment.error_codes = 1u << 14;
    experiment.variants = {{"baseline", first}};
    experiment.variant_models = {0};
    if (ports.size() > 1) {
      experiment.variants.push_back({"candidate", 100 - first});
      experiment.variant_models.push_back(1);
    }
    if (ports.size() > 2) experiment.mirrors = {{2, config::Percent::All()}};
    table->experiments.push_back(experiment);
    return table;
  }

  // Publishes, and waits until a worker's report says that the table is in force with these endpoints ready.
  void Publish(std::shared_ptr<routing::RouteTable> table, std::vector<uint16_t> healthy) {
    table->version = ++version_;
    plane_->Publish(table);
    ASSERT_TRUE(net_.RunUntil([&] {
      const stats::WorkerReport last = reports_.last();
      return last.table_version == version_ && last.healthy_endpoints == healthy;
    }));
  }

  bool WaitFor(LoopbackClient& client, StreamId stream) {
    return net_.RunUntil([&] { return client[stream].is_over(); });
  }
  // A whole call; its status.
  std::string Call(LoopbackClient& client, std::string_view body = "x") {
    const StreamId stream = client.Ask(kPath, FrameMessage(body), true, {"x-user", "u"});
    if (!WaitFor(client, stream)) return "no answer";
    return client[stream].status();
  }
  static std::string Header(const SeenStream& stream, std::string_view name) {
    return std::string(stream.headers.Find(name).value_or(""));
  }

  Loopback net_;
  Reports reports_;
  TicketSealer sealer_{TicketKeys{.secrets = {std::string(32, 'k')}}};
  uint64_t version_ = 0;
  std::unique_ptr<DataPlane> plane_;
};

TEST_F(DataPlaneTest, ACallGoesToItsModelAndBack) {
  LoopbackModel model(net_);
  Start();
  Publish(Table({model.port()}), {1});
  LoopbackClient client(net_, plane_->port());
  const StreamId stream = client.Ask(kPath, FrameMessage("hello"), true, {"x-user", "u"});
  ASSERT_TRUE(WaitFor(client, stream));
  EXPECT_EQ(client[stream].body, FrameMessage("hello"));
  EXPECT_EQ(client[stream].status(), "0");
  EXPECT_EQ(Header(client[stream], "x-weir-variant"), "baseline");
  EXPECT_EQ(Header(client[stream], "x-weir-reason"), "assigned");
  EXPECT_TRUE(net_.RunUntil([&] { return reports_.total().inference[{7, 3, 0}].ended() == 1; }));
  EXPECT_GT(reports_.total().proxy.bytes_from_clients, 0);
  EXPECT_EQ(reports_.last().connections, 1);
}

TEST_F(DataPlaneTest, BeforeItsFirstTableEveryCallIsUnimplemented) {
  Start();
  LoopbackClient client(net_, plane_->port());
  EXPECT_EQ(Call(client), "12");
}

TEST_F(DataPlaneTest, CallsThatComeBeforeTheFirstConnectionIsThereWaitForIt) {
  LoopbackModel model(net_);
  Start();
  LoopbackClient client(net_, plane_->port());
  plane_->Publish(Table({model.port()}));
  EXPECT_THAT(Call(client), testing::AnyOf("0", "12"));  // 12: asked before the worker adopted the table.
  EXPECT_EQ(Call(client), "0");
}

TEST_F(DataPlaneTest, AThousandStreamsAtOnceAreAllAnswered) {
  LoopbackModel model(net_);
  std::vector<std::pair<LoopbackPeer*, StreamId>> waiting;
  model.on_request = [&](LoopbackPeer& peer, StreamId stream) { waiting.push_back({&peer, stream}); };
  Start();
  Publish(Table({model.port()}), {1});
  LoopbackClient client(net_, plane_->port());
  std::vector<StreamId> streams;
  for (int i = 0; i < 1000; ++i) streams.push_back(client.Ask(kPath, FrameMessage(std::to_string(i))));
  // The connections' windows and the model's limit of streams hold; all of them are under way at once.
  ASSERT_TRUE(net_.RunUntil([&] { return waiting.size() == 1000; }));
  for (const auto& [peer, stream] : waiting) LoopbackModel::Echo(*peer, stream);
  for (size_t i = 0; i < streams.size(); ++i) {
    ASSERT_TRUE(WaitFor(client, streams[i])) << i;
    EXPECT_EQ(client[streams[i]].body, FrameMessage(std::to_string(i)));
  }
}

TEST_F(DataPlaneTest, LargeMessagesPassWholeBothWays) {
  LoopbackModel model(net_);
  Start();
  Publish(Table({model.port()}), {1});
  LoopbackClient client(net_, plane_->port());
  std::string message(4 * 1024 * 1024, '\0');
  for (size_t i = 0; i < message.size(); ++i) message[i] = static_cast<char>(i * 2654435761u >> 24);
  const StreamId stream = client.Ask(kPath, FrameMessage(message));
  ASSERT_TRUE(WaitFor(client, stream));
  EXPECT_EQ(client[stream].body, FrameMessage(message));
}

TEST_F(DataPlaneTest, AClientThatDoesNotReadStallsNobodyElse) {
  LoopbackModel model(net_);
  model.on_request = [](LoopbackPeer& peer, StreamId stream) {
    LoopbackModel::Reply(peer, stream, std::string(peer[stream].body.size() > 100 ? 10'000'000 : 10, 'a'));
  };
  Start();
  Publish(Table({model.port()}), {1});
  std::vector<std::unique_ptr<LoopbackClient>> lazy;
  for (int i = 0; i < 30; ++i) {
    lazy.push_back(std::make_unique<LoopbackClient>(net_, plane_->port()));
    lazy.back()->peer().is_reading = false;
    lazy.back()->Ask(kPath, FrameMessage(std::string(200, 'x')));
  }
  ASSERT_TRUE(net_.RunUntil([&] { return model.requests() == 30; }));
  LoopbackClient quick(net_, plane_->port());
  for (int i = 0; i < 20; ++i) EXPECT_EQ(Call(quick), "0");
}

TEST_F(DataPlaneTest, AVariantWithoutAShareIsKeptWarmAndSwitchedToOverTheConnectionThatItHas) {
  LoopbackModel blue(net_), green(net_);
  Start();
  LoopbackClient client(net_, plane_->port());
  for (const uint32_t share : {100, 0, 100, 0}) {
    Publish(Table({blue.port(), green.port()}, share), {1, 1});
    EXPECT_EQ(Call(client), "0");
    EXPECT_EQ(blue.connections().size(), 1u);
    EXPECT_EQ(green.connections().size(), 1u);
  }
  EXPECT_EQ(blue.requests(), 2u);
  EXPECT_EQ(green.requests(), 2u);
}

TEST_F(DataPlaneTest, EveryWorkerEndsItsCallsOnARolledBackCandidate) {
  LoopbackModel baseline(net_), candidate(net_);
  candidate.on_request = [](LoopbackPeer&, StreamId) {};
  Start(3);
  auto table = Table({baseline.port(), candidate.port()}, 0);
  Publish(table, {1, 1});
  std::vector<std::unique_ptr<LoopbackClient>> clients;
  for (int i = 0; i < 6; ++i) {
    clients.push_back(std::make_unique<LoopbackClient>(net_, plane_->port()));
    clients.back()->Ask(kPath, FrameMessage("x"), true, {"x-user", "u"});
  }
  ASSERT_TRUE(net_.RunUntil([&] { return candidate.requests() == 6; }));
  table = std::make_shared<routing::RouteTable>(*table);
  table->experiments[0].variants = {{"baseline", 1}, {"candidate", 0}};
  table->experiments[0].drained_by = absl::FromUnixSeconds(1);
  plane_->Publish(table);
  for (const auto& client : clients) {
    ASSERT_TRUE(net_.RunUntil([&] { return (*client)[1].is_over(); }));
    EXPECT_EQ((*client)[1].status(), "14");
  }
  EXPECT_TRUE(net_.RunUntil([&] { return reports_.total().served[{7, 0, 1}].drained == 6; }));
  const stats::CountsKey key{7, 0, 1};
  EXPECT_EQ(reports_.total().served[key].errors, 0);
}

// --- Models that come and go.

TEST_F(DataPlaneTest, AModelThatIsNotThereIsUnavailableAndIsFoundWhenItComes) {
  uint16_t port;
  {
    LoopbackModel model(net_);
    port = model.port();
  }
  Start();
  Publish(Table({port}), {0});
  LoopbackClient client(net_, plane_->port());
  ASSERT_TRUE(net_.RunUntil([&] { return Call(client) == "14"; }));
  LoopbackModel model(net_, port);
  EXPECT_TRUE(net_.RunUntil([&] { return Call(client) == "0"; }));
}

TEST_F(DataPlaneTest, AModelThatDiesMidCallIsUnavailableAndItsClientStaysConnected) {
  auto model = std::make_unique<LoopbackModel>(net_);
  const uint16_t port = model->port();
  model->on_request = [](LoopbackPeer&, StreamId) {};
  Start();
  Publish(Table({port}), {1});
  LoopbackClient client(net_, plane_->port());
  const StreamId stream = client.Ask(kPath, FrameMessage("x"), true, {"x-user", "u"});
  ASSERT_TRUE(net_.RunUntil([&] { return model->requests() == 1; }));
  model.reset();
  ASSERT_TRUE(WaitFor(client, stream));
  EXPECT_EQ(client[stream].status(), "14");
  LoopbackModel next(net_, port);
  EXPECT_TRUE(net_.RunUntil([&] { return Call(client) == "0"; }));
  EXPECT_FALSE(client.peer().is_closed());
  EXPECT_TRUE(net_.RunUntil([&] { return reports_.total().inference[{7, 3, 0}].errors() == 1; }));
}

TEST_F(DataPlaneTest, AServersGracefulGoAwayLosesNoCall) {
  LoopbackModel model(net_);
  Start();
  Publish(Table({model.port()}), {1});
  LoopbackClient client(net_, plane_->port());
  for (int round = 0; round < 2; ++round) {
    // The server goes while calls keep coming; those that it has not seen move to its next connection.
    std::vector<StreamId> streams;
    for (int i = 0; i < 50; ++i) streams.push_back(client.Ask(kPath, FrameMessage("x")));
    http2::Session& session = model.connections().back()->session();
    session.SendGoAway(session.last_peer_stream(), http2::ErrorCode::kNoError, "");
    for (int i = 0; i < 50; ++i) streams.push_back(client.Ask(kPath, FrameMessage("x")));
    for (const StreamId stream : streams) {
      ASSERT_TRUE(WaitFor(client, stream));
      EXPECT_EQ(client[stream].status(), "0");
    }
  }
  EXPECT_EQ(model.connections().size(), 3u);
}

TEST_F(DataPlaneTest, AServersLimitOfOneStreamIsNeverExceeded) {
  http2::SessionOptions one;
  one.max_concurrent_streams = 1;
  LoopbackModel model(net_, 0, one);
  Start();
  Publish(Table({model.port()}), {1});
  LoopbackClient client(net_, plane_->port());
  std::vector<StreamId> streams;
  for (int i = 0; i < 100; ++i) streams.push_back(client.Ask(kPath, FrameMessage("x")));
  for (const StreamId stream : streams) {
    ASSERT_TRUE(WaitFor(client, stream));
    EXPECT_EQ(client[stream].status(), "0");
  }
  EXPECT_LE(model.connections().size(), 8u);
  for (const auto& connection : model.connections()) {
    EXPECT_LE(connection->most_streams_at_once(), 1u);
    for (const auto& [stream, seen] : connection->streams()) EXPECT_FALSE(seen.reset.has_value());
  }
}

TEST_F(DataPlaneTest, CallsAreSpreadOverTheEndpointsOfAModel) {
  LoopbackModel first(net_), second(net_);
  auto table = Table({first.port()});
  table->models[0].endpoints.push_back(At(second.port()));
  Start();
  Publish(table, {2});
  LoopbackClient client(net_, plane_->port());
  for (int i = 0; i < 20; ++i) EXPECT_EQ(Call(client), "0");
  EXPECT_EQ(first.requests(), 10u);
  EXPECT_EQ(second.requests(), 10u);
}

TEST_F(DataPlaneTest, ANewTableMovesCallsAndLetsTheOldOnesEnd) {
  LoopbackModel old_model(net_), new_model(net_);
  StreamId at_old = 0;
  old_model.on_request = [&](LoopbackPeer&, StreamId stream) { at_old = stream; };
  Start();
  Publish(Table({old_model.port()}), {1});
  LoopbackClient client(net_, plane_->port());
  const StreamId under_way = client.Ask(kPath, FrameMessage("x"));
  ASSERT_TRUE(net_.RunUntil([&] { return old_model.requests() == 1; }));
  Publish(Table({new_model.port()}), {1});
  EXPECT_EQ(Call(client), "0");
  EXPECT_EQ(new_model.requests(), 1u);
  LoopbackModel::Echo(*old_model.connections().front(), at_old);
  ASSERT_TRUE(WaitFor(client, under_way));
  EXPECT_EQ(client[under_way].status(), "0");
  EXPECT_TRUE(net_.RunUntil([&] { return old_model.open_connections() == 0; }));
}

TEST_F(DataPlaneTest, ACandidateThatSaysItIsNotReadyIsDivertedAndComesBack) {
  LoopbackModel baseline(net_), candidate(net_);
  bool is_ready = false;
  candidate.on_request = [&](LoopbackPeer& peer, StreamId stream) {
    if (peer[stream].headers.Find(":path") == "/inference.GRPCInferenceService/ModelReady") {
      return LoopbackModel::Reply(peer, stream, FrameMessage(is_ready ? "\x08\x01" : ""));
    }
    LoopbackModel::Echo(peer, stream);
  };
  auto table = Table({baseline.port(), candidate.port()}, 0);
  table->models[1].health = config::HealthCheck{"ModelReady", absl::Milliseconds(20)};
  Start();
  Publish(table, {1, 0});
  LoopbackClient client(net_, plane_->port());
  StreamId stream = client.Ask(kPath, FrameMessage("x"), true, {"x-user", "u"});
  ASSERT_TRUE(WaitFor(client, stream));
  EXPECT_EQ(Header(client[stream], "x-weir-reason"), "diverted");
  EXPECT_EQ(Header(client[stream], "x-weir-variant"), "baseline");
  is_ready = true;
  ASSERT_TRUE(net_.RunUntil([&] { return reports_.last().healthy_endpoints == std::vector<uint16_t>({1, 1}); }));
  stream = client.Ask(kPath, FrameMessage("x"), true, {"x-user", "u"});
  ASSERT_TRUE(WaitFor(client, stream));
  EXPECT_EQ(Header(client[stream], "x-weir-reason"), "assigned");
}

TEST_F(DataPlaneTest, AModelIsFoundByItsName) {
  LoopbackModel model(net_);
  auto table = Table({model.port()});
  table->models[0].endpoints[0].host = "localhost";
  Start();
  Publish(table, {1});
  LoopbackClient client(net_, plane_->port());
  EXPECT_EQ(Call(client), "0");
}

// --- Mirrors.

TEST_F(DataPlaneTest, AMirrorThatIsDeadOrSilentHarmsNoCall) {
  LoopbackModel baseline(net_), candidate(net_);
  auto shadow = std::make_unique<LoopbackModel>(net_);
  shadow->on_request = [](LoopbackPeer&, StreamId) {};
  Start();
  Publish(Table({baseline.port(), candidate.port(), shadow->port()}), {1, 1, 0});
  LoopbackClient client(net_, plane_->port());
  for (int i = 0; i < 20; ++i) EXPECT_EQ(Call(client), "0");
  EXPECT_TRUE(net_.RunUntil([&] { return shadow->requests() > 0; }));
  shadow.reset();
  for (int i = 0; i < 20; ++i) EXPECT_EQ(Call(client), "0");
}

TEST_F(DataPlaneTest, ItCanEndWhileCallsAndCopiesAreUnderWay) {
  LoopbackModel baseline(net_), candidate(net_), shadow(net_);
  for (LoopbackModel* model : {&baseline, &candidate, &shadow}) model->on_request = [](LoopbackPeer&, StreamId) {};
  Start();
  Publish(Table({baseline.port(), candidate.port(), shadow.port()}), {1, 1, 0});
  LoopbackClient client(net_, plane_->port());
  for (int i = 0; i < 20; ++i) client.Ask(kPath, FrameMessage("x"));
  ASSERT_TRUE(net_.RunUntil([&] { return shadow.requests() == 20; }));
  plane_.reset();
  EXPECT_TRUE(net_.RunUntil([&] { return client.peer().is_closed(); }));
}

// --- Workers and drain.

TEST_F(DataPlaneTest, ConnectionsAreHandedToTheWorkerThatHasTheFewest) {
  LoopbackModel model(net_);
  Start(4);
  plane_->Publish(Table({model.port()}));
  std::vector<std::unique_ptr<LoopbackClient>> clients;
  for (int i = 0; i < 8; ++i) clients.push_back(std::make_unique<LoopbackClient>(net_, plane_->port()));
  for (const auto& client : clients) EXPECT_EQ(Call(*client), "0");
  EXPECT_TRUE(net_.RunUntil([&] { return reports_.last().connections == 2; }));
}

TEST_F(DataPlaneTest, DrainingLosesNoCallUnderWayAndTellsItsClients) {
  LoopbackModel model(net_);
  std::vector<std::pair<LoopbackPeer*, StreamId>> waiting;
  model.on_request = [&](LoopbackPeer& peer, StreamId stream) { waiting.push_back({&peer, stream}); };
  Start(2);
  plane_->Publish(Table({model.port()}));
  std::vector<std::unique_ptr<LoopbackClient>> clients;
  for (int i = 0; i < 4; ++i) {
    clients.push_back(std::make_unique<LoopbackClient>(net_, plane_->port()));
    while (clients.back()->Ask(kPath, FrameMessage("x")) < 19) {
    }
  }
  ASSERT_TRUE(net_.RunUntil([&] { return waiting.size() == 40; }));
  plane_->BeginDrain();
  for (const auto& client : clients) ASSERT_TRUE(net_.RunUntil([&] { return client->peer().has_goaway(); }));
  for (const auto& [peer, stream] : waiting) LoopbackModel::Echo(*peer, stream);
  for (const auto& client : clients) {
    for (StreamId stream = 1; stream <= 19; stream += 2) {
      ASSERT_TRUE(WaitFor(*client, stream));
      EXPECT_EQ((*client)[stream].status(), "0");
    }
    client->peer().Close();
  }
  EXPECT_EQ(plane_->Join(), 0u);
}

TEST_F(DataPlaneTest, DrainingEndsAtItsGrace) {
  LoopbackModel model(net_);
  model.on_request = [](LoopbackPeer&, StreamId) {};
  Start(1, absl::Milliseconds(300));
  Publish(Table({model.port()}), {1});
  LoopbackClient client(net_, plane_->port());
  client.Ask(kPath, FrameMessage("x"));
  ASSERT_TRUE(net_.RunUntil([&] { return model.requests() == 1; }));
  plane_->BeginDrain();
  EXPECT_EQ(plane_->Join(), 1u);
  EXPECT_TRUE(net_.RunUntil([&] { return client.peer().is_closed(); }));
}

// --- The proxy's own services.

TEST_F(DataPlaneTest, AnOutcomeIsAnsweredWhenItIsCounted) {
  absl::Mutex mutex;
  std::vector<std::pair<stats::OutcomeReport, FeedbackReply>> taken;
  Start(1, absl::Seconds(10), [&](stats::OutcomeReport& report, FeedbackReply reply) {
    runtime::Lock lock(&mutex);
    taken.emplace_back(std::move(report), std::move(reply));
    return true;
  });
  stats::Ticket ticket;
  ticket.experiment = 5;
  ticket.sequence = 77;
  const std::string sealed = sealer_.Seal(ticket);
  // weir.v1.Outcome{ticket, {"correct": 1.0}}
  const std::string entry = std::string("\x0a\x07") + "correct" + std::string("\x11\0\0\0\0\0\0\xf0\x3f", 9);
  const std::string outcome = std::string("\x0a") + static_cast<char>(sealed.size()) + sealed + "\x12" +
                              static_cast<char>(entry.size()) + entry;
  LoopbackClient client(net_, plane_->port());
  const StreamId stream = client.Ask("/weir.v1.Feedback/Report", FrameMessage(outcome));
  ASSERT_TRUE(net_.RunUntil([&] {
    runtime::Lock lock(&mutex);
    return taken.size() == 1;
  }));
  EXPECT_EQ(taken[0].first.ticket.sequence, 77u);
  EXPECT_EQ(taken[0].first.metrics, (std::map<std::string, double>{{"correct", 1.0}}));
  EXPECT_FALSE(client[stream].is_over());
  taken[0].second(absl::OkStatus());
  ASSERT_TRUE(WaitFor(client, stream));
  EXPECT_EQ(client[stream].status(), "0");
  EXPECT_EQ(client[stream].body, FrameMessage(""));

  const StreamId again = client.Ask("/weir.v1.Feedback/Report", FrameMessage(outcome));
  ASSERT_TRUE(net_.RunUntil([&] {
    runtime::Lock lock(&mutex);
    return taken.size() == 2;
  }));
  taken[1].second(absl::AlreadyExistsError("reported before"));
  ASSERT_TRUE(WaitFor(client, again));
  EXPECT_EQ(client[again].status(), "6");

  std::string forged = outcome;
  forged[40] ^= 1;
  const StreamId bad = client.Ask("/weir.v1.Feedback/Report", FrameMessage(forged));
  ASSERT_TRUE(WaitFor(client, bad));
  EXPECT_THAT(client[bad].status(), testing::AnyOf("7", "3"));

  // A stream has a receipt for each report, in their order, whatever the order of the answers.
  const StreamId many = client.Ask("/weir.v1.Feedback/ReportStream",
                                   FrameMessage(outcome) + FrameMessage("\xff") + FrameMessage(outcome));
  ASSERT_TRUE(net_.RunUntil([&] {
    runtime::Lock lock(&mutex);
    return taken.size() == 4;
  }));
  taken[3].second(absl::OkStatus());
  taken[2].second(absl::OutOfRangeError(""));
  ASSERT_TRUE(WaitFor(client, many));
  EXPECT_EQ(client[many].status(), "0");
  EXPECT_EQ(client[many].body.substr(0, 7), FrameMessage("\x08\x0b"));
  EXPECT_THAT(client[many].body, HasSubstr(std::string("\x08\x03\x12")));
  EXPECT_TRUE(client[many].body.ends_with(FrameMessage("")));
}

TEST_F(DataPlaneTest, AFullControlThreadExhaustsResourcesAndLosesNothing) {
  Start(1, absl::Seconds(10), [](stats::OutcomeReport&, const FeedbackReply&) { return false; });
  const std::string sealed = sealer_.Seal({});
  const std::string entry = std::string("\x0a\x01") + "c" + std::string("\x11\0\0\0\0\0\0\xf0\x3f", 9);
  const std::string outcome = std::string("\x0a") + static_cast<char>(sealed.size()) + sealed + "\x12" +
                              static_cast<char>(entry.size()) + entry;
  LoopbackClient client(net_, plane_->port());
  const StreamId stream = client.Ask("/weir.v1.Feedback/Report", FrameMessage(outcome));
  ASSERT_TRUE(WaitFor(client, stream));
  EXPECT_EQ(client[stream].status(), "8");
}

TEST_F(DataPlaneTest, TheProxysOwnHealthIsServedUnlessARouteClaimsIt) {
  LoopbackModel model(net_);
  Start();
  Publish(Table({model.port()}), {1});
  LoopbackClient client(net_, plane_->port());
  StreamId stream = client.Ask("/grpc.health.v1.Health/Check", FrameMessage(""));
  ASSERT_TRUE(WaitFor(client, stream));
  EXPECT_EQ(client[stream].status(), "0");
  EXPECT_EQ(client[stream].body, FrameMessage("\x08\x01"));
  stream = client.Ask("/grpc.health.v1.Health/Check", FrameMessage("\x0a\x01x"));
  ASSERT_TRUE(WaitFor(client, stream));
  EXPECT_EQ(client[stream].status(), "5");
  auto table = Table({model.port()});
  table->routes = {{{"*", ""}, 0, false}};
  Publish(table, {1});
  stream = client.Ask("/grpc.health.v1.Health/Check", FrameMessage("\x0a\x01x"));
  ASSERT_TRUE(WaitFor(client, stream));
  EXPECT_EQ(client[stream].status(), "0");
  EXPECT_EQ(model.requests(), 1u);
}

TEST_F(DataPlaneTest, ADrainTellsWhoWatchesItsHealthAndWaitsForNoneOfThem) {
  LoopbackModel model(net_);
  Start(1, absl::Minutes(5));
  Publish(Table({model.port()}), {1});
  LoopbackClient client(net_, plane_->port());
  const StreamId watch = client.Ask("/grpc.health.v1.Health/Watch", FrameMessage(""));
  ASSERT_TRUE(net_.RunUntil([&] { return client[watch].body == FrameMessage("\x08\x01"); }));
  const StreamId reports = client.Ask("/weir.v1.Feedback/ReportStream", "", false);
  // What is asked later is answered later: the stream above has begun.
  ASSERT_EQ(Call(client), "0");
  plane_->BeginDrain();
  ASSERT_TRUE(WaitFor(client, watch));
  EXPECT_EQ(client[watch].body, FrameMessage("\x08\x01") + FrameMessage("\x08\x02"));
  EXPECT_EQ(client[watch].status(), "14");
  ASSERT_TRUE(WaitFor(client, reports));
  EXPECT_EQ(client[reports].status(), "14");
  client.peer().Close();
  EXPECT_EQ(plane_->Join(), 0u);
}

TEST_F(DataPlaneTest, ABrokenClientIsClosedAndCountedAndNobodyElseIs) {
  LoopbackModel model(net_);
  Start();
  Publish(Table({model.port()}), {1});
  LoopbackClient honest(net_, plane_->port());
  LoopbackClient broken(net_, plane_->port());
  broken.peer().session().output().Append(std::string_view("\0\0\0\xff not a frame at all, and too long as one", 40));
  ASSERT_TRUE(net_.RunUntil([&] { return broken.peer().is_closed(); }));
  EXPECT_EQ(Call(honest), "0");
  EXPECT_TRUE(net_.RunUntil([&] { return reports_.total().proxy.protocol_errors == 1; }));
}

TEST(DataPlaneStartTest, AListenerInUseIsNamedInTheError) {
  DataPlaneOptions options;
  options.listener = {"127.0.0.1", 0};
  const DataPlaneSinks sinks{[](stats::WorkerReport&) { return true; }, nullptr};
  auto first = DataPlane::Create(options, runtime::Clock(), sinks);
  ASSERT_TRUE(first.ok());
  options.listener.port = (*first)->port();
  auto second = DataPlane::Create(options, runtime::Clock(), sinks);
  ASSERT_FALSE(second.ok());
  EXPECT_THAT(std::string(second.status().message()), HasSubstr(std::to_string(options.listener.port)));
}

}  // namespace
}  // namespace weir::dataplane
