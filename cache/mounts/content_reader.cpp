#include <cache/mounts/content_reader.hpp>

#include <ir/error.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace slipway {

ContentReader::ContentReader(const MountDocument& document,
                             std::function<std::filesystem::path(std::size_t)> file)
    : document_(document), file_(std::move(file)) {
  for (const Pack& pack : document.packs) {
    Ends& ends = ends_.emplace_back();
    std::uint64_t size = 0;
    std::uint64_t stored = 0;
    for (const PackedChunk& chunk : pack.chunks) {
      ends.size.push_back(size += chunk.size);
      ends.stored.push_back(stored += chunk.stored);
    }
  }
  std::uint64_t begin = 0;
  for (const ChunkRun& run : document.content) {
    runs_.push_back(begin);
    const std::vector<std::uint64_t>& ends = ends_[run.pack].size;
    begin += ends[run.first + run.count - 1] - (run.first == 0 ? 0 : ends[run.first - 1]);
  }
}

void ContentReader::read(std::uint64_t position, std::span<std::byte> buffer) {
  while (!buffer.empty()) {
    const Chunk& chunk = chunk_at(position);
    const std::string_view rest =
        std::string_view(chunk.bytes).substr(static_cast<std::size_t>(position - chunk.begin));
    const std::size_t size = std::min(rest.size(), buffer.size());
    std::copy_n(reinterpret_cast<const std::byte*>(rest.data()), size, buffer.begin());
    buffer = buffer.subspan(size);
    position += size;
  }
}

const ContentReader::Chunk& ContentReader::chunk_at(std::uint64_t position) {
  for (const Chunk& held : held_) {
    if (position >= held.begin && position - held.begin < held.bytes.size()) return held;
  }
  const auto run_at = std::upper_bound(runs_.begin(), runs_.end(), position) - runs_.begin() - 1;
  const ChunkRun& run = document_.content[static_cast<std::size_t>(run_at)];
  const std::vector<std::uint64_t>& ends = ends_[run.pack].size;
  const std::uint64_t before = run.first == 0 ? 0 : ends[run.first - 1];
  const std::uint64_t begin = runs_[static_cast<std::size_t>(run_at)];
  const auto number =
      std::upper_bound(ends.begin(), ends.end(), before + (position - begin)) - ends.begin();
  Chunk& chunk = held_[next_++ % held_.size()];
  chunk.bytes.clear();
  chunk.pack = run.pack;
  chunk.number = static_cast<std::uint32_t>(number);
  chunk.begin = begin + (number == 0 ? 0 : ends[static_cast<std::size_t>(number) - 1]) - before;
  load(chunk);
  return chunk;
}

void ContentReader::load(Chunk& chunk) {
  const PackedChunk& packed = document_.packs[chunk.pack].chunks[chunk.number];
  const std::filesystem::path path = file_(chunk.pack);
  if (!open_ || opened_ != chunk.pack) {
    open_ = FileDescriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!open_) throw system_error("open", path.native(), errno);
    opened_ = chunk.pack;
  }
  std::string frame(packed.stored, '\0');
  std::uint64_t at = ends_[chunk.pack].stored[chunk.number] - packed.stored;
  for (std::size_t read = 0; read < frame.size();) {
    const ssize_t got = ::pread(open_.get(), frame.data() + read, frame.size() - read,
                                static_cast<off_t>(at + read));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw system_error("pread", path.native(), errno);
    if (got == 0) throw Error("a pack of the cache mount is shorter than its chunks");
    read += static_cast<std::size_t>(got);
  }
  std::string bytes = frames_.expand(frame, packed.size);
  if (bytes.size() != packed.size || sha256(bytes) != packed.digest)
    throw Error("a chunk of the cache mount is not what its digest says");
  chunk.bytes = std::move(bytes);
}

}  // namespace slipway
