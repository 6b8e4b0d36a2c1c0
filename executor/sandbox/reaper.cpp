#include <executor/sandbox/reaper.hpp>

#include <ir/error.hpp>

#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <utility>

namespace slipway {
namespace {

constexpr std::size_t buffer_size = 64 * 1024;  // a pipe's
// A step that writes as fast as it is read must not keep the thread from all others.
constexpr int most_reads_at_once = 4;

// What an event is about: the low bits of its number, below the step's.
enum About : std::uint64_t { about_process = 0, about_output = 1, about_error = 2 };
constexpr std::uint64_t about_bits = 2;
constexpr std::uint64_t about_mask = 3;

void add(const FileDescriptor& events, const FileDescriptor& descriptor, std::uint64_t number,
         std::uint32_t flags = 0) {
  epoll_event event{};
  event.events = EPOLLIN | flags;
  event.data.u64 = number;
  if (::epoll_ctl(events.get(), EPOLL_CTL_ADD, descriptor.get(), &event) != 0) {
    throw system_error("epoll_ctl", "", errno);
  }
}

// PID 1's death is that of its whole namespace. One that has ended already is no error.
void kill_step(const Launched& launched) {
  ::syscall(SYS_pidfd_send_signal, launched.process.get(), SIGKILL, nullptr, 0);
}

}  // namespace

struct Reaper::Watched {
  Launched launched;
  std::vector<Stub> stubs;
  Output output;
  Finished finished;
  std::mutex mutex;  // guards gone, which the handle's owner waits for
  std::condition_variable changed;
  bool gone = false;
};

class Reaper::Handle final : public RunningProcess {
 public:
  Handle(Reaper& reaper, std::shared_ptr<Watched> watched)
      : reaper_(reaper), watched_(std::move(watched)) {}
  ~Handle() override {
    kill();
    if (std::this_thread::get_id() == reaper_.thread_.get_id()) return;
    std::unique_lock lock(watched_->mutex);
    watched_->changed.wait(lock, [this] { return watched_->gone; });
  }
  void kill() override { kill_step(watched_->launched); }
  int terminal() const override { return watched_->launched.terminal.get(); }

 private:
  Reaper& reaper_;
  std::shared_ptr<Watched> watched_;
};

Reaper::Reaper()
    : events_(::epoll_create1(EPOLL_CLOEXEC)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      buffer_(buffer_size) {
  if (!events_) throw system_error("epoll_create1", "", errno);
  if (!wake_) throw system_error("eventfd", "", errno);
  add(events_, wake_, 0);
  thread_ = std::thread([this] { run(); });
}

Reaper::~Reaper() {
  const std::uint64_t one = 1;
  // An eventfd takes it unless it is full, and then the thread is awake anyway.
  while (::write(wake_.get(), &one, sizeof(one)) < 0 && errno == EINTR) {
  }
  thread_.join();
}

std::unique_ptr<RunningProcess> Reaper::watch(Launched launched, std::vector<Stub> stubs,
                                              Output output, Finished finished) {
  auto watched = std::make_shared<Watched>();
  watched->launched = std::move(launched);
  watched->stubs = std::move(stubs);
  watched->output = std::move(output);
  watched->finished = std::move(finished);
  const std::lock_guard lock(mutex_);
  const std::uint64_t number = next_++;
  watched_.emplace(number, watched);
  try {
    if (watched->launched.output)
      add(events_, watched->launched.output, number << about_bits | about_output);
    if (watched->launched.error)
      add(events_, watched->launched.error, number << about_bits | about_error);
    // Its end is told once: the descriptor stays open until the handle goes, and would be an event all
    // that time.
    add(events_, watched->launched.process, number << about_bits | about_process, EPOLLONESHOT);
    return std::make_unique<Handle>(*this, watched);
  } catch (...) {
    watched_.erase(number);
    kill_step(watched->launched);
    wait_for(watched->launched.process);
    remove_stubs(std::move(watched->stubs));
    throw;
  }
}

// Until the pipe is empty. Its end is no event: whoever has inherited the other end may keep it.
void Reaper::drain(Watched& watched, OutputStream stream, int most_reads) {
  FileDescriptor& pipe =
      stream == OutputStream::out ? watched.launched.output : watched.launched.error;
  while (pipe && most_reads > 0) {
    --most_reads;
    const ssize_t got = ::read(pipe.get(), buffer_.data(), buffer_.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return;
    // Closed, it wakes the thread no more.
    if (got <= 0) pipe = FileDescriptor();
    if (got > 0) watched.output(stream, {buffer_.data(), static_cast<std::size_t>(got)});
  }
}

void Reaper::end(const std::shared_ptr<Watched>& watched) {
  RunResult result;
  result.exit_code = wait_for(watched->launched.process);
  // All who wrote are dead, so what the pipes hold is all there will be.
  drain(*watched, OutputStream::out, INT_MAX);
  drain(*watched, OutputStream::err, INT_MAX);
  watched->launched.output = FileDescriptor();
  watched->launched.error = FileDescriptor();
  remove_stubs(std::move(watched->stubs));
  watched->finished(result);
  const std::lock_guard lock(watched->mutex);
  watched->gone = true;
  watched->changed.notify_all();
}

void Reaper::run() {
  for (;;) {
    std::array<epoll_event, 32> events;
    const int count =
        ::epoll_wait(events_.get(), events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i) {
      const std::uint64_t number = events[static_cast<std::size_t>(i)].data.u64;
      if (number == 0) return;
      std::shared_ptr<Watched> watched;
      {
        const std::lock_guard lock(mutex_);
        const auto found = watched_.find(number >> about_bits);
        if (found == watched_.end()) continue;  // it ended with an earlier event of these
        watched = found->second;
        if ((number & about_mask) == about_process) watched_.erase(found);
      }
      switch (number & about_mask) {
        case about_process:
          end(watched);
          break;
        case about_output:
          drain(*watched, OutputStream::out, most_reads_at_once);
          break;
        default:
          drain(*watched, OutputStream::err, most_reads_at_once);
          break;
      }
    }
  }
}

}  // namespace slipway
