#include <cache/archive/gzip.hpp>

#include <ir/error.hpp>

#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <cstdint>
#include <cstring>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace slipway {
namespace {

// Both are part of the bytes that come out, and so of every layer's digest.
constexpr std::size_t block_size = std::size_t{1} << 20;
constexpr std::size_t dictionary_size = std::size_t{32} << 10;
// Twice what deflate's stored blocks need (five bytes for 65,535) and more; less is an error.
constexpr std::size_t worst_case = block_size + block_size / 16;

constexpr unsigned char header[] = {0x1f, 0x8b, 8,  // gzip, deflate (RFC 1952, 2.3)
                                    0,              // no name, no comment
                                    0, 0, 0, 0,     // no time
                                    0, 255};        // no flags, "unknown" system

struct Block {
  std::vector<std::uint8_t> input;  // the dictionary, then the block
  std::size_t dictionary = 0;       // its size, bytes
  bool last = false;
  std::vector<std::uint8_t> output;
  int status = 0;
  bool done = false;
};

// Scratch memory of one thread; ISA-L's own structures are 300 KiB.
class Compressor {
 public:
  void compress(Block& block) {
    isal_deflate_init(stream_.get());
    stream_->level = 2;
    stream_->level_buf = buffer_.data();
    stream_->level_buf_size = static_cast<std::uint32_t>(buffer_.size());
    stream_->gzip_flag = IGZIP_DEFLATE;
    stream_->flush = block.last ? NO_FLUSH : SYNC_FLUSH;
    stream_->end_of_stream = block.last;
    if (block.dictionary > 0) {
      block.status = isal_deflate_set_dict(stream_.get(), block.input.data(),
                                           static_cast<std::uint32_t>(block.dictionary));
      if (block.status != COMP_OK) return;
    }
    stream_->next_in = block.input.data() + block.dictionary;
    stream_->avail_in = static_cast<std::uint32_t>(block.input.size() - block.dictionary);
    block.output.resize(worst_case);
    stream_->next_out = block.output.data();
    stream_->avail_out = static_cast<std::uint32_t>(block.output.size());
    block.status = isal_deflate(stream_.get());
    if (block.status == COMP_OK && (stream_->avail_in != 0 || stream_->avail_out == 0)) {
      block.status = STATELESS_OVERFLOW;  // ISA-L's name for an output that is too small
    }
    block.output.resize(block.output.size() - stream_->avail_out);
  }

 private:
  std::unique_ptr<isal_zstream> stream_ = std::make_unique<isal_zstream>();
  std::vector<std::uint8_t> buffer_ = std::vector<std::uint8_t>(ISAL_DEF_LVL2_DEFAULT);
};

}  // namespace

struct GzipWriter::State {
  ByteSink sink;
  unsigned threads;
  std::vector<std::uint8_t> pending;  // the dictionary, then what is not a whole block yet
  std::size_t dictionary = 0;
  std::uint32_t crc = 0;
  std::uint64_t length = 0;
  bool started = false;

  // Guards what follows. A block belongs to the worker that took it until it is `done`.
  std::mutex mutex;
  std::condition_variable work;      // there is a block to take, or nothing will come
  std::condition_variable finished;  // a block is done
  std::deque<std::unique_ptr<Block>> blocks;  // in order; written from the front
  std::deque<Block*> waiting;
  bool ended = false;
  std::vector<std::thread> workers;

  ~State() {
    {
      const std::lock_guard lock(mutex);
      ended = true;
      waiting.clear();
    }
    work.notify_all();
    for (std::thread& worker : workers) worker.join();
  }

  void run_worker() {
    Compressor compressor;
    std::unique_lock lock(mutex);
    for (;;) {
      work.wait(lock, [&] { return ended || !waiting.empty(); });
      if (waiting.empty()) return;
      Block& block = *waiting.front();
      waiting.pop_front();
      lock.unlock();
      try {
        compressor.compress(block);
      } catch (const std::bad_alloc&) {
        block.status = ISAL_INVALID_STATE;
      }
      lock.lock();
      block.done = true;
      finished.notify_one();
    }
  }

  void give(std::span<const std::uint8_t> bytes) { sink(std::as_bytes(bytes)); }

  void write_front() {
    std::unique_ptr<Block> block;
    {
      std::unique_lock lock(mutex);
      finished.wait(lock, [&] { return blocks.front()->done; });
      block = std::move(blocks.front());
      blocks.pop_front();
    }
    if (block->status != COMP_OK) {
      throw Error("gzip failed with ISA-L's status " + std::to_string(block->status));
    }
    give(block->output);
  }

  void submit(bool last) {
    auto block = std::make_unique<Block>();
    block->dictionary = dictionary;
    block->last = last;
    const std::span<const std::uint8_t> fresh = std::span(pending).subspan(dictionary);
    crc = crc32_gzip_refl(crc, fresh.data(), fresh.size());
    length += fresh.size();
    std::vector<std::uint8_t> next;
    if (!last) {
      next.reserve(dictionary_size + block_size);
      next.assign(fresh.end() - static_cast<std::ptrdiff_t>(dictionary_size), fresh.end());
    }
    block->input = std::exchange(pending, std::move(next));
    dictionary = pending.size();
    if (!started) {
      give(header);
      started = true;
    }
    if (last && workers.empty()) {  // one block: not worth a thread
      Compressor().compress(*block);
      block->done = true;
      blocks.push_back(std::move(block));
      return write_front();
    }
    if (workers.empty()) {
      workers.reserve(threads);
      for (unsigned i = 0; i < threads; ++i) workers.emplace_back([this] { run_worker(); });
    }
    std::size_t outstanding = 0;
    {
      const std::lock_guard lock(mutex);
      waiting.push_back(block.get());
      blocks.push_back(std::move(block));
      outstanding = blocks.size();
    }
    work.notify_one();
    // Three blocks a thread: enough that none waits for the writer, and memory stays bounded.
    if (outstanding >= std::size_t{3} * threads) write_front();
  }
};

GzipWriter::GzipWriter(ByteSink sink, unsigned threads) : state_(std::make_unique<State>()) {
  state_->sink = std::move(sink);
  state_->threads = threads > 0 ? threads : std::max(1U, std::thread::hardware_concurrency());
}

GzipWriter::~GzipWriter() = default;

void GzipWriter::write(std::span<const std::byte> bytes) {
  State& state = *state_;
  while (!bytes.empty()) {
    // Cut only when more follows, so that the last block is never empty but for an empty input.
    if (state.pending.size() - state.dictionary == block_size) state.submit(false);
    const std::size_t room = block_size - (state.pending.size() - state.dictionary);
    const std::size_t count = std::min(room, bytes.size());
    const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
    state.pending.insert(state.pending.end(), data, data + count);
    bytes = bytes.subspan(count);
  }
}

void GzipWriter::finish() {
  State& state = *state_;
  state.submit(true);
  while (!state.blocks.empty()) state.write_front();
  std::array<std::uint8_t, 8> trailer;
  for (unsigned i = 0; i < 4; ++i) {
    trailer[i] = static_cast<std::uint8_t>(state.crc >> (8 * i));
    trailer[4 + i] = static_cast<std::uint8_t>(state.length >> (8 * i));
  }
  state.give(trailer);
}

}  // namespace slipway
