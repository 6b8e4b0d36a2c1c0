// Making a container: what was asked for, and what its image says, decided once and written down.
#pragma once

#include <cache/containers/store.hpp>
#include <cache/images/store.hpp>
#include <ir/error.hpp>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

class Store;

struct AskedMount {
  ContainerMount mount;       // volume: with an empty source an anonymous one
  bool makes_source = false;  // bind: a directory of this machine that is not there is made
  std::map<std::string, std::string> labels;  // of a volume that is made for it
};

// --volumes-from.
struct MountsOf {
  std::string container;          // name or ID
  std::optional<bool> read_only;  // in place of what it has there
};

struct ContainerRequest {
  std::string name;  // empty: one is invented
  // What was asked for. What is empty here is the image's: command, working directory, user, stop
  // signal, healthcheck and its fields. Exposed ports and labels come to the image's. In
  // `environment` "NAME" alone takes a variable of the image's away. `entrypoint`, `mounts`,
  // `platform` and `shell` are not looked at.
  ContainerConfig config;
  // In place of the image's entrypoint and command; empty: no entrypoint.
  std::optional<std::vector<std::string>> entrypoint;
  std::vector<AskedMount> mounts;
  std::vector<MountsOf> volumes_from;
};

// What the container is made of, without mounts. Throws Error: there is no program.
ContainerConfig merged_config(const ContainerRequest& request, const ImageConfig& image);

// Makes it and the volumes that it needs; those that are empty get what the image has in their
// places. `note` is told of what was asked for in vain. Throws Error.
Container create_container(Store& store, const Image& image, std::string_view image_name,
                           const ContainerRequest& request,
                           const std::function<void(const Diagnostic&)>& note);

}  // namespace slipway
