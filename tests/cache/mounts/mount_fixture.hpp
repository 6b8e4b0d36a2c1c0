// Directories that stand for cache mounts, and random bytes to fill them with.
#pragma once

#include "../temporary_folder.hpp"
#include "memory_transport.hpp"

#include <cache/mounts/export_mount.hpp>
#include <cache/mounts/import_mount.hpp>
#include <cache/mounts/tree.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <random>
#include <string>
#include <string_view>

inline std::string random_bytes(std::mt19937_64& random, std::size_t size) {
  std::string bytes(size, '\0');
  for (char& c : bytes) c = static_cast<char>(random());
  return bytes;
}

// A machine: it has one mount, and a folder for the packs on their way.
class Machine {
 public:
  Machine() {
    std::filesystem::create_directory(folder_ / "mount");
    std::filesystem::create_directory(folder_ / "work");
  }

  std::filesystem::path mount() const { return folder_ / "mount"; }
  std::filesystem::path file(std::string_view name) const { return mount() / name; }

  void write(std::string_view name, std::string_view bytes) const {
    std::filesystem::create_directories(file(name).parent_path());
    std::ofstream(file(name), std::ios::binary) << bytes;
  }
  std::string read(std::string_view name) const {
    std::ifstream stream(file(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }

  slipway::MountExport export_to(slipway::CacheTransport& cache, bool remember = true) {
    slipway::MountSource source;
    source.id = id;
    source.directory = mount();
    if (remember) source.memory = folder_ / "memory";
    source.work = folder_ / "work" / std::to_string(++made_);
    source.aside = folder_ / "work" / std::to_string(++made_);
    return slipway::export_mount(cache, source);
  }
  std::optional<slipway::MountImport> import_from(slipway::CacheTransport& cache) {
    return slipway::import_mount(cache, id, mount(), folder_ / "work" / std::to_string(++made_),
                                 {});
  }
  bool work_is_empty() const { return std::filesystem::is_empty(folder_ / "work"); }

  // All that a mount keeps, without where it lies.
  std::vector<slipway::MountEntry> entries() const {
    return slipway::read_mount_tree(mount(), {}).entries;
  }

  std::string id = "go";

 private:
  TemporaryFolder folder_;
  int made_ = 0;
};
