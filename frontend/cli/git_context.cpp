#include "git_context.hpp"

#include "context_text.hpp"
#include "fetched_context.hpp"

#include <cache/store.hpp>
#include <executor/sources/source_lock.hpp>
#include <ir/lowering/fetch.hpp>
#include <ir/quantities.hpp>
#include <ir/remote_source.hpp>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

namespace slipway {
namespace {

// The last --build-arg of the name decides, as for every argument.
bool keeps_git_dir(const BuildRequest& request) {
  const std::string name = "BUILDKIT_CONTEXT_KEEP_GIT_DIR";
  std::string value;
  for (const std::string& text : request.build_args) {
    if (text.starts_with(name + "=")) value = text.substr(name.size() + 1);
    const char* set = text == name ? std::getenv(name.c_str()) : nullptr;
    if (set != nullptr) value = set;
  }
  return read_boolean(value).value_or(false);
}

}  // namespace

bool is_git_context(const std::string& text) {
  std::error_code ignored;
  return parse_git_source(text) && !std::filesystem::is_directory(text, ignored);
}

GitContext fetch_git_context(const std::string& url, bool keep_git_dir, const std::string& name,
                             const BuildRequest& request, const Session& session, Store& store,
                             const SourceLock* lock) {
  const std::string shown = without_credentials(url);
  FetchGit fetch = git_context(url, keep_git_dir).value();
  if (lock != nullptr) fetch = lock->hold(std::move(fetch));
  Vertex vertex;
  vertex.operation = std::move(fetch);
  vertex.name = "[internal] load git source " + shown;
  Graph graph;
  const VertexId root = graph.add(std::move(vertex));
  // Not which ref: a branch is compared with the one that was built before it.
  const std::size_t end = std::min(shown.find_first_of("#?"), shown.size());
  FetchedContext fetching(request, session, store, shown.substr(0, end));
  GitContext context;
  context.tree = fetching.solve(graph, root, name);
  context.sources = fetching.sources();
  return context;
}

void read_git_context(BuildInputs& inputs, const BuildRequest& request, const Session& session,
                      Store& store) {
  const std::string name = "build context " + without_credentials(request.context);
  GitContext context =
      fetch_git_context(request.context, keeps_git_dir(request), name, request, session, store);
  inputs.tree = std::move(context.tree);
  inputs.taken.add_context(std::move(context.sources), {});
  inputs.dockerfile = local_dockerfile(request);
  if (!inputs.dockerfile) inputs.dockerfile = find_dockerfile(*inputs.tree, request.file);
}

}  // namespace slipway
