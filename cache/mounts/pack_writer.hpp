// New packs: chunks are compressed into them, and each is sent once it is full.
#pragma once

#include <cache/file_descriptor.hpp>
#include <cache/mounts/document.hpp>
#include <cache/mounts/frames.hpp>
#include <cache/mounts/transfers.hpp>
#include <cache/mounts/work_folder.hpp>
#include <cache/shared/transport.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string_view>
#include <vector>

namespace slipway {

// Of a pack that is complete, bytes. Larger ones would mean fewer requests and more of what is no
// longer used: a pack goes when less than half of it is.
inline constexpr std::uint64_t full_pack = std::uint64_t{8} << 20;

// Not thread-safe; what it sends goes on beside it.
class PackWriter {
 public:
  // `work`: a new path, for packs that are not sent yet.
  PackWriter(CacheTransport& transport, const std::filesystem::path& work)
      : transport_(transport), folder_(work) {}

  // The chunk's place: of the packs this has made, and in it.
  struct Place {
    std::uint32_t pack = 0;
    std::uint32_t chunk = 0;
  };
  Place add(const Digest& digest, std::string_view bytes);
  // Sends a document or anything else beside the packs, unless the cache has it.
  SharedBlob send(std::string_view bytes);
  // Waits until all is sent, and gives what was packed. Throws Error for what could not be sent.
  std::vector<Pack> finish();

  std::uint64_t sent() const { return sent_; }  // bytes, after finish()

 private:
  void close_pack();
  void start_sending(const SharedBlob& blob, const std::filesystem::path& file);

  CacheTransport& transport_;
  WorkFolder folder_;
  std::size_t files_ = 0;
  Frames frames_;
  FileDescriptor file_;  // of the pack that is being filled; none: the next chunk begins one
  Hasher hasher_;
  std::vector<Pack> packs_;
  std::atomic<std::uint64_t> sent_{0};  // counted by the threads that send
  Transfers transfers_;                 // last: ends before what its pieces use
};

}  // namespace slipway
