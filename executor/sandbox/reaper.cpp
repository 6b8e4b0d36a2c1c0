#include <executor/sandbox/reaper.hpp>

#include <executor/sandbox/file_system.hpp>
#include <ir/error.hpp>

#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
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

// All of the step is dead, but it may have sent something it had open to a step beside it, through
// a socket in a cache: that one must not change what is read from now on. False where it still can.
bool seal(const FileDescriptor& root) {
  // A file that was closed a moment ago may still be on its way out.
  constexpr int most_tries = 20;
  constexpr auto between = std::chrono::milliseconds(1);
  try {
    for (int tries = 0; tries < most_tries; ++tries) {
      if (make_read_only(root)) return true;
      std::this_thread::sleep_for(between);
    }
  } catch (const Error&) {
    // As good as written: the result is thrown away.
  }
  return false;
}

Error still_written() {
  return Error("a file of this step is still open for writing in another step")
      .hint("steps that share a cache can send each other files; such a layer has no content yet");
}

}  // namespace

struct Reaper::Watched {
  struct Stream {
    FileDescriptor pipe;
    std::uint64_t number = 0;  // of its events
    bool held = false;         // taken out of the events until read_on()
  };
  Stream& stream(OutputStream which) { return which == OutputStream::out ? out : err; }

  Launched launched;
  FileDescriptor root;
  std::vector<Stub> stubs;
  std::function<bool()> room;
  Output output;
  Finished finished;
  // Guards what follows: a pipe is read and closed by the reaper's thread alone, and let go on by
  // any. The handle's owner waits for `gone`.
  std::mutex mutex;
  Stream out;
  Stream err;
  std::uint64_t reads_on = 0;  // calls of read_on()
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
  void read_on() override {
    const std::lock_guard lock(watched_->mutex);
    ++watched_->reads_on;
    for (Watched::Stream* stream : {&watched_->out, &watched_->err}) {
      if (!std::exchange(stream->held, false) || !stream->pipe) continue;
      try {
        add(reaper_.events_, stream->pipe, stream->number);
      } catch (const Error&) {
        // No memory for it: the rest is read when the step has ended, and it cannot end while it
        // waits for a reader.
        kill_step(watched_->launched);
      }
    }
  }
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

std::unique_ptr<RunningProcess> Reaper::watch(Launched launched, FileDescriptor root,
                                              std::vector<Stub> stubs, std::function<bool()> room,
                                              Output output, Finished finished) {
  auto watched = std::make_shared<Watched>();
  watched->launched = std::move(launched);
  watched->root = std::move(root);
  watched->stubs = std::move(stubs);
  watched->room = std::move(room);
  watched->output = std::move(output);
  watched->finished = std::move(finished);
  const std::lock_guard lock(mutex_);
  const std::uint64_t number = next_++;
  watched->out = {std::move(watched->launched.output), number << about_bits | about_output, false};
  watched->err = {std::move(watched->launched.error), number << about_bits | about_error, false};
  watched_.emplace(number, watched);
  try {
    if (watched->out.pipe) add(events_, watched->out.pipe, watched->out.number);
    if (watched->err.pipe) add(events_, watched->err.pipe, watched->err.number);
    // Its end is told once: the descriptor stays open until the handle goes, and would be an event
    // all that time.
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

// Its end is no event: whoever has inherited the other end may keep it.
bool Reaper::read_once(Watched& watched, OutputStream which) {
  Watched::Stream& stream = watched.stream(which);
  while (stream.pipe) {
    const ssize_t got = ::read(stream.pipe.get(), buffer_.data(), buffer_.size());
    if (got > 0) {
      watched.output(which, {buffer_.data(), static_cast<std::size_t>(got)});
      return true;
    }
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return false;
    // Closed, it wakes the thread no more.
    const std::lock_guard lock(watched.mutex);
    stream.pipe = FileDescriptor();
  }
  return false;
}

void Reaper::read_some(Watched& watched, OutputStream which) {
  for (int reads = 0; reads < most_reads_at_once; ++reads) {
    std::uint64_t reads_on = 0;
    {
      const std::lock_guard lock(watched.mutex);
      reads_on = watched.reads_on;
    }
    if (watched.room && !watched.room()) {
      const std::lock_guard lock(watched.mutex);
      Watched::Stream& stream = watched.stream(which);
      // Room may have been made since it was asked for.
      if (watched.reads_on != reads_on || !stream.pipe) return;
      // Taken out, because a pipe that nobody writes to any more is told of whatever one asks for.
      ::epoll_ctl(events_.get(), EPOLL_CTL_DEL, stream.pipe.get(), nullptr);
      stream.held = true;
      return;
    }
    if (!read_once(watched, which)) return;
  }
}

void Reaper::end(const std::shared_ptr<Watched>& watched) {
  RunResult result;
  result.exit_code = wait_for(watched->launched.process);
  watched->launched.network.reset();
  // All who wrote are dead, so what the pipes hold is all there will be.
  for (const OutputStream which : {OutputStream::out, OutputStream::err}) {
    while (read_once(*watched, which)) {
    }
    const std::lock_guard lock(watched->mutex);
    watched->stream(which).pipe = FileDescriptor();
  }
  result.out_of_memory = watched->launched.group.out_of_memory();
  watched->launched.group.remove();
  // What a step that failed has left is thrown away anyway.
  if (!seal(watched->root) && result.exit_code == 0) result.failure = still_written();
  watched->root = FileDescriptor();
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
          read_some(*watched, OutputStream::out);
          break;
        default:
          read_some(*watched, OutputStream::err);
          break;
      }
    }
  }
}

}  // namespace slipway
