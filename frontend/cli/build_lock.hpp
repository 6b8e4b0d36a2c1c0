// --lock, --update-lock, --frozen-lock: what a build takes from outside, held to a file.
#pragma once

#include "build_request.hpp"

#include <executor/sources/source_lock.hpp>

#include <optional>
#include <string>
#include <vector>

namespace slipway {

// Empty: none was asked for. Throws Error, also for flags that do not go together.
std::optional<SourceLock> open_lock(const BuildRequest& request);

// What a file with another checksum is told with; empty: there is no lock.
std::string checksum_hint(const BuildRequest& request);

// Writes the lock, and gives what is to be told of it: lines, or nothing. Throws Error where
// something is not what it was held to.
std::string finish_lock(const SourceLock& lock, const std::vector<ResolvedSource>& sources,
                 const BuildRequest& request);

}  // namespace slipway
