// A store with an image and containers that have never run: what they have changed is written by
// hand into their upper directories, in overlayfs's form.
#pragma once

#include "cache/temporary_folder.hpp"

#include <cache/containers/store.hpp>
#include <cache/containers/volumes.hpp>
#include <cache/images/store.hpp>
#include <cache/layers/stack.hpp>
#include <cache/store.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <stdexcept>
#include <string>

namespace slipway {

inline std::string content_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// A shell script, run in a folder.
inline void shell(const std::filesystem::path& folder, const std::string& script) {
  const std::string line = "cd '" + folder.string() + "' && set -e\n" + script;
  if (std::system(line.c_str()) != 0) throw std::runtime_error("failed: " + script);
}

class Containers {
 public:
  // The script makes the image's files.
  explicit Containers(const std::string& image_script) : store(folder.path() / "state") {
    Staging staging = store.layers().stage();
    shell(staging.upper(), image_script);
    const BuiltLayer built = index_upper(staging.upper(), StackView({}));
    const LayerRef layer = store.layers().commit(std::move(staging), built);
    ImageConfig config;
    config.platform = host_platform();
    config.diff_ids = {layer.diff_id};
    config.history = {HistoryEntry{
        .created = {}, .created_by = "image", .author = {}, .comment = {}, .empty_layer = false}};
    image = store.images().find(store.images().put(write_image_config(config))).value();
  }

  Container create(const std::string& name, ContainerConfig config = {}) {
    config.platform = image.config.platform;
    return store.containers().create(name, image.id, "image", image.layers, config);
  }
  std::filesystem::path upper(const Container& container) {
    return store.containers().folder(container.id) / "upper";
  }

  TemporaryFolder folder;
  Store store;
  Image image;
};

}  // namespace slipway
