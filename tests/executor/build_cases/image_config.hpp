// The config of an image in an OCI layout, and what cases say of it.
#pragma once

#include <nlohmann/json.hpp>

#include <filesystem>
#include <string>
#include <vector>

namespace slipway {

// Throws std::runtime_error where there is no such layout.
nlohmann::json config_of(const std::filesystem::path& layout);

// "KEY JSON" lines of a case that the config does not agree with, as "KEY is ...".
std::vector<std::string> config_differences(const std::string& lines, const nlohmann::json& image);

}  // namespace slipway
