// --publish and --expose, in docker's writing.
#pragma once

#include <cache/containers/container.hpp>

#include <set>
#include <string>
#include <vector>

namespace slipway {

// [[ADDRESS:]PORT:]PORT[/PROTOCOL], with ranges of the same length on both sides. Throws Error.
std::vector<PortMapping> parse_published(const std::string& text);

// PORT[/PROTOCOL], or a range, as "80/tcp". Throws Error.
std::set<std::string> parse_exposed(const std::string& text);

}  // namespace slipway
