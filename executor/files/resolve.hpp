// Paths with links in them, followed by name alone: in trees that are known but not mounted.
#pragma once

#include <cache/layers/stack.hpp>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

// The entry at exactly a path.
using FindEntry = std::function<std::optional<Entry>(std::string_view path)>;

// As StackView::resolve(): as a process with this root would, absolute targets from the root, ".."
// never above it, at most 40 links (path_resolution(7)). Throws Error beyond.
StackView::Resolved resolve_links(std::string_view path, bool follow_last, const FindEntry& find);

// The names of a path, without "." and with ".." taken back, never above the root.
std::vector<std::string> path_names(std::string_view path);

// "directory/name"; for "" the name alone.
std::string join(std::string_view directory, std::string_view name);

}  // namespace slipway
