#include "overlay_fixture.hpp"

#include <cache/layers/extract.hpp>
#include <ir/error.hpp>

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

namespace slipway {

namespace fs = std::filesystem;

bool OverlayMount::is_machines_root() {
  struct stat status {};
  constexpr ino_t first_namespace = 0xEFFFFFFD;
  return ::stat("/proc/self/ns/user", &status) == 0 && status.st_ino == first_namespace;
}

std::string OverlayMount::reason_to_skip() {
  if (::geteuid() != 0) return "not root";
  TemporaryFolder folder;
  if (::mount("tmpfs", folder.path().c_str(), "tmpfs", 0, "") != 0) {
    return std::string("may not mount: ") + std::strerror(errno);
  }
  for (const char* name : {"l", "u", "w", "m"}) fs::create_directory(folder / name);
  const std::string options = "lowerdir=" + (folder / "l").native() +
                              ",upperdir=" + (folder / "u").native() +
                              ",workdir=" + (folder / "w").native();
  const bool mounted =
      ::mount("overlay", (folder / "m").c_str(), "overlay", 0, options.c_str()) == 0;
  const std::string reason = mounted ? "" : std::string("no overlayfs: ") + std::strerror(errno);
  if (mounted) ::umount2((folder / "m").c_str(), MNT_DETACH);
  ::umount2(folder.path().c_str(), MNT_DETACH);
  return reason;
}

OverlayMount::OverlayMount() {
  fs::create_directory(folder_ / "fs");
  if (::mount("tmpfs", (folder_ / "fs").c_str(), "tmpfs", 0, "mode=755") != 0) {
    throw std::runtime_error(std::string("tmpfs: ") + std::strerror(errno));
  }
  for (const fs::path& path : {lower(), upper(), merged(), folder_ / "fs/work"}) {
    fs::create_directory(path);
  }
}

OverlayMount::~OverlayMount() {
  ::umount2(merged().c_str(), MNT_DETACH);
  ::umount2((folder_ / "fs").c_str(), MNT_DETACH);
}

void OverlayMount::mount() {
  // What a tree holds above nothing is all of it: index_upper is also how a lower is indexed.
  const BuiltLayer built = index_upper(lower(), StackView({}));
  below_ = StackView({{lower(), LayerIndex::from_bytes(built.index)}});
  const std::string options = "lowerdir=" + lower().native() + ",upperdir=" + upper().native() +
                              ",workdir=" + (folder_ / "fs/work").native() +
                              ",metacopy=off,index=off" +
                              (is_machines_root() ? ",redirect_dir=off" : ",userxattr");
  if (::mount("overlay", merged().c_str(), "overlay", 0, options.c_str()) != 0) {
    throw std::runtime_error(std::string("overlay: ") + std::strerror(errno));
  }
}

void OverlayMount::run(const std::string& script) {
  const std::string command = "cd '" + merged().native() + "' && set -e\n" + script;
  if (std::system(command.c_str()) != 0) throw std::runtime_error("failed: " + script);
}

std::vector<std::string> OverlayMount::layer() {
  const auto index = LayerIndex::from_bytes(index_upper(upper(), below_).index);
  std::vector<std::string> paths;
  for (std::size_t at = 0; at < index->size(); ++at) {
    const Entry entry = index->entry(at);
    std::string text(entry.type == Entry::Type::whiteout ? 1 : 0, '-');
    text += entry.path;
    if (entry.type == Entry::Type::directory) text += "/";
    if (!entry.hard_link.empty()) text += "=" + entry.hard_link;
    paths.push_back(std::move(text));
  }
  return paths;
}

}  // namespace slipway
