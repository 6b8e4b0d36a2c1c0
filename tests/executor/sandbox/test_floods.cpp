// Output that comes faster than anybody reads it.
#include "executor/sandbox/real_runner.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <future>
#include <mutex>
#include <string>
#include <thread>

using namespace slipway;

namespace {

// A step whose output is taken only while there is room.
class HeldStep {
 public:
  explicit HeldStep(const std::string& command) : step_(command) {
    step_.with_busybox().with_probe().request.operation = &step_.operation;
    step_.request.room_for_output = [this] { return room_.load(); };
  }

  void start(ProcessRunner& runner) {
    process_ = runner.start(
        step_.request, [this](OutputStream, std::string_view text) { taken_ += text.size(); },
        [this](RunResult result) { ended_.set_value(result.exit_code); });
  }
  void make_room() {
    room_ = true;
    process_->read_on();
  }
  void take_room() { room_ = false; }
  std::size_t taken() const { return taken_; }
  int wait() { return ended_.get_future().get(); }
  RunningProcess& process() { return *process_; }

 private:
  TestStep step_;
  std::atomic<bool> room_{false};
  std::atomic<std::size_t> taken_{0};
  std::promise<int> ended_;
  std::unique_ptr<RunningProcess> process_;
};

}  // namespace

TEST_CASE("a flood that nobody has room for waits in its pipe, and one beside it does not") {
  const auto runner = real_runner();
  if (!runner) return;
  HeldStep flood("probe flood 20000000; echo end");
  flood.start(*runner);
  // A whole step, with a megabyte of output of its own.
  const Outcome beside = run_plain(*runner, "probe flood 1000000");
  CHECK(beside.exit_code == 0);
  CHECK(beside.out.size() == 1000000);
  CHECK(flood.taken() == 0);
  flood.make_room();
  CHECK(flood.wait() == 0);
  CHECK(flood.taken() == 20000004);
}

TEST_CASE("room that comes and goes loses nothing, on either stream") {
  const auto runner = real_runner();
  if (!runner) return;
  HeldStep flood("probe flood 5000000; probe flood 5000000 >&2; probe flood 5000000");
  flood.start(*runner);
  std::atomic<bool> over = false;
  std::thread turns([&] {
    while (!over) {
      flood.make_room();
      std::this_thread::yield();
      flood.take_room();
    }
    flood.make_room();
  });
  std::thread last([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    over = true;
  });
  CHECK(flood.wait() == 0);
  over = true;
  turns.join();
  last.join();
  CHECK(flood.taken() == 15000000);
}

TEST_CASE("a step that ends while its output waits is told, with what its pipes hold") {
  const auto runner = real_runner();
  if (!runner) return;
  HeldStep small("echo out; echo error >&2; exit 3");
  small.start(*runner);
  CHECK(small.wait() == 3);
  CHECK(small.taken() == 10);
}

TEST_CASE("a flood that waits can be killed") {
  const auto runner = real_runner();
  if (!runner) return;
  HeldStep flood("probe flood 1000000000");
  flood.start(*runner);
  flood.process().kill();
  CHECK(flood.wait() == 137);
  CHECK(flood.taken() < 1000000);
}
