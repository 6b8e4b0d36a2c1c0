// Packs on their way, in a folder that goes with them.
#pragma once

#include <cache/remove_tree.hpp>
#include <ir/error.hpp>

#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <string>
#include <utility>

namespace slipway {

class [[nodiscard]] WorkFolder {
 public:
  // A new path. Throws Error.
  explicit WorkFolder(std::filesystem::path path) : path_(std::move(path)) {
    if (::mkdir(path_.c_str(), 0700) != 0) throw system_error("mkdir", path_.native(), errno);
  }
  WorkFolder(const WorkFolder&) = delete;
  // What stays, the next process removes with the rest of work/.
  ~WorkFolder() { remove_tree(path_); }

  std::filesystem::path file(std::size_t number) const { return path_ / std::to_string(number); }

 private:
  std::filesystem::path path_;
};

}  // namespace slipway
