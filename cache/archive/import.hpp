// A root file system's tar becomes an image (`docker import`).
#pragma once

#include <cache/images/store.hpp>
#include <cache/stream.hpp>
#include <ir/image_config.hpp>

#include <string>

namespace slipway {

class Store;

// `tar` may be compressed and is not trusted. It becomes one layer in canonical form, above nothing.
// `config` says what the image is to run and where; its layers, history and times are replaced:
// one entry with `message`, at `created` (RFC 3339). The same input gives the same image. Throws
// Error, and stores no image then.
Image import_rootfs(Store& store, ByteSource& tar, ImageConfig config, const std::string& message,
                    const std::string& created);

}  // namespace slipway
