// The content of a cache mount, from packs that were fetched.
#pragma once

#include <cache/file_descriptor.hpp>
#include <cache/mounts/document.hpp>
#include <cache/mounts/frames.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace slipway {

// Each chunk is verified when it is read. Not thread-safe.
class ContentReader {
 public:
  // `document` is borrowed; `file` says where a pack lies that the content needs.
  ContentReader(const MountDocument& document,
                std::function<std::filesystem::path(std::size_t pack)> file);

  // All of `buffer`, from `position` of the content, which has as much. Throws Error.
  void read(std::uint64_t position, std::span<std::byte> buffer);

 private:
  // Of each chunk of a pack where it ends, and of each run where it begins.
  struct Ends {
    std::vector<std::uint64_t> size;    // in the content
    std::vector<std::uint64_t> stored;  // in the pack
  };
  struct Chunk {
    std::uint32_t pack = 0;
    std::uint32_t number = 0;
    std::uint64_t begin = 0;  // in the content
    std::string bytes;        // empty: none is held
  };

  const Chunk& chunk_at(std::uint64_t position);
  void load(Chunk& chunk);

  const MountDocument& document_;
  std::function<std::filesystem::path(std::size_t)> file_;
  std::vector<Ends> ends_;
  std::vector<std::uint64_t> runs_;
  // Files of one group may lie on both sides of a large one, so the last few are held.
  std::array<Chunk, 4> held_;
  std::size_t next_ = 0;
  FileDescriptor open_;
  std::size_t opened_ = 0;  // which pack that is
  Frames frames_;
};

}  // namespace slipway
