// A cache mount on its way to where it is shared.
#pragma once

#include <cache/shared/signatures.hpp>
#include <cache/shared/transport.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

namespace slipway {

struct MountSource {
  std::string id;
  std::filesystem::path directory;  // nobody writes there meanwhile
  std::filesystem::path memory;     // a file for what the next export needs not read; empty: none
  std::filesystem::path work;       // two new paths beside it: a folder, and a file
  std::filesystem::path aside;
  const SigningKey* sign = nullptr;  // null: the record is not signed
  std::function<bool()> cancelled;   // may be empty
};

struct MountExport {
  std::uint64_t size = 0;    // of the content, bytes
  std::uint64_t sent = 0;    // bytes
  std::uint64_t read = 0;    // of the content, to find out what has changed
  std::size_t left_out = 0;  // sockets and devices
};

// The cache has it afterwards as it is here, in the place of what it had. Packs that are there
// already (of an earlier export, by whomever) are used as long as half of what is in them is.
// Throws Error, and the cache then has what it had before.
MountExport export_mount(CacheTransport& transport, const MountSource& source);

}  // namespace slipway
