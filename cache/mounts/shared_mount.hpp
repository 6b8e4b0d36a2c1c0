// A cache mount as it is found where it is shared.
#pragma once

#include <cache/mounts/document.hpp>
#include <cache/shared/signatures.hpp>
#include <cache/shared/transport.hpp>

#include <cstdint>
#include <filesystem>
#include <string>

namespace slipway {

struct SharedMount {
  MountRecord record;
  MountDocument document;
  SignedDocument signatures;   // of the record
  std::uint64_t received = 0;  // bytes
};

// What `record`, which was found under `id`, stands for. Throws Error if it is another mount's or
// damaged, if its document is, or if none of the keys in `trust` signed it (null, none: nobody has
// to have).
SharedMount read_shared_mount(CacheTransport& transport, const std::string& id,
                              const std::string& record, const TrustedKeys* trust = nullptr);

// The blob as a new file, its bytes verified. Throws Error, also if there is none.
void fetch_blob(CacheTransport& transport, const SharedBlob& blob,
                const std::filesystem::path& file);

}  // namespace slipway
