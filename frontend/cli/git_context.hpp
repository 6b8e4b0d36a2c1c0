// Build contexts from git repositories.
#pragma once

#include "build_inputs.hpp"
#include "build_request.hpp"

#include <executor/files/source_tree.hpp>

#include <memory>
#include <string>
#include <vector>

namespace slipway {

class SourceLock;
class Store;

// The URL of a repository, and no directory of this name.
bool is_git_context(const std::string& text);

struct GitContext {
  std::unique_ptr<SourceTree> tree;
  std::vector<ResolvedSource> sources;
};
// The files of the commit that the URL means now; of the one that the lock has, where there
// is one. Nothing is fetched if the store has them. `name` is what messages call them. Throws Error.
GitContext fetch_git_context(const std::string& url, bool keep_git_dir, const std::string& name,
                             const BuildRequest& request, const Session& session, Store& store,
                             const SourceLock* lock = nullptr);

// `slipway build URL`: the context, and its Dockerfile, which -f names within it; where -f is
// absolute or - it is this machine's, as docker has it. With the build argument
// BUILDKIT_CONTEXT_KEEP_GIT_DIR the context has its .git. Throws Error.
void read_git_context(BuildInputs& inputs, const BuildRequest& request, const Session& session,
                      Store& store);

}  // namespace slipway
