#include "router/cli/specification_reader.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace weir::cli {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

std::string Experiment(const std::string& name) {
  return "apiVersion: weir/v1\nkind: Experiment\nmetadata: {name: " + name + R"(}
spec:
  default: baseline
  candidates:
    - {name: baseline, weight: 70}
    - {name: enhanced, weight: 30}
  match: {service: )" +
         name + R"(.Service}
  assignment: {key: [{header: x-user-id}]}
  guardrails:
    - {name: errors, metric: error_rate, max: 0.05}
)";
}

OneExperiment Read(std::map<std::string, std::string> files, const std::string& path, const std::string& name = "") {
  return ReadExperiment(path, name, config::MemoryFiles(std::move(files)));
}

TEST(ReadExperimentTest, AFileOfOneNeedsNoName) {
  const OneExperiment one = Read({{"a.yaml", Experiment("income")}}, "a.yaml");
  ASSERT_TRUE(one.experiment.has_value()) << one.said;
  EXPECT_EQ(one.experiment->name, "income");
  EXPECT_THAT(one.said, IsEmpty());
}

TEST(ReadExperimentTest, AFileOfSeveralIsAskedByName) {
  const std::map<std::string, std::string> files = {{"a.yaml", Experiment("one") + "---\n" + Experiment("two")}};
  EXPECT_EQ(Read(files, "a.yaml", "two").experiment->name, "two");
  EXPECT_THAT(Read(files, "a.yaml").said, HasSubstr("--experiment must name one; it holds one, two"));
  EXPECT_THAT(Read(files, "a.yaml", "three").said, HasSubstr("holds no Experiment three; it holds one, two"));
}

TEST(ReadExperimentTest, AFolderAndAProxyHoldExperimentsToo) {
  const std::map<std::string, std::string> files = {
      {"all/a.yaml", Experiment("one")}, {"all/b.yaml", Experiment("two")}, {"weir.yaml", R"(apiVersion: weir/v1
kind: Proxy
metadata: {name: p}
spec:
  listener: {address: 127.0.0.1:8080}
  stateDirectory: state
  experiments: all/
  models:
    - {name: baseline, endpoints: ["127.0.0.1:8001"]}
    - {name: enhanced, endpoints: ["127.0.0.1:8002"]}
)"}};
  EXPECT_EQ(Read(files, "all/", "two").experiment->name, "two");
  EXPECT_EQ(Read(files, "weir.yaml", "one").experiment->name, "one");
}

TEST(ReadExperimentTest, ErrorsHaveTheirPlacesAndNothingIsRead) {
  const OneExperiment broken = Read({{"a.yaml", Experiment("income") + "  rolout: {}\n"}}, "a.yaml");
  EXPECT_FALSE(broken.experiment.has_value());
  EXPECT_THAT(broken.said, HasSubstr("a.yaml:13:3: spec.rolout"));
  EXPECT_THAT(Read({}, "absent.yaml").said, HasSubstr("absent.yaml"));
}

}  // namespace
}  // namespace weir::cli
