// The containers of a store: created, found by name or ID, removed.
//
// A container keeps its image's layers, and its image, from being removed. Safe for any number of
// threads and processes.
#pragma once

#include <cache/containers/container.hpp>
#include <cache/containers/state.hpp>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

class Database;
class StateDirectory;

class ContainerStore {
 public:
  ContainerStore(StateDirectory& state, Database& database) : state_(state), database_(database) {}

  // A name is [a-zA-Z0-9][a-zA-Z0-9_.-]+, as docker's; empty: one is invented. Makes its folder
  // with an empty layer. Who is killed here leaves nothing, or a whole container. Throws Error: the
  // name is taken, or no name; a layer or
  // a volume is not in the store.
  Container create(std::string_view name, const Digest& image, std::string_view image_name,
                   const LayerStack& layers, const ContainerConfig& config);

  // By ID or name, which may begin with a slash, as docker shows it in JSON.
  std::optional<Container> find(std::string_view id_or_name) const;
  // The same, or by the beginning of an ID. Throws NoSuchContainer with a hint; Error: several.
  Container get(std::string_view id_or_name) const;
  std::vector<Container> list() const;  // newest first
  void rename(const std::string& id, std::string_view name);
  // Its row, then its folder. The container must not be running: the lock says so. Throws Error.
  void remove(const std::string& id, const ContainerLock& lock);
  // A container whose folder somebody has removed gets an empty one, so that it can be removed, or
  // started as it was created.
  void make_missing_folder(const std::string& id);

  // The IDs of the containers that were made from the image, or from one of the index.
  std::vector<std::string> users(const Digest& image) const;

  // Folders without a row, which somebody who was killed has left: removes them.
  void sweep();

  std::filesystem::path folder(const std::string& id) const;  // containers/ID
  ContainerState state(const std::string& id) const { return container_state(folder(id)); }

 private:
  StateDirectory& state_;
  Database& database_;
};

}  // namespace slipway
