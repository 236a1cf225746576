#include "router/dataplane/upstream_endpoint.h"

#include <string_view>

#include "absl/random/random.h"
#include "gtest/gtest.h"
#include "router/dataplane/loopback_peers.h"
#include "router/http2/limits.h"

namespace weir::dataplane {
namespace {

// A call that is under way until its connection is lost.
class OpenCall final : public UpstreamStream {
 public:
  void BeginOn(UpstreamSession& session) {
    http2::HeaderList headers;
    for (const auto& [name, value] : {std::pair<std::string_view, std::string_view>{":method", "POST"},
                                      {":scheme", "http"},
                                      {":path", "/s/m"},
                                      {":authority", "weir"}}) {
      headers.Add(name, value);
    }
    session.Start(headers, false, this);
  }
  bool is_lost = false;

  void OnUpstreamHeaders(http2::HeaderList&, bool) override {}
  void OnUpstreamData(http2::Slice, uint32_t, bool) override {}
  void OnUpstreamReset(http2::ErrorCode) override {}
  void OnUpstreamSent(size_t) override {}
  void OnUpstreamLost() override { is_lost = true; }
};

class UpstreamEndpointTest : public testing::Test {
 protected:
  void Begin(const std::optional<config::HealthCheck>& check = std::nullopt) {
    endpoint_.Configure(check, "model");
    ASSERT_TRUE(loopback_.RunUntil([&] { return endpoint_.is_ready(); }));
  }
  UpstreamConnection& first() { return *endpoint_.connections().front(); }

  Loopback loopback_;
  LoopbackModel model_{loopback_};
  absl::BitGen rng_;
  stats::ProxyCounts counts_;
  EndpointServices services_{loopback_.sockets(), &counts_, rng_, nullptr};
  UpstreamEndpoint endpoint_{&services_, 1, {"127.0.0.1", model_.port()}, [] {}};
};

TEST_F(UpstreamEndpointTest, AConnectionThatAnswersNoPingIsReplacedAndItsProbeFollows) {
  model_.on_request = [](LoopbackPeer& peer, http2::StreamId stream) {
    LoopbackModel::Reply(peer, stream, std::string_view("\0\0\0\0\2\x08\1", 7));
  };
  Begin(config::HealthCheck{.method = "ModelReady", .interval = absl::Hours(1)});
  OpenCall call;
  call.BeginOn(first().session());
  const absl::Time later = loopback_.loop().now() + absl::Minutes(6);
  endpoint_.CheckSilence(later);
  EXPECT_FALSE(call.is_lost);
  endpoint_.CheckSilence(later);  // Nothing was received in between.
  EXPECT_TRUE(call.is_lost);
  ASSERT_EQ(endpoint_.connections().size(), 1u);
  EXPECT_FALSE(endpoint_.is_ready());
  EXPECT_TRUE(endpoint_.is_hopeful());
  endpoint_.Tidy();
  ASSERT_TRUE(loopback_.RunUntil([&] { return endpoint_.is_ready(); }));
  EXPECT_EQ(model_.requests(), 2u);  // The new connection was asked, too.
}

TEST_F(UpstreamEndpointTest, AConnectionWhoseStreamNumbersComeToAnEndIsReplacedWhileItsCallsGoOn) {
  services_.first_stream = http2::kMaxStreamId - http2::limits::kStreamNumbersInReserve;
  Begin();
  UpstreamConnection& old = first();
  EXPECT_FALSE(old.session().is_nearly_used_up());
  services_.first_stream = 1;
  OpenCall call;
  call.BeginOn(old.session());
  EXPECT_GT(old.session().capacity(), 0u);
  endpoint_.Tidy();
  EXPECT_TRUE(old.is_draining());
  EXPECT_FALSE(call.is_lost);
  ASSERT_EQ(endpoint_.connections().size(), 2u);
  ASSERT_TRUE(loopback_.RunUntil([&] { return endpoint_.is_ready(); }));
  old.session().Reset(http2::kMaxStreamId - http2::limits::kStreamNumbersInReserve, http2::ErrorCode::kCancel);
  endpoint_.Tidy();
  ASSERT_EQ(endpoint_.connections().size(), 1u);
  EXPECT_TRUE(first().is_ready());
  EXPECT_FALSE(first().session().is_nearly_used_up());
}

}  // namespace
}  // namespace weir::dataplane
