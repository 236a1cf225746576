#include "router/control/assignment_log.h"

#include <sys/stat.h>

#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "router/routing/assignment.h"

namespace weir::control {
namespace {

std::vector<std::string> Lines(const std::string& path) {
  std::vector<std::string> lines;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

class AssignmentLogTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string folder = testing::TempDir() + "assignments-XXXXXX";
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    options_.file = folder + "/log";
  }
  void Start() {
    log_ = *AssignmentLog::Start(options_, runtime::Clock(), &complaints_);
    log_->Learn(Table());
  }
  routing::RouteTablePtr Table() const {
    auto table = std::make_shared<routing::RouteTable>();
    table->log_sample = options_.sample;
    routing::ExperimentRoute experiment;
    experiment.name = "e";
    experiment.name_hash = routing::NameHash("e");
    experiment.run = experiment.run_ordinal = 1;
    experiment.variants = {{"a", 1}, {"b", 1}};
    table->experiments.push_back(experiment);
    return table;
  }
  static std::vector<stats::AssignmentRecord> Batch(size_t records, uint32_t run = 1) {
    return std::vector<stats::AssignmentRecord>(records, {.run = run, .epoch = 1, .assigned = 1});
  }
  stats::OutcomeReport Outcome(uint8_t bucket) {
    return {
        .ticket = {.experiment = routing::NameHash("e"), .run = 1, .user_bucket = bucket, .start = {}, .issuer = {}},
        .metrics = {{"correct", 1}}};
  }

  config::AssignmentLog options_;
  std::ostringstream stream_;
  runtime::Log complaints_{runtime::Severity::kInfo, stream_};
  std::unique_ptr<AssignmentLog> log_;
};

TEST_F(AssignmentLogTest, WhatThreadsPostAtOnceIsAllInTheFile) {
  Start();
  std::vector<std::thread> workers;
  for (int worker = 0; worker < 4; ++worker) {
    workers.emplace_back([this] {
      for (int i = 0; i < 10; ++i) log_->Post(Batch(100));
    });
  }
  for (std::thread& worker : workers) worker.join();
  log_->Post(Outcome(3));
  log_.reset();
  EXPECT_EQ(Lines(options_.file).size(), 4001u);
}

TEST_F(AssignmentLogTest, OutcomesOfUsersOutsideTheSampleAreLeftOut) {
  options_.sample = *config::Percent::FromDouble(10);
  Start();
  for (int bucket = 0; bucket < 256; ++bucket) log_->Post(Outcome(static_cast<uint8_t>(bucket)));
  log_.reset();
  EXPECT_EQ(Lines(options_.file).size(), 26u);  // 25.6 of 256 buckets, the last of them in part.
}

TEST_F(AssignmentLogTest, FilesAreBounded) {
  options_.file_bytes = 64 * 1024;
  options_.files = 2;
  Start();
  for (int i = 0; i < 50; ++i) log_->Post(Batch(100));
  log_.reset();
  for (const char* suffix : {"", ".1"}) {
    struct stat file;
    ASSERT_EQ(stat((options_.file + suffix).c_str(), &file), 0);
    EXPECT_LE(file.st_size, 64 * 1024);
    for (const std::string& line : Lines(options_.file + suffix)) {
      ASSERT_TRUE(line.starts_with("{\"type\":\"assignment\"") && line.ends_with("}")) << line;
    }
  }
  struct stat absent;
  EXPECT_NE(stat((options_.file + ".2").c_str(), &absent), 0);
}

TEST_F(AssignmentLogTest, WhatIsLostIsCountedAndTheNextLinesSayHowMuch) {
  Start();
  log_->Post(Batch(5, /*run=*/99));  // Of no table.
  log_->Post(Batch(1));
  log_.reset();
  const std::vector<std::string> lines = Lines(options_.file);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_TRUE(lines[1].starts_with("{\"type\":\"dropped\"") && lines[1].ends_with("\"lines\":5}")) << lines[1];
}

TEST_F(AssignmentLogTest, ADiskThatTakesNothingHoldsNobodyBackAndIsCounted) {
  options_.file += "/no/such/folder";
  Start();
  log_->Post(Batch(3));
  while (log_->lines_dropped() != 3) std::this_thread::yield();
  EXPECT_EQ(log_->lines_written(), 0);
}

}  // namespace
}  // namespace weir::control
