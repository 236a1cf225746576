#include "config/condition_names.h"

#include "gtest/gtest.h"

namespace weir::config {
namespace {

using Kind = NamedValue::Kind;

Nameable TwoVariants() {
  return {.metrics = {"accuracy"}, .queries = {"checkout-rate"}, .variants = {"a", "b-2"}, .default_variant = "a"};
}

TEST(ConditionNamesTest, AMetricIsNamedOfAVariantAndOfTheDefault) {
  EXPECT_EQ(Resolve(TwoVariants(), "accuracy.b-2"), (NamedValue{Kind::kOfVariant, "accuracy", "b-2"}));
  EXPECT_EQ(Resolve(TwoVariants(), "error_rate.default"), (NamedValue{Kind::kOfVariant, "error_rate", "a"}));
  EXPECT_EQ(Resolve(TwoVariants(), "requests.a"), (NamedValue{Kind::kOfVariant, "requests", "a"}));
}

TEST(ConditionNamesTest, TheOnlyCandidateIsNamedSoAndHasALift) {
  EXPECT_EQ(Resolve(TwoVariants(), "latency_p99.candidate"), (NamedValue{Kind::kOfVariant, "latency_p99", "b-2"}));
  EXPECT_EQ(Resolve(TwoVariants(), "accuracy.lift"), (NamedValue{Kind::kLift, "accuracy", "b-2"}));
  EXPECT_EQ(Resolve(TwoVariants(), "requests.lift"), std::nullopt);
  Nameable three = TwoVariants();
  three.variants.push_back("c");
  EXPECT_EQ(Resolve(three, "accuracy.candidate"), std::nullopt);
  EXPECT_EQ(Resolve(three, "accuracy.lift"), std::nullopt);
}

TEST(ConditionNamesTest, AVariantThatIsCalledCandidateIsItself) {
  const Nameable odd = {.variants = {"candidate", "b"}, .default_variant = "candidate", .has_preview = true};
  EXPECT_EQ(Resolve(odd, "preview_requests.candidate"), std::nullopt);
  EXPECT_EQ(Resolve(odd, "error_rate.candidate"), (NamedValue{Kind::kOfVariant, "error_rate", "candidate"}));
}

TEST(ConditionNamesTest, AQueryIsNamedAsItIs) {
  EXPECT_EQ(Resolve(TwoVariants(), "checkout-rate"), (NamedValue{Kind::kQuery, "checkout-rate", ""}));
}

TEST(ConditionNamesTest, WhatThereIsNotIsNoName) {
  for (const char* name : {"accuracy", "accuracy.", "accuracy.c", "precision.a", "", ".a", "error_rate"}) {
    EXPECT_EQ(Resolve(TwoVariants(), name), std::nullopt) << name;
  }
}

TEST(ConditionNamesTest, AMetricWithoutAVariantIsMostLikelyTheCandidates) {
  EXPECT_EQ(WithVariant(TwoVariants(), "accuracy"), "accuracy.candidate");
  EXPECT_EQ(WithVariant(TwoVariants(), "requests"), "requests.candidate");
  for (const char* name : {"accuracy.a", "acuracy", "checkout-rate", ""}) {
    EXPECT_EQ(WithVariant(TwoVariants(), name), std::nullopt) << name;
  }
  Nameable three = TwoVariants();
  three.variants.push_back("c");
  EXPECT_EQ(WithVariant(three, "accuracy"), "accuracy.default");
}

TEST(ConditionNamesTest, WhatIsOfferedIsNeverRefused) {
  EXPECT_EQ(DescribeNames(TwoVariants()),
            "requests, error_rate, latency_p95, latency_p99, accuracy (each with .a, .b-2, .candidate, .default, and "
            ".lift, but not requests), checkout-rate");
  Nameable three = TwoVariants();
  three.variants.push_back("c");
  EXPECT_EQ(DescribeNames(three).find("lift"), std::string::npos);
}

TEST(ConditionNamesTest, PreviewedCallsAreThoseOfACandidate) {
  Nameable previewed = TwoVariants();
  EXPECT_EQ(Resolve(previewed, "preview_requests.b-2"), std::nullopt);
  EXPECT_EQ(WithVariant(previewed, "preview_requests"), std::nullopt);
  previewed.has_preview = true;
  EXPECT_EQ(Resolve(previewed, "preview_requests.b-2"), (NamedValue{Kind::kOfVariant, "preview_requests", "b-2"}));
  EXPECT_EQ(Resolve(previewed, "preview_error_rate.candidate"),
            (NamedValue{Kind::kOfVariant, "preview_error_rate", "b-2"}));
  for (const char* name : {"preview_requests.a", "preview_requests.default", "preview_error_rate.lift"}) {
    EXPECT_EQ(Resolve(previewed, name), std::nullopt) << name;
  }
  EXPECT_EQ(WithVariant(previewed, "preview_requests"), "preview_requests.candidate");
  EXPECT_EQ(DescribeNames(previewed),
            "requests, error_rate, latency_p95, latency_p99, accuracy (each with .a, .b-2, .candidate, .default, and "
            ".lift, but not requests), preview_requests, preview_error_rate (each with .b-2, .candidate), "
            "checkout-rate");
  for (const std::string& name : NamesOf(previewed)) EXPECT_TRUE(Resolve(previewed, name)) << name;
  previewed.variants.push_back("c");
  EXPECT_EQ(WithVariant(previewed, "preview_requests"), std::nullopt);  // Of which one is not known.
}

TEST(ConditionNamesTest, EveryNameThatIsListedResolves) {
  for (const std::string& name : NamesOf(TwoVariants())) EXPECT_TRUE(Resolve(TwoVariants(), name)) << name;
  EXPECT_EQ(NamesOf(TwoVariants()).size(), 5 * 4 + 4 + 1u);
}

}  // namespace
}  // namespace weir::config
