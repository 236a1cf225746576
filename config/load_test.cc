#include "config/load.h"

#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "config/limits.h"
#include "gtest/gtest.h"

namespace weir::config {
namespace {

constexpr char kProxy[] = R"(apiVersion: weir/v1
kind: Proxy
metadata: {name: p}
spec:
  listener: {address: 127.0.0.1:8080}
  stateDirectory: state
  experiments: experiments
  models:
    - {name: baseline, endpoints: ["b:1"]}
    - {name: enhanced, endpoints: ["e:1"]}
    - {name: shadow, endpoints: ["s:1"]}
  forceVariantHeader: {name: x-force, from: [127.0.0.1]}
)";

// An experiment on `service` between baseline and enhanced, with more lines of its spec.
std::string Experiment(const std::string& name, const std::string& service, const std::string& more = "") {
  return "apiVersion: weir/v1\nkind: Experiment\nmetadata: {name: " + name +
         "}\nspec:\n  default: baseline\n  candidates: [{name: baseline, weight: 1}, {name: enhanced, weight: 1}]\n  "
         "match: "
         "{service: " +
         service + "}\n" + more;
}

using Files = std::map<std::string, std::string>;

Loaded LoadFrom(Files files) {
  files.emplace("etc/proxy.yaml", kProxy);
  return Load("etc/proxy.yaml", MemoryFiles(std::move(files)));
}

std::string Errors(Files files) { return ToString(LoadFrom(std::move(files)).errors); }

TEST(LoadTest, ReadsTheExperimentsOfAFolderSortedByName) {
  const Loaded loaded =
      LoadFrom({{"etc/experiments/1.yaml", Experiment("zeta", "a.A")},
                {"etc/experiments/2.yml", Experiment("alpha", "b.B") + "---\n" + Experiment("mid", "c.C")}});
  ASSERT_TRUE(loaded.config.has_value()) << ToString(loaded.errors);
  ASSERT_EQ(loaded.config->experiments.size(), 3u);
  EXPECT_EQ(loaded.config->experiments[0].name, "alpha");
  EXPECT_EQ(loaded.config->experiments[1].name, "mid");
  EXPECT_EQ(loaded.config->experiments[2].name, "zeta");
  EXPECT_EQ(loaded.config->proxy.state_directory, "etc/state");
  EXPECT_EQ(loaded.config->experiments[2].file, "etc/experiments/1.yaml");
  EXPECT_EQ(loaded.files,
            (std::vector<std::string>{"etc/proxy.yaml", "etc/experiments/1.yaml", "etc/experiments/2.yml"}));
}

TEST(LoadTest, TheSameFilesGiveAnEqualConfig) {
  const Files files = {{"etc/experiments/1.yaml", Experiment("a", "a.A")}};
  EXPECT_EQ(*LoadFrom(files).config, *LoadFrom(files).config);
  EXPECT_NE(*LoadFrom(files).config, *LoadFrom({{"etc/experiments/1.yaml", Experiment("a", "a.B")}}).config);
}

TEST(LoadTest, PassesOverWhatIsNoSpecificationAndTheLinksOfAMountedConfigMap) {
  const Loaded loaded = LoadFrom({{"etc/experiments/a.yaml", Experiment("a", "a.A")},
                                  {"etc/experiments/..data/a.yaml", "broken: ["},
                                  {"etc/experiments/..2024_01_01/a.yaml", "broken: ["},
                                  {"etc/experiments/.a.yaml.swp", "broken: ["},
                                  {"etc/experiments/.hidden.yaml", "broken: ["},
                                  {"etc/experiments/README.md", "# Experiments"},
                                  {"etc/experiments/a.yaml~", "broken: ["},
                                  {"etc/experiments/folder.yaml/b.yaml", "broken: ["}});
  ASSERT_TRUE(loaded.config.has_value()) << ToString(loaded.errors);
  EXPECT_EQ(loaded.config->experiments.size(), 1u);
}

TEST(LoadTest, ExperimentsMayBeOneFile) {
  Files files = {{"etc/e.yaml", Experiment("a", "a.A")}};
  std::string proxy = kProxy;
  files["etc/proxy.yaml"] = proxy.replace(proxy.find("experiments: experiments"), 24, "experiments: e.yaml");
  const Loaded loaded = Load("etc/proxy.yaml", MemoryFiles(files));
  ASSERT_TRUE(loaded.config.has_value()) << ToString(loaded.errors);
  EXPECT_EQ(loaded.config->experiments.size(), 1u);
}

TEST(LoadTest, MissingFilesAreErrorsThatNameThem) {
  EXPECT_EQ(ToString(Load("p.yaml", MemoryFiles({})).errors), "p.yaml: cannot be opened: No such file or directory\n");
  EXPECT_EQ(Errors({}), "etc/proxy.yaml:7:16: spec.experiments: must be a file or a folder, got etc/experiments\n");
}

TEST(LoadTest, AFileWhoseNameIsNotUtf8IsRefusedByAReadableName) {
  EXPECT_EQ(Errors({{"etc/experiments/a\xff.yaml", Experiment("a", "a.A")}}),
            "etc/experiments/a\\xff.yaml: has a name that is not UTF-8: rename it\n");
  EXPECT_EQ(Errors({{"etc/experiments/a.yaml", Experiment("a", "a.A")}, {"etc/experiments/notes\xff", ""}}), "");
}

TEST(LoadTest, AFolderOrAProxysFileWhoseNameIsNotUtf8IsRefusedByAReadableName) {
  for (const auto& [path, shown] : {std::pair("caf\xe9/proxy.yaml", "caf\\xe9/proxy.yaml"),
                                    std::pair("etc/proxy\xe9.yaml", "etc/proxy\\xe9.yaml")}) {
    const Loaded loaded = Load(path, MemoryFiles({{path, kProxy}, {"etc/experiments/a.yaml", Experiment("a", "a.A")}}));
    EXPECT_FALSE(loaded.config.has_value());
    EXPECT_EQ(ToString(loaded.errors), absl::StrCat(shown, ": has a name that is not UTF-8: rename it\n"));
    EXPECT_EQ(loaded.files, std::vector<std::string>{path});
  }
}

TEST(LoadTest, ErrorsOfAllFilesComeTogetherSortedByFileAndPlace) {
  const std::string errors = Errors({{"etc/experiments/b.yaml", Experiment("b", "b.B", "  notify: {}\n")},
                                     {"etc/experiments/a.yaml", "x: [\n"},
                                     {"etc/experiments/c.yaml", std::string(limits::kFileBytes + 1, ' ')}});
  const size_t a = errors.find("etc/experiments/a.yaml:"),
               b = errors.find("etc/experiments/b.yaml:8:11: spec.notify: "),
               c = errors.find("etc/experiments/c.yaml: is larger than 262144 bytes");
  EXPECT_LT(a, b) << errors;
  EXPECT_LT(b, c) << errors;
  EXPECT_NE(c, std::string::npos) << errors;
}

TEST(LoadTest, AnErrorOfTheProxyDoesNotHideThoseOfTheExperiments) {
  std::string proxy = kProxy;
  proxy.replace(proxy.find("b:1"), 3, "b");
  const Loaded loaded =
      Load("etc/proxy.yaml",
           MemoryFiles({{"etc/proxy.yaml", proxy}, {"etc/experiments/a.yaml", Experiment("a", "a.A", "  hm: 1\n")}}));
  EXPECT_FALSE(loaded.config.has_value());
  EXPECT_EQ(loaded.errors.size(), 2u) << ToString(loaded.errors);
}

TEST(ValidateTest, TwoExperimentsOfOneNameAreAnErrorThatNamesBothPlaces) {
  EXPECT_EQ(
      Errors({{"etc/experiments/1.yaml", Experiment("a", "a.A")}, {"etc/experiments/2.yaml", Experiment("a", "a.B")}}),
      "etc/experiments/2.yaml:3:18: metadata.name: must differ from that of etc/experiments/1.yaml:3:18, got a\n");
}

TEST(ValidateTest, TwoExperimentsOfOneMatchAreAnError) {
  EXPECT_EQ(
      Errors({{"etc/experiments/1.yaml", Experiment("a", "a.A")}, {"etc/experiments/2.yaml", Experiment("b", "a.A")}}),
      "etc/experiments/2.yaml:7:10: spec.match: must differ from that of a (etc/experiments/1.yaml:7:10): one of the "
      "two "
      "would never be reached\n");
  EXPECT_EQ(
      Errors({{"etc/experiments/1.yaml", Experiment("a", "a.A")}, {"etc/experiments/2.yaml", Experiment("b", "'*'")}}),
      "");
}

TEST(ValidateTest, VariantsMirrorsAndRoutesMustNameModels) {
  std::string experiment = Experiment("a", "a.A", "  mirror: {name: shade}\n");
  experiment.replace(experiment.find("{name: enhanced"), 15, "{name: enhance");
  std::string second = Experiment("b", "b.B", "  mirror: [{name: shadow}, {name: nowhere-at-all}]\n");
  std::string proxy = std::string(kProxy) + "  routes: [{match: {service: '*'}, model: basline}]\n";
  const Loaded loaded = Load("etc/proxy.yaml", MemoryFiles({{"etc/proxy.yaml", proxy},
                                                            {"etc/experiments/a.yaml", experiment},
                                                            {"etc/experiments/b.yaml", second}}));
  EXPECT_EQ(ToString(loaded.errors),
            "etc/experiments/a.yaml:6:52: spec.candidates[1].name: must be one of the proxy's models, got enhance (did "
            "you mean "
            "enhanced?)\n"
            "etc/experiments/a.yaml:8:18: spec.mirror.name: must be one of the proxy's models, got shade (did you mean "
            "shadow?)\n"
            "etc/experiments/b.yaml:8:35: spec.mirror[1].name: must be one of the proxy's models, got nowhere-at-all\n"
            "etc/proxy.yaml:13:43: spec.routes[0].model: must be one of the proxy's models, got basline (did you mean "
            "baseline?)\n");
}

TEST(ValidateTest, TheForceHeaderMayNotBeAKey) {
  EXPECT_EQ(
      Errors({{"etc/experiments/1.yaml", Experiment("a", "a.A", "  assignment: {key: [{header: X-Force}]}\n")}}),
      "etc/experiments/1.yaml:8:31: spec.assignment.key[0].header: must differ from the proxy's forceVariantHeader "
      "(etc/proxy.yaml:12:30), got x-force\n");
}

TEST(ValidateTest, TooManyExperimentsAreRefused) {
  std::string many;
  for (size_t i = 0; i <= limits::kExperiments; ++i) {
    many += "---\n" + Experiment("e" + std::to_string(i), "s.S" + std::to_string(i));
  }
  EXPECT_NE(Errors({{"etc/experiments/1.yaml", many}}).find("there must be at most 64 experiments, got 65"),
            std::string::npos);
}

TEST(ValidateTest, WarnsOfRoutesAndModelsThatNothingReaches) {
  const std::string proxy = std::string(kProxy) +
                            "  routes:\n"
                            "    - {match: {service: a.A, method: Get}, model: baseline}\n"
                            "    - {match: {service: '*'}, model: enhanced}\n"
                            "    - {match: {service: a.A}, model: baseline}\n"
                            "    - {match: {service: '*'}, model: baseline, passthrough: true}\n";
  const Loaded loaded = Load("etc/proxy.yaml", MemoryFiles({{"etc/proxy.yaml", proxy}, {"etc/experiments/.keep", ""}}));
  EXPECT_TRUE(loaded.config.has_value()) << ToString(loaded.errors);
  EXPECT_EQ(ToString(loaded.warnings),
            "etc/proxy.yaml:11:14: spec.models[2].name: shadow is named by no experiment and no route\n"
            "etc/proxy.yaml:16:7: spec.routes[2]: is never reached: spec.routes[1] matches all of it\n");
}

}  // namespace
}  // namespace weir::config
