// Builds that ADD a git repository.
#pragma once

#include "../solve/test_build.hpp"

#include <optional>
#include <string>

namespace slipway {

// "FROM scratch\nADD FLAGS URL /\n"
std::string add_git(const std::string& url, const std::string& flags = "");

// What the build says when it fails: messages, hints and details.
std::string failure_of(TestBuild& build, const std::string& dockerfile);

// The entry at a path of the result.
std::optional<Entry> entry_at(TestBuild& build, const std::string& path);

}  // namespace slipway
