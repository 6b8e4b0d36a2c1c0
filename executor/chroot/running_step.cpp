#include <executor/chroot/running_step.hpp>

#include <executor/chroot/orphans.hpp>
#include <ir/error.hpp>

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <mutex>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace slipway {
namespace {

constexpr int killed_status = 128 + SIGKILL;
constexpr int room_patience = 2;  // milliseconds
constexpr std::string_view no_proc =
    "note: with --isolation=chroot a step has no /proc and no /sys; what needs them fails\n";

// How init ended; nothing where a signal took it.
std::optional<int> status_of(const FileDescriptor& process) {
  siginfo_t how{};
  while (::waitid(P_PIDFD, static_cast<id_t>(process.get()), &how, WEXITED | __WALL) != 0) {
    if (errno != EINTR) return std::nullopt;
  }
  if (how.si_code != CLD_EXITED) return std::nullopt;
  return how.si_status;
}

class RunningStep {
 public:
  RunningStep(Launched launched, StepRoot root, TreePool& pool, std::function<bool()> room,
              std::function<void(OutputStream, std::string_view)> output,
              std::function<void(RunResult)> finished)
      : launched_(std::move(launched)),
        root_(std::move(root)),
        pool_(pool),
        room_(std::move(room)),
        output_(std::move(output)),
        finished_(std::move(finished)) {}

  void run() {
    watch();
    const std::optional<int> status = status_of(launched_.process);
    drain(launched_.output, OutputStream::out);
    drain(launched_.error, OutputStream::err);
    finished_(end(status));
  }

  // Instead of run(), where there is no thread for it.
  void give_up() {
    kill();
    if (status_of(launched_.process)) return root_.take_back(pool_);
    end_orphans(root_.tree->root());
    root_.abandon();
  }

  int terminal() const { return launched_.terminal.get(); }

  // init takes everything with it when its lifeline ends.
  void kill() {
    const std::lock_guard lock(mutex_);
    killed_ = true;
    launched_.lifeline = FileDescriptor();
    // The step is root, and may have stopped it.
    ::syscall(SYS_pidfd_send_signal, launched_.process.get(), SIGCONT, nullptr, 0);
  }

 private:
  // Until init has ended.
  void watch() {
    for (;;) {
      // This thread has nothing else to do, so it asks for room again and needs no read_on().
      const bool room = !room_ || room_();
      std::array<pollfd, 3> waiting = {pollfd{launched_.process.get(), POLLIN, 0},
                                       pollfd{room ? launched_.output.get() : -1, POLLIN, 0},
                                       pollfd{room ? launched_.error.get() : -1, POLLIN, 0}};
      if (::poll(waiting.data(), waiting.size(), room ? -1 : room_patience) < 0) continue;
      if (waiting[1].revents != 0) read_once(launched_.output, OutputStream::out);
      if (waiting[2].revents != 0) read_once(launched_.error, OutputStream::err);
      if (waiting[0].revents != 0) return;
    }
  }

  // False: there is nothing more now.
  bool read_once(FileDescriptor& pipe, OutputStream stream) {
    const ssize_t got = ::read(pipe.get(), buffer_.data(), buffer_.size());
    if (got < 0) return errno == EINTR;
    if (got == 0) pipe = FileDescriptor();  // poll passes over it from now on
    if (got > 0) output_(stream, {buffer_.data(), static_cast<std::size_t>(got)});
    return got > 0;
  }

  void drain(FileDescriptor& pipe, OutputStream stream) {
    while (pipe && read_once(pipe, stream)) {
    }
    pipe = FileDescriptor();
  }

  RunResult end(const std::optional<int>& status) {
    RunResult result;
    bool killed = false;
    {
      const std::lock_guard lock(mutex_);
      killed = killed_;
    }
    result.exit_code = killed ? killed_status : status.value_or(killed_status);
    // At a terminal somebody looks for themselves, and nobody reads the output.
    if (!killed && status && *status != 0 && !launched_.terminal) {
      output_(OutputStream::err, no_proc);
    }
    try {
      if (!status) {
        // Who outlived it may still write: this tree is nobody's any more.
        if (!killed) result.failure = Error("the step killed the process that watches over it");
        end_orphans(root_.tree->root());
        root_.abandon();
      } else {
        root_.take_back(pool_);
      }
    } catch (const Error& error) {
      result.failure = error;
    } catch (const std::exception& error) {
      result.failure = Error(error.what());
    }
    return result;
  }

  Launched launched_;
  StepRoot root_;
  TreePool& pool_;
  std::function<bool()> room_;  // for more output; empty: always
  std::function<void(OutputStream, std::string_view)> output_;
  std::function<void(RunResult)> finished_;
  std::vector<char> buffer_ = std::vector<char>(64 * 1024);  // a pipe's
  std::mutex mutex_;  // guards killed_ and the lifeline, which the killer's thread changes
  bool killed_ = false;
};

class Handle final : public RunningProcess {
 public:
  Handle(std::shared_ptr<RunningStep> step, std::thread thread)
      : step_(std::move(step)), thread_(std::move(thread)) {}
  ~Handle() override {
    step_->kill();
    // `finished` itself may drop the last owner; a thread cannot wait for itself.
    if (thread_.get_id() == std::this_thread::get_id()) {
      thread_.detach();
    } else {
      thread_.join();
    }
  }
  void kill() override { step_->kill(); }
  int terminal() const override { return step_->terminal(); }

 private:
  std::shared_ptr<RunningStep> step_;
  std::thread thread_;
};

}  // namespace

void StepRoot::take_back(TreePool& pool) {
  std::unique_ptr<Tree> taken = std::move(tree);
  const std::unique_ptr<Placements> shown = std::move(placements);
  const Inodes left = shown->undo();
  taken->collect(upper, left);
  pool.give_back(std::move(taken));
}

void StepRoot::abandon() {
  const std::unique_ptr<Tree> taken = std::move(tree);
  const std::unique_ptr<Placements> shown = std::move(placements);
  shown->undo();  // for what goes back to where it was lent from
}

std::unique_ptr<RunningProcess> run_step(Launched launched, StepRoot root, TreePool& pool,
                                         std::function<bool()> room_for_output,
                                         std::function<void(OutputStream, std::string_view)> output,
                                         std::function<void(RunResult)> finished) {
  const auto step = std::make_shared<RunningStep>(std::move(launched), std::move(root), pool,
                                                  std::move(room_for_output), std::move(output),
                                                  std::move(finished));
  try {
    return std::make_unique<Handle>(step, std::thread([step] { step->run(); }));
  } catch (const std::system_error&) {
    step->give_up();
    throw;
  }
}

}  // namespace slipway
