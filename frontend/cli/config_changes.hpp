// What `import` and `commit` may say of the image they make: --change and its time.
#pragma once

#include <ir/image_config.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace slipway {

// The settings that instructions give to an image that has those of `config`, as a Dockerfile's
// would that begins with it. Throws Error for what is no instruction, or one that would need a
// build.
ImageConfig changed_config(const ImageConfig& config, const std::vector<std::string>& changes);

// Seconds since the epoch: $SOURCE_DATE_EPOCH (reproducible-builds.org), else now. Throws Error.
std::int64_t creation_time();

}  // namespace slipway
