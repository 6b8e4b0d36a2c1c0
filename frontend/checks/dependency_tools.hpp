// Tools that install what a project's manifest names: npm ci, pip install -r, go mod download ...
#pragma once

#include <frontend/checks/shell_commands.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace slipway {

struct DependencyTool {
  std::string_view name;
  std::string_view manifests;  // what the installation needs, for messages
  std::string_view command;    // how it is written without the project's own files
  std::string_view cache;      // where root's downloads are kept
};

struct Installation {
  const DependencyTool* tool = nullptr;
  bool manifest_only = false;       // it needs nothing of the project but the manifests
  const ShellWord* last = nullptr;  // up to where the command is worth quoting; null: the program
};

// What a command installs; nothing if it is none of these tools, or installs what it names itself.
std::optional<Installation> installation_of(const Command& command);

// The arguments of pip, also of `python -m pip`, behind the program; nothing for other programs.
std::optional<std::span<const ShellWord>> pip_arguments(const Command& command);

}  // namespace slipway
