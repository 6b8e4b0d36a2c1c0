// Which submodules a commit has. Its .gitmodules is read as data and never becomes configuration.
#pragma once

#include <executor/git/repository.hpp>

#include <string>
#include <vector>

namespace slipway {

struct Submodule {
  std::string name;
  std::string path;  // in the work tree; "a/b", never out of it
  std::string url;   // as written: perhaps relative to the repository's
  std::string commit;
};

// Those that .gitmodules names and the tree has a commit for. Throws Error for a name or a path
// that leads elsewhere.
std::vector<Submodule> find_submodules(const SharedRepository& repository,
                                       const std::string& commit);

}  // namespace slipway
