// What a crash leaves: the journal's place on a disk, in memory or as files of the real store.

#ifndef WEIR_TEST_SIMULATOR_DISK_H_
#define WEIR_TEST_SIMULATOR_DISK_H_

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "router/experiment/journal.h"

namespace weir::simulator {

class Disk {
 public:
  virtual ~Disk() = default;
  // As a process that starts does. One journal at a time.
  virtual absl::StatusOr<std::unique_ptr<experiment::Journal>> Open() = 0;
  // The process that has the journal open is killed now: what it does from here on, orderly ends included, reaches a
  // disk that nobody reads any more.
  virtual void Kill() = 0;
};

// Rows and checkpoints as bytes, chained as router/control/sqlite_journal.h chains them. A hundred times as fast.
class MemoryDisk : public Disk {
 public:
  struct Content {
    std::vector<std::pair<std::string, std::string>> rows;  // Record and hash.
    std::map<std::string, std::string> checkpoints;
  };

  absl::StatusOr<std::unique_ptr<experiment::Journal>> Open() override;
  void Kill() override { content_ = std::make_shared<Content>(*content_); }
  Content& content() { return *content_; }

 private:
  std::shared_ptr<Content> content_ = std::make_shared<Content>();
};

// The store of production, in files below `folder`. Killing copies the files as they are, between two calls, and goes
// on with the copy.
class SqliteDisk : public Disk {
 public:
  explicit SqliteDisk(std::string folder);
  ~SqliteDisk() override;
  absl::StatusOr<std::unique_ptr<experiment::Journal>> Open() override;
  void Kill() override;

 private:
  std::string PathOf(int life) const;
  void Remove(int life) const;

  const std::string folder_;
  int life_ = 0;
};

}  // namespace weir::simulator

#endif  // WEIR_TEST_SIMULATOR_DISK_H_
