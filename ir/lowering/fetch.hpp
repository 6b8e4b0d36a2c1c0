// What ADD and build contexts take from elsewhere: which operation fetches it.
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

// The build context that a URL of a repository names; nothing for other text. Throws Error.
std::optional<FetchGit> git_context(const std::string& url, bool keep_git_dir);

// --checksum needs exactly one source, and one that is fetched. Throws Error.
void require_fetched(const std::string& source);

}  // namespace slipway
