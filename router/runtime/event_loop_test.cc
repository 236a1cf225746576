#include "router/runtime/event_loop.h"

#include <unistd.h>

#include <functional>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "router/runtime/mailbox.h"

namespace weir::runtime {
namespace {

struct Pipe {
  Pipe() {
    int ends[2];
    EXPECT_EQ(pipe(ends), 0);
    read_end = FileDescriptor(ends[0]);
    write_end = FileDescriptor(ends[1]);
  }
  void Write() { EXPECT_EQ(write(write_end.get(), "x", 1), 1); }
  FileDescriptor read_end, write_end;
};

struct Recorder : ReadyEvents {
  void OnReady(uint32_t ready) override {
    ++times;
    last = ready;
    if (action) action();
  }
  int times = 0;
  uint32_t last = 0;
  std::function<void()> action;
};

class EventLoopTest : public testing::Test {
 protected:
  std::unique_ptr<EventLoop> loop_ = *EventLoop::Create(Clock());
};

TEST_F(EventLoopTest, ReportsADescriptorThatBecameReady) {
  Pipe pipe;
  Recorder recorder;
  ASSERT_TRUE(loop_->Add(pipe.read_end.get(), EPOLLIN, &recorder).ok());
  loop_->Turn(absl::ZeroDuration());
  EXPECT_EQ(recorder.times, 0);
  pipe.Write();
  loop_->Turn(absl::Seconds(60));
  EXPECT_EQ(recorder.times, 1);
  EXPECT_TRUE(recorder.last & EPOLLIN);
  loop_->Remove(pipe.read_end.get(), &recorder);
}

TEST_F(EventLoopTest, ReportsNothingOfWhatAnEarlierEventOfTheTurnRemoved) {
  Pipe pipes[2];
  Recorder recorders[2];
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(loop_->Add(pipes[i].read_end.get(), EPOLLIN, &recorders[i]).ok());
    recorders[i].action = [&, i] { loop_->Remove(pipes[1 - i].read_end.get(), &recorders[1 - i]); };
    pipes[i].Write();
  }
  loop_->Turn(absl::Seconds(60));
  EXPECT_EQ(recorders[0].times + recorders[1].times, 1);
}

TEST_F(EventLoopTest, RunsTimersAndThenTheHookOfTheTurnsEnd) {
  std::vector<std::string> order;
  Timer timer([&] { order.push_back("timer"); });
  loop_->timers().Set(timer, loop_->now());
  loop_->OnTurnEnd([&] { order.push_back("end"); });
  while (timer.is_set()) loop_->Turn(absl::Seconds(60));
  ASSERT_GE(order.size(), 2u);
  EXPECT_EQ(order[order.size() - 2], "timer");
  EXPECT_EQ(order.back(), "end");
}

TEST_F(EventLoopTest, WaitsNoLongerThanUntilTheNextTimer) {
  bool ran = false;
  Timer timer([&] {
    ran = true;
    loop_->Stop();
  });
  const absl::Time due = loop_->now() + absl::Milliseconds(3);
  loop_->timers().Set(timer, due);
  loop_->Run();
  EXPECT_TRUE(ran);
  EXPECT_GE(loop_->now(), due);
}

TEST_F(EventLoopTest, AMailboxWakesItFromAnotherThread) {
  Mailbox<int> box(1000, [this] { loop_->Wake(); });
  int sum = 0;
  loop_->OnTurnEnd([&] {
    for (const int i : box.TakeAll()) sum += i;
    if (sum == 100) loop_->Stop();
  });
  std::thread poster([&] {
    for (int i = 0; i < 100; ++i) EXPECT_TRUE(box.Post(1));
  });
  loop_->Run();
  poster.join();
  EXPECT_EQ(sum, 100);
}

TEST_F(EventLoopTest, StopsFromAnotherThreadEvenBeforeItRuns) {
  std::thread stopper([this] { loop_->Stop(); });
  loop_->Run();
  stopper.join();
}

}  // namespace
}  // namespace weir::runtime
