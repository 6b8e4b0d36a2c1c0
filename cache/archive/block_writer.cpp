#include <cache/archive/block_writer.hpp>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>

namespace slipway {
namespace {

constexpr std::size_t most_outstanding = std::size_t{256} << 20;  // bytes, not yet compressed

}  // namespace

struct BlockWriter::State {
  std::function<void(Block&)> compress;

  struct Job {
    Block block;  // the pool's until it is `done`
    bool done = false;
    std::exception_ptr failure;
  };
  // Guards what follows; `finished` says that a job is done.
  std::mutex mutex;
  std::condition_variable finished;
  std::deque<std::shared_ptr<Job>> jobs;  // in order; written from the front
  bool abandoned = false;                 // nobody takes what they give any more
  // Input buffers that are done with, for the next blocks: the pages of fresh ones have to be zeroed.
  std::vector<std::vector<std::uint8_t>> spare;

  void run(Job& job) {
    {
      const std::lock_guard lock(mutex);
      if (abandoned) return;
    }
    std::exception_ptr failure;
    try {
      compress(job.block);
    } catch (...) {
      failure = std::current_exception();
    }
    const std::lock_guard lock(mutex);
    spare.push_back(std::exchange(job.block.input, {}));
    job.failure = failure;
    job.done = true;
    finished.notify_one();
  }
};

BlockWriter::BlockWriter(ByteSink sink, Shape shape, std::function<void(Block&)> compress,
                         std::shared_ptr<BlockPool> pool)
    : state_(std::make_shared<State>()),
      sink_(std::move(sink)),
      shape_(shape),
      pool_(std::move(pool)) {
  state_->compress = std::move(compress);
}

BlockWriter::~BlockWriter() {
  const std::lock_guard lock(state_->mutex);
  state_->abandoned = true;
}

void BlockWriter::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    // Cut only when more follows, so that the last block is never empty but for an empty input.
    if (pending_.size() - dictionary_ == shape_.block_size) submit(false);
    const std::size_t room = shape_.block_size - (pending_.size() - dictionary_);
    const std::size_t count = std::min(room, bytes.size());
    const auto* const data = reinterpret_cast<const std::uint8_t*>(bytes.data());
    pending_.insert(pending_.end(), data, data + count);
    bytes = bytes.subspan(count);
  }
}

void BlockWriter::finish() {
  submit(true);
  while (!state_->jobs.empty()) write_front();
}

void BlockWriter::submit(bool last) {
  auto job = std::make_shared<State::Job>();
  std::vector<std::uint8_t> next;
  if (!last) {
    const std::size_t kept = std::min(shape_.dictionary_size, pending_.size());
    {
      const std::lock_guard lock(state_->mutex);
      if (!state_->spare.empty()) {
        next = std::move(state_->spare.back());
        state_->spare.pop_back();
      }
    }
    next.reserve(kept + shape_.block_size);
    next.assign(pending_.end() - static_cast<std::ptrdiff_t>(kept), pending_.end());
  }
  job->block.dictionary = dictionary_;
  job->block.last = last;
  job->block.input = std::exchange(pending_, std::move(next));
  dictionary_ = pending_.size();
  if (last && state_->jobs.empty()) {  // nothing is under way: not worth a thread
    state_->compress(job->block);
    job->done = true;
    state_->jobs.push_back(std::move(job));
    return;
  }
  if (!pool_) pool_ = std::make_shared<BlockPool>();
  std::size_t outstanding = 0;
  {
    const std::lock_guard lock(state_->mutex);
    state_->jobs.push_back(job);
    outstanding = state_->jobs.size();
  }
  pool_->run([state = state_, job] { state->run(*job); });
  // Two blocks a thread: none waits for the writer, and memory stays bounded.
  const std::size_t most =
      std::clamp<std::size_t>(most_outstanding / shape_.block_size, 2,
                              std::max<std::size_t>(2, std::size_t{2} * pool_->threads()));
  if (outstanding > most) write_front();
}

void BlockWriter::write_front() {
  std::shared_ptr<State::Job> job;
  {
    std::unique_lock lock(state_->mutex);
    job = state_->jobs.front();
    state_->finished.wait(lock, [&] { return job->done; });
    state_->jobs.pop_front();
  }
  if (job->failure) std::rethrow_exception(job->failure);
  sink_(std::as_bytes(std::span(job->block.output)));
}

}  // namespace slipway
