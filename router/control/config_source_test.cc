#include "router/control/config_source.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include "absl/strings/str_cat.h"

namespace weir::control {
namespace {

namespace fs = std::filesystem;

void Write(const std::string& path, const std::string& text) { std::ofstream(path, std::ios::trunc) << text; }

std::string Read(const std::string& path) {
  std::ifstream in(path);
  return in ? std::string(std::istreambuf_iterator<char>(in), {}) : "(missing)";
}

// With inotify alone (polling would take an hour), and with polling alone.
class ConfigSourceTest : public testing::TestWithParam<bool> {
 protected:
  ConfigSourceTest() {
    std::string pattern = absl::StrCat(testing::TempDir(), "/configXXXXXX");
    root_ = mkdtemp(pattern.data());
    fs::create_directory(folder());
    Write(proxy(), "proxy 1");
    loop_ = *runtime::EventLoop::Create(runtime::Clock());
  }
  ~ConfigSourceTest() override { fs::remove_all(root_); }

  std::string proxy() const { return root_ + "/weir.yaml"; }
  std::string folder() const { return root_ + "/experiments"; }

  // Each load notes what all files say.
  void Start() {
    ConfigSourceOptions options{.use_inotify = GetParam(), .quiet = absl::Milliseconds(2)};
    options.poll = GetParam() ? absl::Hours(1) : absl::Milliseconds(5);
    source_.emplace(
        *loop_,
        [this] {
          seen_.clear();
          seen_["weir.yaml"] = Read(proxy());
          for (const auto& entry : fs::directory_iterator(folder())) {
            if (!entry.is_directory()) seen_[entry.path().filename()] = Read(entry.path());
          }
          return std::vector<std::string>{proxy(), folder()};
        },
        options);
    source_->Start();
  }

  // Turns the loop until the files were seen to say that.
  void ExpectSeen(const std::map<std::string, std::string>& expected) {
    const absl::Time deadline = absl::Now() + absl::Seconds(20);
    while (seen_ != expected && absl::Now() < deadline) loop_->Turn(absl::Milliseconds(100));
    EXPECT_EQ(seen_, expected);
  }

  std::string root_;
  std::unique_ptr<runtime::EventLoop> loop_;
  std::map<std::string, std::string> seen_;
  std::optional<ConfigSource> source_;
};

TEST_P(ConfigSourceTest, AFileRewrittenInPlaceIsLoaded) {
  Start();
  Write(proxy(), "proxy 2");
  ExpectSeen({{"weir.yaml", "proxy 2"}});
  Write(proxy(), "proxy 3");
  ExpectSeen({{"weir.yaml", "proxy 3"}});
}

TEST_P(ConfigSourceTest, AFileReplacedByRenameIsLoaded) {
  Start();
  for (const char* text : {"proxy 2", "proxy 3"}) {
    Write(root_ + "/new", text);
    fs::rename(root_ + "/new", proxy());
    ExpectSeen({{"weir.yaml", text}});
  }
}

TEST_P(ConfigSourceTest, AFileThatAppearsAndOneThatGoesAreSeen) {
  Start();
  Write(folder() + "/a.yaml", "a");
  ExpectSeen({{"weir.yaml", "proxy 1"}, {"a.yaml", "a"}});
  fs::remove(folder() + "/a.yaml");
  ExpectSeen({{"weir.yaml", "proxy 1"}});
}

TEST_P(ConfigSourceTest, ARemovedProxyFileIsSeenAndSoIsItsReturn) {
  Start();
  fs::remove(proxy());
  ExpectSeen({{"weir.yaml", "(missing)"}});
  Write(proxy(), "proxy 2");
  ExpectSeen({{"weir.yaml", "proxy 2"}});
}

// As the kubelet does: files are links through `..data`, which is swapped by one rename.
TEST_P(ConfigSourceTest, ASwappedConfigMapIsLoaded) {
  const auto swap = [&](const std::string& version) {
    fs::create_directory(folder() + "/.." + version);
    Write(folder() + "/.." + version + "/a.yaml", version);
    fs::create_directory_symlink(".." + version, folder() + "/..data_tmp");
    fs::rename(folder() + "/..data_tmp", folder() + "/..data");
  };
  swap("first");
  fs::create_symlink("..data/a.yaml", folder() + "/a.yaml");
  Start();
  for (const char* version : {"second", "third"}) {
    swap(version);
    ExpectSeen({{"weir.yaml", "proxy 1"}, {"a.yaml", version}});
  }
}

TEST_P(ConfigSourceTest, AReplacedFolderIsWatchedLikeTheFirst) {
  Start();
  for (const char* text : {"1", "2"}) {
    fs::remove_all(folder());
    fs::create_directory(root_ + "/other");
    Write(root_ + "/other/a.yaml", text);
    fs::rename(root_ + "/other", folder());
    ExpectSeen({{"weir.yaml", "proxy 1"}, {"a.yaml", text}});
  }
  Write(folder() + "/b.yaml", "b");
  ExpectSeen({{"weir.yaml", "proxy 1"}, {"a.yaml", "2"}, {"b.yaml", "b"}});
}

INSTANTIATE_TEST_SUITE_P(Noticing, ConfigSourceTest, testing::Bool(),
                         [](const auto& info) { return info.param ? "ByInotify" : "ByPolling"; });

}  // namespace
}  // namespace weir::control
