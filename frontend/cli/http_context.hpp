// Build contexts by HTTP: an archive, or a lone file.
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

// A URL that is no git repository's.
bool is_http_context(const std::string& text);

struct HttpContext {
  // The archive's files, with its owners; where it is none, the one file "context", as docker has
  // it.
  std::unique_ptr<SourceTree> tree;
  bool archive = false;
  std::vector<ResolvedSource> sources;
};
// Fetches what has changed since it was last fetched; with a lock it is held to it. Progress shows "PLACE load WHAT" and "PLACE
// unpack WHAT"; `name` is what messages call the tree. Throws Error.
HttpContext fetch_http_context(const std::string& url, const std::string& place,
                               const std::string& what, const std::string& name,
                               const BuildRequest& request, const Session& session, Store& store,
                               const SourceLock* lock = nullptr);

// `slipway build URL`: the context, and its Dockerfile. As docker has it, -f is a file of the
// archive; where it is absolute or - it is this machine's, and a lone Dockerfile needs none. Throws
// Error.
void read_http_context(BuildInputs& inputs, const BuildRequest& request, const Session& session,
                       Store& store);

}  // namespace slipway
