#include "router/cli/validate.h"

#include "absl/strings/str_format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "stats/detection_bound.h"

namespace weir::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kProxy[] = R"(apiVersion: weir/v1
kind: Proxy
metadata: {name: income}
spec:
  listener: {address: 127.0.0.1:8080}
  stateDirectory: state
  experiments: experiments/
  models:
    - {name: baseline, endpoints: ["127.0.0.1:8001"]}
    - {name: enhanced, endpoints: ["127.0.0.1:8002"]}
)";

std::string Experiment(const std::string& name, const std::string& candidate = "enhanced") {
  return "apiVersion: weir/v1\nkind: Experiment\nmetadata: {name: " + name + R"(}
spec:
  default: baseline
  candidates:
    - {name: baseline, weight: 70}
    - {name: )" +
         candidate + R"(, weight: 30}
  match: {service: )" +
         name + R"(.Service}
  assignment:
    key: [{header: x-user-id}]
  guardrails:
    - {name: errors, metric: error_rate, compareTo: default, maxRatio: 1.2, alpha: 0.001, action: rollback}
    - {name: tail, metric: latency_p99, compareTo: default, maxRatio: 1.5, alpha: 0.002, action: rollback}
)";
}

const absl::Time kNow = absl::FromUnixSeconds(1893456000);  // 2030-01-01.

ValidationReport Validate(std::map<std::string, std::string> files, const std::vector<std::string>& paths) {
  return ValidateFiles(paths, config::MemoryFiles(std::move(files)), kNow);
}

TEST(ValidateFilesTest, AProxyIsCheckedWithTheExperimentsThatItNames) {
  const auto good = Validate({{"weir.yaml", kProxy}, {"experiments/a.yaml", Experiment("income")}}, {"weir.yaml"});
  EXPECT_TRUE(good.is_valid) << good.text;
  EXPECT_THAT(good.text, HasSubstr("valid: 2 files, 1 experiment\n"));
  const auto bad =
      Validate({{"weir.yaml", kProxy}, {"experiments/a.yaml", Experiment("income", "absent")}}, {"weir.yaml"});
  EXPECT_FALSE(bad.is_valid);
  EXPECT_THAT(bad.text, HasSubstr("experiments/a.yaml:8:"));
}

TEST(ValidateFilesTest, AnExperimentAloneNeedsNoProxy) {
  const auto report = Validate({{"a.yaml", Experiment("income", "whatever")}}, {"a.yaml"});
  EXPECT_TRUE(report.is_valid) << report.text;
}

TEST(ValidateFilesTest, AFileThatAProxyCoversIsNotCheckedTwice) {
  const auto report = Validate({{"weir.yaml", kProxy}, {"experiments/a.yaml", Experiment("income")}},
                               {"weir.yaml", "experiments/", "experiments/a.yaml"});
  EXPECT_TRUE(report.is_valid) << report.text;
  EXPECT_THAT(report.text, HasSubstr("valid: 2 files, 1 experiment\n"));
}

TEST(ValidateFilesTest, EveryErrorOfEveryFileIsShownAtOnce) {
  const auto report =
      Validate({{"a.yaml", Experiment("income") + "    - {name: x, metric: error_rate, max: 5, alfa: 1}\n"},
                {"b.yaml", "kind: Nonsense\n"},
                {"empty/notes.txt", ""}},
               {"a.yaml", "b.yaml", "absent.yaml", "empty"});
  EXPECT_FALSE(report.is_valid);
  for (const char* expected : {"a.yaml:15:42: ", "alfa", "b.yaml:1:", "absent.yaml: ", "empty: holds no *.yaml"}) {
    EXPECT_THAT(report.text, HasSubstr(expected));
  }
  EXPECT_THAT(report.text, Not(HasSubstr("\nvalid:")));
}

TEST(ValidateFilesTest, SaysWhatTheGuardrailsPromise) {
  const auto report = Validate({{"a.yaml", Experiment("income")}}, {"a.yaml"});
  EXPECT_THAT(report.text, HasSubstr("with probability 0.003 at most (errors 0.001, tail 0.002)"));
  EXPECT_THAT(report.text, HasSubstr("share of calls slower than 1.5 x the default's p99, from 1 %"));
}

TEST(ValidateFilesTest, AnEndThatIsPastIsWarnedOf) {
  const auto text = [](const std::string& rollout) {
    const auto report = Validate({{"a.yaml", Experiment("income") + "  rollout: {" + rollout + "}\n"}}, {"a.yaml"});
    EXPECT_TRUE(report.is_valid) << report.text;
    return report.text;
  };
  const std::string canary = "strategy: canary, steps: [{setWeight: 5, pause: {duration: 1h}}], end: ";
  EXPECT_THAT(
      text(canary + "2030-01-01T00:00:00Z"),
      HasSubstr("income\n  warning: spec.rollout.end, 2030-01-01T00:00:00+00:00, is past: nothing is promoted"));
  EXPECT_THAT(text(canary + "2030-01-01T00:00:01Z"), Not(HasSubstr("is past")));
  EXPECT_THAT(text("strategy: abTest, pause: {duration: 1h}, end: 2029-12-01T00:00:00Z"),
              HasSubstr("is past: it gives the test no time"));
}

TEST(ValidateFilesTest, ABoundIsByTheAlphaThatTheTestHas) {
  // One candidate has four fifths of the guardrail's alpha, and the run's own test a half of that.
  const double requests =
      stats::LeastDelayOfErrorRatio(
          {.baseline_error = 0.01, .candidate_error = 0.02, .share = 0.3, .max_ratio = 1.2, .alpha = 0.001 * 0.8 / 2})
          .candidate_requests;
  EXPECT_THAT(Validate({{"a.yaml", Experiment("income")}}, {"a.yaml"}).text,
              HasSubstr(absl::StrFormat("  %.0f  ", requests)));
}

TEST(ValidateFilesTest, AGuardrailThatOnlyWarnsRollsNothingBack) {
  std::string warns = Experiment("income");
  warns.replace(warns.find("action: rollback"), 16, "action: warn");
  EXPECT_THAT(Validate({{"a.yaml", warns}}, {"a.yaml"}).text, HasSubstr("with probability 0.002 at most (tail 0.002)"));
}

TEST(ValidateFilesTest, ARiseThatTheRatioAllowsIsNeverProven) {
  std::string lax = Experiment("income");
  lax.replace(lax.find("maxRatio: 1.2"), 13, "maxRatio: 2.5");
  EXPECT_THAT(Validate({{"a.yaml", lax}}, {"a.yaml"}).text, HasSubstr("never  never"));
}

}  // namespace
}  // namespace weir::cli
