// A cache mount on its way here.
#pragma once

#include <cache/mounts/document.hpp>
#include <cache/shared/signatures.hpp>
#include <cache/shared/transport.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace slipway {

struct MountImport {
  std::uint64_t size = 0;      // of the content, bytes
  std::uint64_t received = 0;  // bytes
};

// Fills `directory`, which is there and empty, with what the cache has of the mount; nothing if it
// has none. `work`: a new path beside it, for packs. Everything is verified, and nothing is written
// but beneath the directory. Throws Error, and the directory then holds a part. `cancelled` ends it
// so; may be empty. `trust` as in read_shared_mount().
std::optional<MountImport> import_mount(CacheTransport& transport, const std::string& id,
                                        const std::filesystem::path& directory,
                                        const std::filesystem::path& work,
                                        const std::function<bool()>& cancelled,
                                        const TrustedKeys* trust = nullptr);

// Writes the entries of a document that was decoded. `read` gives the content. Throws Error.
void restore_mount(const std::filesystem::path& directory, const std::vector<MountEntry>& entries,
                   const std::function<void(std::uint64_t, std::span<std::byte>)>& read,
                   const std::function<bool()>& cancelled);

}  // namespace slipway
