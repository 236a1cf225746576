#include "router/control/config_source.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"

namespace weir::control {
namespace {

namespace fs = std::filesystem;

void Write(const std::string& path, const std::string& text) { std::ofstream(path, std::ios::trunc) << text; }

std::string Read(const std::string& path) {
  std::ifstream in(path);
  return in ? std::string(std::istreambuf_iterator<char>(in), {}) : "(missing)";
}

constexpr int kForever = 1'000'000'000;  // More looks than any test has.

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
  void Start(int most_looks = 10, int most_looks_at_writer = 200) {
    ConfigSourceOptions options{.use_inotify = GetParam(), .quiet = absl::Milliseconds(2)};
    options.poll = GetParam() ? absl::Hours(1) : absl::Milliseconds(5);
    options.most_looks = most_looks;
    options.most_looks_at_writer = most_looks_at_writer;
    source_.emplace(
        *loop_,
        [this] {
          seen_.clear();
          seen_["weir.yaml"] = Read(proxy());
          for (const auto& entry : fs::directory_iterator(folder())) {
            if (!entry.is_directory()) seen_[entry.path().filename()] = Read(entry.path());
          }
          for (const auto& [name, text] : seen_) ever_seen_.insert(text);
          return std::vector<std::string>{proxy(), folder()};
        },
        options);
    source_->Start();
  }

  // So many that what it notices is loaded, if it is not waited for.
  void TurnOften() {
    for (int i = 0; i < 100; ++i) loop_->Turn(absl::Milliseconds(2));
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
  std::set<std::string> ever_seen_;  // Texts of all files, in any load.
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

// Each piece is closed: nobody can know that another follows, but by waiting a moment.
TEST_P(ConfigSourceTest, WhatChangesBetweenTwoLooksIsLookedAtAgain) {
  Start(kForever);
  std::string text;
  for (int piece = 0; piece < 100; ++piece) {
    Write(folder() + "/a.yaml", text += "x");
    loop_->Turn(absl::Milliseconds(10));  // No more than one look.
  }
  ExpectSeen({{"weir.yaml", "proxy 1"}, {"a.yaml", text}});
  EXPECT_EQ(ever_seen_, (std::set<std::string>{"proxy 1", text}));
}

// What is still open is known by inotify alone.
class WriterTest : public ConfigSourceTest {};

TEST_P(WriterTest, AFileThatIsHalfWrittenIsWaitedFor) {
  Start(kForever, kForever);
  for (const std::string& path : {folder() + "/a.yaml", proxy()}) {
    std::ofstream writer(path, std::ios::trunc);
    writer << "half" << std::flush;
    TurnOften();
    Write(folder() + "/b.yaml", "b");  // Of no account, while the other is open.
    TurnOften();
    writer << " and whole" << std::flush;
    writer.close();
    fs::remove(folder() + "/b.yaml");
    std::map<std::string, std::string> whole = {{"weir.yaml", "proxy 1"}, {"a.yaml", "half and whole"}};
    if (path == proxy()) whole["weir.yaml"] = "half and whole";
    ExpectSeen(whole);
  }
  EXPECT_EQ(ever_seen_, (std::set<std::string>{"proxy 1", "half and whole"}));
}

TEST_P(WriterTest, AWriterWhoNeverEndsIsTakenAtTheirWord) {
  Start(kForever, 5);
  std::ofstream writer(folder() + "/a.yaml", std::ios::trunc);
  writer << "half" << std::flush;
  ExpectSeen({{"weir.yaml", "proxy 1"}, {"a.yaml", "half"}});
  writer << " and whole" << std::flush;
  ExpectSeen({{"weir.yaml", "proxy 1"}, {"a.yaml", "half and whole"}});
}

TEST_P(WriterTest, WhatIsNoSpecificationKeepsNobodyWaiting) {
  Start(kForever, kForever);
  std::ofstream swap(folder() + "/.a.yaml.swp", std::ios::trunc), log(root_ + "/weir.log");
  for (const char* text : {"1", "2"}) {
    swap << text << std::flush;
    log << text << std::flush;
    Write(folder() + "/a.yaml", text);
    ExpectSeen({{"weir.yaml", "proxy 1"}, {"a.yaml", text}, {".a.yaml.swp", Read(folder() + "/.a.yaml.swp")}});
  }
}

INSTANTIATE_TEST_SUITE_P(Noticing, WriterTest, testing::Values(true));

INSTANTIATE_TEST_SUITE_P(Noticing, ConfigSourceTest, testing::Bool(),
                         [](const auto& info) { return info.param ? "ByInotify" : "ByPolling"; });

}  // namespace
}  // namespace weir::control
