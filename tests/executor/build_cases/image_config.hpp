// The config and the last layer of an image in an OCI layout, and what cases say of the config.
#pragma once

#include <nlohmann/json.hpp>

#include <filesystem>
#include <string>
#include <vector>

namespace slipway {

// Throws std::runtime_error where there is no such layout.
nlohmann::json config_of(const std::filesystem::path& layout);
// The blob of the last layer.
std::filesystem::path last_layer_of(const std::filesystem::path& layout);

// "KEY JSON" lines of a case that the config does not agree with, as "KEY is ...".
std::vector<std::string> config_differences(const std::string& lines, const nlohmann::json& image);

}  // namespace slipway
