// A small build before the build: what it gives is needed to know the Dockerfile.
#pragma once

#include "build_request.hpp"
#include "display.hpp"
#include "session.hpp"

#include <executor/files/source_tree.hpp>
#include <executor/solve/solve.hpp>
#include <ir/graph.hpp>

#include <memory>
#include <string>
#include <vector>

namespace slipway {

class FetchedContext {
 public:
  // `place` names what is fetched, for comparing with the last time.
  FetchedContext(const BuildRequest& request, const Session& session, Store& store,
                 const std::string& place);

  // The root's files, called `name` in messages. Throws Error.
  std::unique_ptr<SourceTree> solve(const Graph& graph, VertexId root, const std::string& name);
  // What the last one took from outside.
  const std::vector<ResolvedSource>& sources() const { return sources_; }

 private:
  Store& store_;
  ProgressMode mode_;
  SolveOptions options_;
  std::vector<ResolvedSource> sources_;
};

}  // namespace slipway
