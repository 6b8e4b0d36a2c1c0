// Commands that do one thing to several containers.
#pragma once

#include <ir/error.hpp>

#include <functional>
#include <string>
#include <vector>

namespace slipway {

// Does it for each name, in their order, and prints those that went well, as they were given. All
// are tried; what went wrong is thrown at the end, all together.
void for_each_name(const std::vector<std::string>& names,
                   const std::function<void(const std::string& name)>& what);
// The same, all at once, each on a thread of its own.
void for_all_names(const std::vector<std::string>& names,
                   const std::function<void(const std::string& name)>& what);

}  // namespace slipway
