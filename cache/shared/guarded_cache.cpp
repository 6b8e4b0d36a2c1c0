#include <cache/shared/guarded_cache.hpp>

#include <cache/registry/pipe.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <span>
#include <system_error>
#include <thread>
#include <utility>

namespace slipway {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// How late a cancelled build is noticed.
constexpr milliseconds poll_interval{100};
// For calls that were told to end. HttpClient takes about one second.
constexpr milliseconds farewell{3000};
// What a server may be ahead of the disk.
constexpr std::size_t pipe_capacity = std::size_t{2} << 20;
// Of `patience`: what crawls is told by its rate over so long, and an upload may take so long.
constexpr int patiences = 3;

// "10 s", "0.3 s"
std::string seconds(milliseconds time) {
  const auto count = time.count();
  if (count % 1000 == 0) return std::to_string(count / 1000) + " s";
  return std::to_string(count / 1000) + "." + std::to_string(count % 1000 / 100) + " s";
}

milliseconds time_at_slowest(std::uint64_t bytes) {
  return milliseconds(bytes / (GuardedCache::slowest_rate / 1000));
}

// Of whatever was thrown.
Error error_of(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const Error& error) {
    return error;
  } catch (const std::exception& error) {
    return Error(error.what());
  } catch (...) {
    return Error("it failed for an unknown reason");
  }
}

}  // namespace

struct GuardedCache::Shared {
  std::unique_ptr<CacheTransport> transport;  // from before the first call to after the last one
  std::atomic<bool> closed = false;

  // Held while `cancelled` is called, so that nobody calls it once close() has returned.
  std::mutex cancel_mutex;
  std::function<bool()> cancelled;

  bool stopped() {
    if (closed) return true;
    const std::lock_guard lock(cancel_mutex);
    return closed || (cancelled && cancelled());
  }

  // Guards what is below, and the calls; `changed` is notified at every change.
  std::mutex mutex;
  std::condition_variable changed;
  bool left_alone = false;
  std::size_t running = 0;  // calls
  Clock::duration slow{0};  // what answers took too long, altogether
  std::uint64_t bytes_received = 0;
  std::uint64_t bytes_sent = 0;
};

struct GuardedCache::Call {
  bool done = false;
  std::exception_ptr failure;
};

// A blob on its way from the call's thread to its reader.
class GuardedCache::Download : public ByteSource {
 public:
  // Shared with the call's thread.
  struct Transfer {
    BytePipe pipe{pipe_capacity};
    // Told before the pipe is closed.
    std::atomic<bool> missing = false;
    std::atomic<bool> failed = false;
  };

  Download(GuardedCache& cache, const SharedBlob& blob, std::shared_ptr<Transfer> transfer,
           std::chrono::nanoseconds worth)
      : cache_(cache), blob_(blob), transfer_(std::move(transfer)), worth_(worth) {}
  ~Download() override { transfer_->pipe.give_up(); }
  Download(const Download&) = delete;

  // Waits for the first byte. False: there is no such blob.
  bool begins(milliseconds box) {
    wait(box, true);
    if (transfer_->failed) {
      std::byte byte;
      take({&byte, 1});
    }
    return !transfer_->missing;
  }

  std::size_t read(std::span<std::byte> buffer) override {
    if (failure_) throw *failure_;
    if (buffer.empty()) return 0;
    // The size says where it ends: a server that keeps the connection open is not waited for.
    if (arrived_ == blob_.size) return end();
    wait(cache_.options_.patience, false);
    const std::size_t got = take(buffer);
    if (got == 0) {
      fail(Error("the blob " + blob_.digest.text() + " ended after " + std::to_string(arrived_) +
                 " of " + std::to_string(blob_.size) + " bytes"));
    }
    // What is too long is not what was asked for, whatever it begins with.
    if (got > blob_.size - arrived_) fail_as_wrong("is longer than it should be");
    hasher_.update(std::span<const std::byte>(buffer.first(got)));
    arrived_ += got;
    return got;
  }

  void read_to_end() {
    std::array<std::byte, 16384> buffer;
    while (read(buffer) > 0) continue;
  }

  bool wrong() const { return wrong_; }
  bool not_worth_it() const { return not_worth_it_; }
  std::uint64_t arrived() const { return arrived_; }

 private:
  [[noreturn]] void fail(Error failure) {
    failure_ = std::move(failure);
    throw *failure_;
  }
  [[noreturn]] void fail_as_wrong(const std::string& what) {
    wrong_ = true;
    fail(Error("the blob " + blob_.digest.text() + " " + what));
  }

  // With the call's failure as this one's.
  std::size_t take(std::span<std::byte> buffer) {
    try {
      return transfer_->pipe.read(buffer);
    } catch (...) {
      fail(error_of(std::current_exception()));
    }
  }

  std::size_t end() {
    if (!verified_ && hasher_.finish() != blob_.digest) fail_as_wrong("has another digest");
    verified_ = true;
    return 0;
  }

  void wait(milliseconds box, bool first) {
    const Clock::time_point began = Clock::now();
    const Clock::time_point until = began + box;
    while (!transfer_->pipe.wait(std::min(until, Clock::now() + poll_interval))) {
      if (cache_.stopped() || (first && cache_.left_alone())) fail(Error("interrupted"));
      if (Clock::now() < until) continue;
      if (first) fail(Error("it did not answer within " + seconds(box)));
      fail(Error("no byte came for " + seconds(box)));
    }
    if (!first) check_rate(Clock::now() - began);
  }

  void check_rate(Clock::duration waited) {
    const milliseconds window = patiences * cache_.options_.patience;
    waited_ += waited;
    waited_in_all_ += waited;
    if (waited_in_all_ - window > worth_) {
      not_worth_it_ = true;
      fail(Error("the blob " + blob_.digest.text() + " takes longer than it is worth"));
    }
    if (waited_ < window) return;
    if (time_at_slowest(arrived_ - window_began_at_) < window) {
      fail(Error("it sent less than " + std::to_string(slowest_rate / 1000) + " kB a second for " +
                 seconds(window)));
    }
    waited_ = Clock::duration{0};
    window_began_at_ = arrived_;
  }

  GuardedCache& cache_;
  const SharedBlob blob_;
  const std::shared_ptr<Transfer> transfer_;
  const std::chrono::nanoseconds worth_;
  Hasher hasher_;
  std::uint64_t arrived_ = 0;
  bool verified_ = false;
  bool wrong_ = false;
  bool not_worth_it_ = false;
  std::optional<Error> failure_;
  Clock::duration waited_in_all_{0};
  Clock::duration waited_{0};  // since the window began
  std::uint64_t window_began_at_ = 0;
};

GuardedCache::GuardedCache(const Open& open, Options options)
    : options_(std::move(options)), shared_(std::make_shared<Shared>()) {
  shared_->cancelled = options_.cancelled;
  // Weak: what the transport holds would keep the transport alive.
  shared_->transport = open([weak = std::weak_ptr<Shared>(shared_)] {
    const std::shared_ptr<Shared> shared = weak.lock();
    return !shared || shared->stopped();
  });
  name_ = shared_->transport->name();
}

GuardedCache::~GuardedCache() {
  close();
  std::unique_lock lock(shared_->mutex);
  const bool ended =
      shared_->changed.wait_for(lock, farewell, [&] { return shared_->running == 0; });
  lock.unlock();
  if (ended) shared_->transport.reset();
}

bool GuardedCache::left_alone() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->left_alone;
}

void GuardedCache::close() {
  {
    const std::lock_guard lock(shared_->cancel_mutex);
    shared_->closed = true;
    shared_->cancelled = nullptr;
  }
  const std::lock_guard lock(shared_->mutex);
  shared_->changed.notify_all();
}

bool GuardedCache::stopped() const {
  return shared_->stopped();
}

void GuardedCache::leave_alone(const std::string& how, const Error& reason) {
  if (stopped()) return;  // what was cut off did not fail
  {
    const std::lock_guard lock(shared_->mutex);
    if (std::exchange(shared_->left_alone, true)) return;
    shared_->changed.notify_all();
  }
  if (!options_.note) return;
  Diagnostic note = reason.diagnostics().back();
  note.message = (options_.write ? "nothing more is written to " + name_ + " in this build: "
                                 : name_ + how + " is left alone for the rest of this build: ") +
                 note.message;
  if (note.hint.empty()) note.hint = "the build goes on without it";
  options_.note(note);
}

void GuardedCache::gave_wrong_bytes(const std::string& reason) {
  leave_alone(" gave wrong bytes and", Error(reason));
}

std::shared_ptr<GuardedCache::Call> GuardedCache::start(std::function<void(CacheTransport&)> work) {
  if (stopped()) return nullptr;
  {
    const std::lock_guard lock(shared_->mutex);
    if (shared_->left_alone) return nullptr;
    ++shared_->running;
  }
  auto call = std::make_shared<Call>();
  const auto run = [shared = shared_, call, work = std::move(work)]() mutable {
    std::exception_ptr failure;
    try {
      work(*shared->transport);
    } catch (...) {
      failure = std::current_exception();
    }
    work = nullptr;  // what it holds goes before anybody is told that it has ended
    const std::lock_guard lock(shared->mutex);
    call->done = true;
    call->failure = failure;
    --shared->running;
    shared->changed.notify_all();
  };
  try {
    std::thread(run).detach();
  } catch (const std::system_error& failure) {
    {
      const std::lock_guard lock(shared_->mutex);
      --shared_->running;
    }
    leave_alone({}, Error("no thread can be started: " + std::string(failure.what())));
    return nullptr;
  }
  return call;
}

bool GuardedCache::finish(const std::shared_ptr<Call>& call, Clock::time_point until,
                          const std::string& too_slow) {
  std::unique_lock lock(shared_->mutex);
  while (!call->done) {
    if (shared_->left_alone) return false;
    const Clock::time_point now = Clock::now();
    if (now >= until) {
      lock.unlock();
      leave_alone({}, Error(too_slow));
      return false;
    }
    shared_->changed.wait_until(lock, std::min(until, now + poll_interval));
    lock.unlock();
    if (stopped()) return false;
    lock.lock();
  }
  const std::exception_ptr failure = call->failure;
  lock.unlock();
  if (failure) leave_alone({}, error_of(failure));
  return !failure;
}

bool GuardedCache::run(milliseconds box, std::function<void(CacheTransport&)> work) {
  const std::shared_ptr<Call> call = start(std::move(work));
  return call && finish(call, Clock::now() + box, "it took longer than " + seconds(box));
}

milliseconds GuardedCache::answer_free() const {
  // Uploads run beside the build: a distant server may be slower for them.
  return options_.patience / (options_.write ? 10 : 20);
}

milliseconds GuardedCache::answer_box() const {
  const std::lock_guard lock(shared_->mutex);
  const auto left = std::max(Clock::duration{0}, options_.patience - shared_->slow);
  return std::min(options_.patience,
                  answer_free() + std::chrono::duration_cast<milliseconds>(left));
}

void GuardedCache::answered(Clock::duration took) {
  const std::lock_guard lock(shared_->mutex);
  shared_->slow += std::max(Clock::duration{0}, took - answer_free());
}

template <class Answer>
std::optional<Answer> GuardedCache::ask(std::function<Answer(CacheTransport&)> question) {
  const Clock::time_point began = Clock::now();
  const milliseconds box = answer_box();
  auto answer = std::make_shared<Answer>();  // read once the call is done
  const std::shared_ptr<Call> call =
      start([answer, question = std::move(question)](CacheTransport& transport) {
        *answer = question(transport);
      });
  const std::string too_slow =
      box < options_.patience
          ? "its answers came too slowly, " + seconds(options_.patience) + " too late altogether"
          : "it did not answer within " + seconds(box);
  if (!call || !finish(call, began + box, too_slow)) return std::nullopt;
  return std::move(*answer);
}

std::optional<std::string> GuardedCache::record(const Digest& key) {
  const Clock::time_point began = Clock::now();
  auto bytes = ask<std::optional<std::string>>(
      [key](CacheTransport& transport) { return transport.record(key); });
  if (!bytes) return std::nullopt;
  if (!*bytes) {
    answered(Clock::now() - began);
    return std::nullopt;
  }
  const std::lock_guard lock(shared_->mutex);
  shared_->bytes_received += (*bytes)->size();
  return std::move(*bytes);
}

std::optional<bool> GuardedCache::has_blob(const SharedBlob& blob) {
  const Clock::time_point began = Clock::now();
  const auto there =
      ask<bool>([blob](CacheTransport& transport) { return transport.has_blob(blob); });
  if (there) answered(Clock::now() - began);
  return there;
}

bool GuardedCache::blob(const SharedBlob& blob, const std::function<void(ByteSource&)>& read,
                        std::chrono::nanoseconds worth) {
  const auto transfer = std::make_shared<Download::Transfer>();
  const std::shared_ptr<Call> call = start([transfer, blob](CacheTransport& transport) {
    try {
      const bool found = transport.blob(
          blob, [&](std::span<const std::byte> bytes) { transfer->pipe.write(bytes); });
      transfer->missing = !found;
      transfer->pipe.close();
    } catch (...) {
      transfer->failed = true;
      transfer->pipe.close(std::current_exception());
    }
  });
  if (!call) return false;
  Download download(*this, blob, transfer, worth);
  std::exception_ptr failure;
  try {
    if (!download.begins(answer_box())) return false;
    read(download);
    download.read_to_end();
  } catch (...) {
    failure = std::current_exception();
  }
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->bytes_received += download.arrived();
  }
  if (!failure) return true;
  if (download.not_worth_it()) return false;
  if (download.wrong()) {
    gave_wrong_bytes(error_of(failure).what());
  } else {
    leave_alone({}, error_of(failure));
  }
  return false;
}

bool GuardedCache::put_blob(const SharedBlob& blob, const std::filesystem::path& file) {
  const milliseconds box = patiences * options_.patience + time_at_slowest(blob.size);
  if (!run(box, [blob, file](CacheTransport& transport) { transport.put_blob(blob, file); })) {
    return false;
  }
  const std::lock_guard lock(shared_->mutex);
  shared_->bytes_sent += blob.size;
  return true;
}

bool GuardedCache::put_record(const Digest& key, const std::string& bytes,
                              const std::vector<SharedBlob>& blobs) {
  const milliseconds box = patiences * options_.patience + time_at_slowest(bytes.size());
  if (!run(box, [key, bytes, blobs](CacheTransport& transport) {
        transport.put_record(key, bytes, blobs);
      })) {
    return false;
  }
  const std::lock_guard lock(shared_->mutex);
  shared_->bytes_sent += bytes.size();
  return true;
}

std::uint64_t GuardedCache::bytes_received() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->bytes_received;
}

std::uint64_t GuardedCache::bytes_sent() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->bytes_sent;
}

}  // namespace slipway
