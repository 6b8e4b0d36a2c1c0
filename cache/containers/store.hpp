// The containers of a store: created, found by name or ID, removed.
//
// A container keeps its image's layers, and its image, from being removed. Safe for any number of
// threads and processes.
#pragma once

#include <cache/containers/container.hpp>
#include <cache/containers/state.hpp>
#include <ir/error.hpp>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

class Database;
class StateDirectory;

class NoSuchContainer : public Error {
 public:
  using Error::Error;
};

class ContainerStore {
 public:
  ContainerStore(StateDirectory& state, Database& database) : state_(state), database_(database) {}

  // A name is [a-zA-Z0-9][a-zA-Z0-9_.-]+, as docker's; empty: one is invented. Makes its folder with an
  // empty layer. Throws Error: the name is taken, or no name; a layer is not in the store.
  Container create(std::string_view name, const Digest& image, std::string_view image_name,
                   const LayerStack& layers, const ContainerConfig& config);

  std::optional<Container> find(std::string_view id_or_name) const;
  // By ID, name or the beginning of an ID. Throws NoSuchContainer with a hint; Error: several.
  Container get(std::string_view id_or_name) const;
  std::vector<Container> list() const;  // newest first
  void rename(const std::string& id, std::string_view name);
  // Its row, then its folder. The container must not be running: the lock says so.
  void remove(const std::string& id, const ContainerLock& lock);

  // Whether a container was made from it.
  bool uses(const Digest& image) const;

  std::filesystem::path folder(const std::string& id) const;  // containers/ID
  ContainerState state(const std::string& id) const { return container_state(folder(id)); }

 private:
  StateDirectory& state_;
  Database& database_;
};

}  // namespace slipway
