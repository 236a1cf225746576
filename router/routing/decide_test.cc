#include "router/routing/decide.h"

#include <cmath>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "config/network.h"
#include "gtest/gtest.h"
#include "router/routing/decide_rig.h"

namespace weir::routing {
namespace {

using Kind = Decision::Kind;
using stats::Reason;

config::Percent Percent(double percent) { return *config::Percent::FromDouble(percent); }
config::Weight Weight(double weight) { return *config::Weight::FromDouble(weight); }

config::Model Model(std::string name) { return {name, {{name, 8001}}, std::nullopt, std::nullopt}; }

// baseline (default, 70), enhanced (30), shadow (mirror, 100 %), other (no experiment's).
config::Config TwoVariants() {
  config::Config config;
  config.proxy.models = {Model("baseline"), Model("enhanced"), Model("shadow"), Model("other")};
  config::Experiment experiment;
  experiment.name = "income";
  experiment.salt = "income";
  experiment.variants = {{"baseline", Weight(70)}, {"enhanced", Weight(30)}};
  experiment.match = {"inference.GRPCInferenceService", ""};
  experiment.key_sources = {{"x-user-id"}, {"x-session"}};
  experiment.error_codes = config::DefaultErrorCodes();
  config.experiments = {experiment};
  config.proxy.routes = {{{"other.Service", ""}, "other", false}};
  return config;
}

// A user that the rule gives to variant `wanted` of TwoVariants().
std::string UserOf(uint16_t wanted) {
  DecideRig router(TwoVariants());
  for (int i = 0;; ++i) {
    const std::string user = "user-" + std::to_string(i);
    if (router.Go({{"x-user-id", user}}).assigned == wanted) return user;
  }
}

TEST(DecideTest, AUserStaysWithOneVariantWhateverTheModelsHealth) {
  DecideRig router(TwoVariants());
  for (int i = 0; i < 200; ++i) {
    const ListedHeaders headers = {{"x-user-id", std::to_string(i)}};
    const uint16_t assigned = router.Go(headers).assigned;
    router.SetHealthy("enhanced", false);
    EXPECT_EQ(router.Go(headers).assigned, assigned);
    router.SetHealthy("baseline", false);
    EXPECT_EQ(router.Go(headers).assigned, assigned);
    router.SetHealthy("enhanced", true);
    EXPECT_EQ(router.Go(headers).assigned, assigned);
    router.SetHealthy("baseline", true);
    EXPECT_EQ(router.Go(headers).assigned, assigned);
  }
}

TEST(DecideTest, AnAssignedCallIsServedByItsVariantAndEntersInference) {
  DecideRig router(TwoVariants());
  const Decision decision = router.Go({{"x-user-id", UserOf(1)}});
  EXPECT_EQ(decision.kind, Kind::kForward);
  EXPECT_EQ(router.NameOf(decision.model), "enhanced");
  EXPECT_EQ(decision.served, 1);
  EXPECT_EQ(decision.reason, Reason::kAssigned);
  EXPECT_TRUE(decision.enters_inference);
  EXPECT_FALSE(decision.is_keyless);
  EXPECT_EQ(decision.user_bucket, UserBucket(UserOf(1)));
}

TEST(DecideTest, AnUnreachableCandidatesCallIsDivertedAndEntersNoInference) {
  config::Config config = TwoVariants();
  config.experiments[0].metrics.push_back({"accuracy", "correct"});
  DecideRig router(config);
  router.SetHealthy("enhanced", false);
  const Decision decision = router.Go({{"x-user-id", UserOf(1)}});
  EXPECT_EQ(decision.kind, Kind::kForward);
  EXPECT_EQ(router.NameOf(decision.model), "baseline");
  EXPECT_EQ(decision.assigned, 1);
  EXPECT_EQ(decision.served, 0);
  EXPECT_EQ(decision.reason, Reason::kDiverted);
  EXPECT_FALSE(decision.enters_inference);
  EXPECT_FALSE(decision.wants_ticket);
}

TEST(DecideTest, AnUnreachableDefaultIsNeverDivertedToACandidate) {
  DecideRig router(TwoVariants());
  router.SetHealthy("baseline", false);
  const Decision decision = router.Go({{"x-user-id", UserOf(0)}});
  EXPECT_EQ(decision.kind, Kind::kUnavailable);
  EXPECT_EQ(decision.assigned, 0);
  EXPECT_FALSE(decision.enters_inference);
  EXPECT_EQ(router.Go({{"x-user-id", UserOf(1)}}).kind, Kind::kForward);  // The candidate's own users are served.
}

TEST(DecideTest, WithoutTheDefaultACandidatesDivertedCallIsUnavailable) {
  DecideRig router(TwoVariants());
  router.SetHealthy("baseline", false);
  router.SetHealthy("enhanced", false);
  const Decision decision = router.Go({{"x-user-id", UserOf(1)}});
  EXPECT_EQ(decision.kind, Kind::kUnavailable);
  EXPECT_EQ(decision.assigned, 1);
  EXPECT_EQ(decision.reason, Reason::kAssigned);
}

TEST(DecideTest, TheKeyIsTheFirstHeaderPresent) {
  DecideRig router(TwoVariants());
  for (int i = 0; i < 100; ++i) {
    const std::string id = "id" + std::to_string(i);
    const Decision alone = router.Go({{"x-user-id", id}});
    EXPECT_EQ(router.Go({{"x-session", "s"}, {"x-user-id", id}}).assigned, alone.assigned);
    EXPECT_EQ(router.Go({{"x-session", id}}).assigned, alone.assigned);
    EXPECT_EQ(router.Go({{"x-session", id}}).user_bucket, alone.user_bucket);
  }
}

TEST(DecideTest, AnEmptyKeyIsAbsent) {
  DecideRig router(TwoVariants());
  for (int i = 0; i < 50; ++i) {
    const std::string id = "id" + std::to_string(i);
    EXPECT_EQ(router.Go({{"x-user-id", ""}, {"x-session", id}}).assigned, router.Go({{"x-session", id}}).assigned);
  }
  EXPECT_TRUE(router.Go({{"x-user-id", ""}}).is_keyless);
  EXPECT_TRUE(router.Go({{"x-user-id", ""}, {"x-session", ""}}).is_keyless);
}

TEST(DecideTest, CallsWithoutAKeyAreEachAUserOfTheirOwn) {
  DecideRig router(TwoVariants());
  int to_candidate = 0;
  std::map<uint8_t, int> buckets;
  constexpr int kCalls = 20000;
  for (int i = 0; i < kCalls; ++i) {
    const Decision decision = router.Go({});
    ASSERT_TRUE(decision.is_keyless);
    ASSERT_TRUE(decision.enters_inference);
    to_candidate += decision.assigned == 1;
    ++buckets[decision.user_bucket];
  }
  EXPECT_NEAR(to_candidate, kCalls * 0.3, 5 * std::sqrt(kCalls * 0.3 * 0.7));
  EXPECT_EQ(buckets.size(), 256u);
}

TEST(DecideTest, ARepeatedKeyHeaderIsRefusedEvenIfItsValuesAgreeOrAreEmpty) {
  DecideRig router(TwoVariants());
  EXPECT_EQ(router.Go({{"x-user-id", "a"}, {"x-user-id", "b"}}).kind, Kind::kRepeatedKey);
  EXPECT_EQ(router.Go({{"x-user-id", "a"}, {"x-user-id", "a"}}).kind, Kind::kRepeatedKey);
  EXPECT_EQ(router.Go({{"x-user-id", ""}, {"x-user-id", "b"}}).kind, Kind::kRepeatedKey);
  EXPECT_EQ(router.Go({{"x-session", "a"}, {"x-session", "b"}}).kind, Kind::kRepeatedKey);
  EXPECT_EQ(router.Go({{"x-user-id", "a"}, {"x-session", "b"}, {"x-session", "c"}}).kind,
            Kind::kForward);  // Not looked at.
  EXPECT_EQ(router.Go({{"x-other", "a"}, {"x-other", "b"}}).kind, Kind::kForward);
}

config::Config WithForceHeader() {
  config::Config config = TwoVariants();
  config.experiments[0].variants.push_back({"other", Weight(0)});
  config.experiments[0].metrics.push_back({"accuracy", "correct"});
  config.proxy.force_variant_header = {"x-weir-force", {*config::ParseNetwork("127.0.0.0/8")}};
  return config;
}

TEST(DecideForcedTest, AListedPeerForcesAnyVariantOfTheExperimentAndEntersNoInference) {
  DecideRig router(WithForceHeader());
  uint16_t expected = 0;
  for (std::string variant : {"baseline", "enhanced", "other"}) {  // The last has weight 0.
    const Decision decision = router.Go({{"x-user-id", "u"}, {"x-weir-force", variant}});
    EXPECT_EQ(decision.kind, Kind::kForward);
    EXPECT_EQ(decision.assigned, expected);
    EXPECT_EQ(decision.served, expected++);
    EXPECT_EQ(router.NameOf(decision.model), variant);
    EXPECT_EQ(decision.reason, Reason::kForced);
    EXPECT_FALSE(decision.enters_inference);
    EXPECT_FALSE(decision.wants_ticket);
  }
}

TEST(DecideForcedTest, AnUnlistedPeersForceHeaderChangesNothing) {
  DecideRig router(WithForceHeader());
  router.SetPeer("10.0.0.1");
  for (int i = 0; i < 50; ++i) {
    const std::string user = std::to_string(i);
    const Decision plain = router.Go({{"x-user-id", user}});
    const Decision tried = router.Go({{"x-user-id", user}, {"x-weir-force", "other"}});
    EXPECT_EQ(tried.assigned, plain.assigned);
    EXPECT_EQ(tried.reason, Reason::kAssigned);
    EXPECT_EQ(router.Go({{"x-user-id", user}, {"x-weir-force", "nonsense"}}).kind, Kind::kForward);
  }
}

TEST(DecideForcedTest, WhatNamesNoVariantIsRefused) {
  DecideRig router(WithForceHeader());
  EXPECT_EQ(router.Go({{"x-weir-force", "enhance"}}).kind, Kind::kUnknownForced);
  EXPECT_EQ(router.Go({{"x-weir-force", ""}}).kind, Kind::kUnknownForced);
  EXPECT_EQ(router.Go({{"x-weir-force", "shadow"}}).kind, Kind::kUnknownForced);  // A model, but no variant.
  EXPECT_EQ(router.Go({{"x-weir-force", "enhanced"}, {"x-weir-force", "enhanced"}}).kind, Kind::kUnknownForced);
}

TEST(DecideForcedTest, AForcedCallIsServedByItsVariantOrByNone) {
  DecideRig router(WithForceHeader());
  router.SetHealthy("enhanced", false);
  const Decision decision = router.Go({{"x-weir-force", "enhanced"}});
  EXPECT_EQ(decision.kind, Kind::kUnavailable);
  EXPECT_EQ(decision.reason, Reason::kForced);
}

TEST(DecideForcedTest, WithoutTheSettingTheHeaderMeansNothing) {
  config::Config config = WithForceHeader();
  config.proxy.force_variant_header.reset();
  DecideRig router(config);
  EXPECT_EQ(router.Go({{"x-user-id", "u"}, {"x-weir-force", "nonsense"}}).reason, Reason::kAssigned);
}

TEST(DecideTest, AShutGateGivesTheDefaultEverything) {
  DecideRig router(TwoVariants(), /*is_gate_shut=*/true);
  for (int i = 0; i < 500; ++i) {
    EXPECT_EQ(router.Go({{"x-user-id", std::to_string(i)}}).assigned, 0);
    EXPECT_EQ(router.Go({}).assigned, 0);
  }
}

TEST(DecideMirrorTest, MirrorsAreDrawnByTheirPercentIndependentlyOfEachOther) {
  config::Config config = TwoVariants();
  config.experiments[0].mirrors = {{"shadow", Percent(100)}, {"other", Percent(25)}, {"enhanced", Percent(0)}};
  DecideRig router(config);
  int drawn = 0;
  constexpr int kCalls = 20000;
  for (int i = 0; i < kCalls; ++i) {
    const Decision decision = router.Go({{"x-user-id", "always the same"}});
    ASSERT_GE(decision.mirrors.size(), 1u);
    ASSERT_LE(decision.mirrors.size(), 2u);
    EXPECT_EQ(decision.mirrors[0].mirror, 0);
    EXPECT_EQ(router.NameOf(decision.mirrors[0].model), "shadow");
    drawn += decision.mirrors.size() == 2;
  }
  EXPECT_NEAR(drawn, kCalls * 0.25, 5 * std::sqrt(kCalls * 0.25 * 0.75));
}

TEST(DecideMirrorTest, OnlyMethodsThatAreSafeToSendTwiceAreMirrored) {
  config::Config config = TwoVariants();
  config.experiments[0].mirrors = {{"shadow", Percent(100)}};
  config.experiments[0].mirror_methods = {"ModelInfer", "ServerLive"};
  DecideRig router(config);
  EXPECT_EQ(router.Go({}).mirrors.size(), 1u);
  EXPECT_EQ(router.Go({}, "/inference.GRPCInferenceService/ModelInferX").mirrors.size(), 0u);
  EXPECT_EQ(router.Go({}, "/inference.GRPCInferenceService/ModelStreamInfer").mirrors.size(), 0u);
  EXPECT_EQ(router.Go({}, "/inference.GRPCInferenceService/ServerLive").mirrors.size(), 1u);
}

TEST(DecideMirrorTest, AMirrorsHealthNeverTouchesThePrimary) {
  config::Config config = TwoVariants();
  config.experiments[0].mirrors = {{"shadow", Percent(100)}};
  DecideRig router(config);
  router.SetHealthy("shadow", false);
  const Decision decision = router.Go({{"x-user-id", "u"}});
  EXPECT_EQ(decision.kind, Kind::kForward);
  EXPECT_EQ(decision.reason, Reason::kAssigned);
  EXPECT_EQ(decision.mirrors.size(), 1u);
}

TEST(DecideMirrorTest, ARefusedCallIsNotMirrored) {
  config::Config config = TwoVariants();
  config.experiments[0].mirrors = {{"shadow", Percent(100)}};
  DecideRig router(config);
  router.SetHealthy("baseline", false);
  router.SetHealthy("enhanced", false);
  EXPECT_TRUE(router.Go({}).mirrors.empty());
  EXPECT_TRUE(router.Go({{"x-user-id", "a"}, {"x-user-id", "b"}}).mirrors.empty());
}

TEST(DecideTicketTest, TicketsAreIssuedForTheSampleOfCallsThatMetricsAskFor) {
  config::Config config = TwoVariants();
  EXPECT_FALSE(DecideRig(config).Go({{"x-user-id", "u"}}).wants_ticket);
  config.experiments[0].metrics.push_back({"accuracy", "correct"});
  EXPECT_TRUE(DecideRig(config).Go({{"x-user-id", "u"}}).wants_ticket);
  config.experiments[0].ticket_sample = Percent(10);
  DecideRig router(config);
  int tickets = 0;
  constexpr int kCalls = 20000;
  for (int i = 0; i < kCalls; ++i) tickets += router.Go({{"x-user-id", "u"}}).wants_ticket;
  EXPECT_NEAR(tickets, kCalls * 0.1, 5 * std::sqrt(kCalls * 0.1 * 0.9));
}

TEST(DecideMatchTest, WhatNoExperimentMatchesTakesTheFirstRouteThatDoes) {
  config::Config config = TwoVariants();
  config.proxy.routes = {{{"other.Service", "Get"}, "other", false}, {{"*", ""}, "shadow", false}};
  DecideRig router(config);
  const Decision exact = router.Go({}, "/other.Service/Get");
  EXPECT_EQ(exact.kind, Kind::kForward);
  EXPECT_EQ(router.NameOf(exact.model), "other");
  EXPECT_EQ(exact.route, 0);
  EXPECT_EQ(exact.experiment, Decision::kNone);
  EXPECT_EQ(exact.reason, Reason::kNoExperiment);
  EXPECT_FALSE(exact.enters_inference);
  EXPECT_EQ(router.NameOf(router.Go({}, "/other.Service/Put").model), "shadow");
  EXPECT_EQ(router.Go({}).experiment, 0);
  EXPECT_EQ(router.Go({}).route, Decision::kNone);
}

TEST(DecideMatchTest, WhatNothingMatchesIsUnrouted) {
  DecideRig router(TwoVariants());
  for (std::string path :
       {"/inference.GRPCInferenceServiceX/ModelInfer", "/inference.GRPCInferenceServic/ModelInfer",
        "/Inference.GRPCInferenceService/ModelInfer", "/x.inference.GRPCInferenceService/ModelInfer"}) {
    EXPECT_EQ(router.Go({}, path).kind, Kind::kUnrouted) << path;
  }
}

TEST(DecideMatchTest, AnUnhealthyRoutesModelIsUnavailable) {
  DecideRig router(TwoVariants());
  router.SetHealthy("other", false);
  EXPECT_EQ(router.Go({}, "/other.Service/Get").kind, Kind::kUnavailable);
}

TEST(DecideMatchTest, APathOfAnotherFormMatchesOnlyAPassthroughForAll) {
  config::Config config = TwoVariants();
  config.experiments[0].match = {"*", ""};
  const std::vector<std::string> odd = {"", "/", "//", "*", "/a", "a/b", "/a/", "//b", "x"};
  DecideRig strict(config);
  for (const std::string& path : odd) EXPECT_EQ(strict.Go({}, path).kind, Kind::kUnrouted) << path;
  config.proxy.routes = {{{"*", ""}, "other", true}};
  DecideRig passthrough(config);
  for (const std::string& path : odd) {
    EXPECT_EQ(passthrough.NameOf(passthrough.Go({}, path).model), "other") << path;
    EXPECT_EQ(passthrough.Go({}, path).kind, Kind::kForward) << path;
  }
}

TEST(DecideMatchTest, AMoreSpecificExperimentIsTriedFirstWhateverItsName) {
  config::Config config = TwoVariants();
  const config::Experiment like = config.experiments[0];
  config.experiments.clear();
  const std::vector<std::pair<std::string, config::Match>> matches = {
      {"a", {"*", ""}}, {"b", {"*", "Get"}}, {"c", {"s.S", ""}}, {"d", {"s.S", "Get"}}};
  for (const auto& [name, match] : matches) {
    config.experiments.push_back(like);
    config.experiments.back().name = name;
    config.experiments.back().match = match;
  }
  DecideRig router(config);
  const auto taken = [&](std::string_view path) {
    return router.table().experiments[router.Go({}, path).experiment].name;
  };
  EXPECT_EQ(taken("/s.S/Get"), "d");
  EXPECT_EQ(taken("/s.S/Put"), "c");
  EXPECT_EQ(taken("/t.T/Get"), "b");
  EXPECT_EQ(taken("/t.T/Put"), "a");
}

TEST(DecideTest, TheSameCallAndChanceGiveTheSameDecision) {
  config::Config config = WithForceHeader();
  config.experiments[0].mirrors = {{"shadow", Percent(50)}};
  config.experiments[0].ticket_sample = Percent(50);
  DecideRig one(config), other(config);
  for (int i = 0; i < 500; ++i) {
    const ListedHeaders headers = {{i % 3 == 0 ? "x-none" : "x-user-id", std::to_string(i)}};
    const Decision a = one.Go(headers), b = other.Go(headers);
    EXPECT_EQ(a.assigned, b.assigned);
    EXPECT_EQ(a.user_bucket, b.user_bucket);
    EXPECT_EQ(a.mirrors.size(), b.mirrors.size());
    EXPECT_EQ(a.wants_ticket, b.wants_ticket);
  }
}

}  // namespace
}  // namespace weir::routing
