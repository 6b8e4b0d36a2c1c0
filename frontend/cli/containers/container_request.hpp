// What the flags of `slipway run` and `slipway create` ask for.
#pragma once

#include "container_flags.hpp"

#include <executor/containers/create.hpp>
#include <ir/platform.hpp>

#include <filesystem>
#include <optional>
#include <string>

namespace slipway {

enum class PullPolicy { always, missing, never };

struct CreateRequest {
  std::string image;
  PullPolicy pull = PullPolicy::missing;
  std::optional<Platform> platform;
  bool quiet = false;
  std::string cidfile;  // empty: none
  ContainerRequest container;
};

// `directory`: what a relative path is relative to. Throws Error for what cannot be.
CreateRequest create_request(const ContainerFlags& flags, const std::filesystem::path& directory);

}  // namespace slipway
