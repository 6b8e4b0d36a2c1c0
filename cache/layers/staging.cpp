#include <cache/layers/store.hpp>
#include <cache/remove_tree.hpp>
#include <ir/error.hpp>

#include <sys/stat.h>

#include <cerrno>
#include <utility>

namespace slipway {
namespace {

void make_folder(const std::filesystem::path& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) != 0) throw system_error("mkdir", path.native(), errno);
}

}  // namespace

Staging::Staging(std::filesystem::path folder) : folder_(std::move(folder)) {
  make_folder(folder_, 0700);
  try {
    make_folder(upper(), 0755);
    // The umask had its say; the root of every tree is 0755.
    if (::chmod(upper().c_str(), 0755) != 0) throw system_error("chmod", upper().native(), errno);
    make_folder(work(), 0755);
  } catch (...) {
    remove_tree(folder_);
    throw;
  }
}

Staging::Staging(Staging&& other) noexcept : folder_(std::exchange(other.folder_, {})) {}

Staging::~Staging() {
  if (folder_.empty()) return;
  // What stays, the next process removes with the rest of work/.
  remove_tree(folder_);
}

std::filesystem::path Staging::upper() const {
  return folder_ / "upper";
}
std::filesystem::path Staging::work() const {
  return folder_ / "work";
}

}  // namespace slipway
