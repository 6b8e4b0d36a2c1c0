// What ADD takes from elsewhere: which operation fetches it.
#pragma once

#include <ir/instruction.hpp>
#include <ir/operation.hpp>

#include <optional>
#include <string>

namespace slipway {

struct Fetched {
  Operation operation;  // FetchHttp or FetchGit
  std::string path;     // what of its result is copied
};

// The operation for a source that is a URL or a repository; nothing for a path. `checksum` is that
// of the flag, with its value; empty: none. Throws Error; of COPY, for any such source.
std::optional<Fetched> fetched(const std::string& source, const Instruction& instruction,
                               const std::string& checksum);

// --checksum needs exactly one source, and one that is fetched. Throws Error.
void require_fetched(const std::string& source);

}  // namespace slipway
