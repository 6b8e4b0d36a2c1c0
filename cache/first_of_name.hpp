// A file that is written once in a store's life, whoever of several processes comes first.
#pragma once

#include <filesystem>
#include <string_view>

namespace slipway {

// `path` is there afterwards, whole and on the disk: with `bytes`, or with those of another
// process, whose place is never taken. `aside` is a new path on the same file system
// (fresh_work_path); nothing is left there. Throws Error.
void write_first_of_name(const std::filesystem::path& path, const std::filesystem::path& aside,
                         std::string_view bytes);

}  // namespace slipway
