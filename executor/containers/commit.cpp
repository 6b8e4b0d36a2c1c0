#include <executor/containers/commit.hpp>

#include <cache/store.hpp>
#include <executor/containers/container_tree.hpp>
#include <executor/containers/own_layer.hpp>
#include <ir/error.hpp>

#include <optional>
#include <utility>
#include <vector>

namespace slipway {
namespace {

std::optional<std::vector<std::string>> if_any(const std::vector<std::string>& words) {
  if (words.empty()) return std::nullopt;
  return words;
}

// docker's: the command without the entrypoint.
std::string command_text(const Container& container) {
  std::string text;
  for (const std::string& word : container.config.command) text += (text.empty() ? "" : " ") + word;
  return text;
}

// Nothing: it has changed nothing. Copied while the container stands still, and no longer; one that
// does not run is not started meanwhile, whatever was asked.
std::optional<LayerRef> own_layer(Store& store, const Container& container, bool pause) {
  Staging staging = store.layers().stage();
  std::optional<PausedContainer> paused(std::in_place, store, container, pause);
  const bool changing = !pause && paused->runs();
  const BuiltLayer built = OwnLayer(store, container, changing).copy_to(staging);
  paused.reset();
  if (LayerIndex::from_bytes(built.index)->size() == 0) return std::nullopt;
  return store.layers().commit(std::move(staging), built);
}

}  // namespace

ImageConfig config_of(Store& store, const Container& container) {
  const ContainerConfig& own = container.config;
  ImageConfig config;
  if (const std::optional<Image> image = store.images().find(container.image)) {
    config.os_version = image->config.os_version;
    config.volumes = image->config.volumes;
    config.args_escaped = image->config.args_escaped;
  }
  config.platform = own.platform;
  config.user = own.user;
  config.exposed_ports = own.exposed_ports;
  config.env = own.environment;
  config.entrypoint = if_any(own.entrypoint);
  config.cmd = if_any(own.command);
  for (const ContainerMount& mount : own.mounts)
    if (mount.type == ContainerMount::Type::volume && mount.anonymous)
      config.volumes.insert(mount.target);
  config.working_dir = own.working_directory;
  config.labels = own.labels;
  config.stop_signal = own.stop_signal;
  config.healthcheck = own.healthcheck;
  config.shell = own.shell;
  return config;
}

Image commit_container(Store& store, const Container& container, const CommitRequest& request) {
  ImageConfig config = request.config;
  config.author = request.author;
  config.created = request.created;
  config.history.clear();
  config.diff_ids.clear();
  if (const std::optional<Image> image = store.images().find(container.image))
    config.history = image->config.history;
  for (const LayerRef& layer : container.layers) config.diff_ids.push_back(layer.diff_id);
  const std::optional<LayerRef> own = own_layer(store, container, request.pause);
  if (own) config.diff_ids.push_back(own->diff_id);
  config.history.push_back(HistoryEntry{.created = request.created,
                                        .created_by = command_text(container),
                                        .author = request.author,
                                        .comment = request.message,
                                        .empty_layer = !own});
  store.sync();
  return store.images().find(store.images().put(write_image_config(config))).value();
}

}  // namespace slipway
