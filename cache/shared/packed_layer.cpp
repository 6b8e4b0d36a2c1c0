#include <cache/shared/packed_layer.hpp>

#include <cache/archive/zstd.hpp>
#include <cache/file_descriptor.hpp>
#include <cache/store.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace slipway {
namespace {

void read_file(const std::filesystem::path& path, const ByteSink& sink) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file) throw system_error("open", path.string(), errno);
  std::vector<std::byte> buffer(std::size_t{256} << 10);
  for (;;) {
    const ssize_t got = ::read(file.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw system_error("read", path.string(), errno);
    if (got == 0) return;
    sink(std::span(buffer).first(static_cast<std::size_t>(got)));
  }
}

}  // namespace

std::string_view compression_name(LayerPart part) {
  return part == LayerPart::index ? "zstd-index" : "zstd";
}

PackedFile::PackedFile(Store& store, const std::function<void(const ByteSink&)>& write)
    : path_(store.state().fresh_work_path()) {
  const FileDescriptor file(
      ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) throw system_error("open", path_.string(), errno);
  try {
    Hasher hasher;
    write([&](std::span<const std::byte> bytes) {
      write_all(file.get(), bytes, path_.native());
      hasher.update(bytes);
      blob_.size += bytes.size();
    });
    blob_.digest = hasher.finish();
  } catch (...) {
    ::unlink(path_.c_str());
    throw;
  }
}

PackedFile::~PackedFile() {
  ::unlink(path_.c_str());
}

void pack_layer(Store& store, const DiffId& layer, LayerPart part, const ByteSink& sink,
                const std::function<bool()>& cancelled) {
  // One thread: the build that goes on beside it goes first.
  ZstdWriter zstd(sink, {.level = {}, .pool = std::make_shared<BlockPool>(1)});
  const ByteSink write = [&](std::span<const std::byte> bytes) {
    if (cancelled()) throw Error("interrupted");
    zstd.write(bytes);
  };
  if (part == LayerPart::index) {
    // A damaged one would be believed by others.
    store.layers().index(layer)->verify();
    read_file(store.layers().index_file(layer), write);
  } else {
    store.layers().write_tar(layer, write);
  }
  zstd.finish();
}

}  // namespace slipway
