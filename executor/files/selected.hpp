// Which files of a build context the instructions take, without copying any.
#pragma once

#include <executor/files/source_tree.hpp>
#include <executor/files/walk.hpp>
#include <ir/graph.hpp>
#include <ir/operation.hpp>

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

// One vertex that takes files from a tree, as the copy that does the same: a COPY, an ADD, or a RUN
// with a bind mount.
struct Taking {
  VertexId vertex{};
  std::size_t input = 0;  // which of the copy's inputs the tree is
  CopyFiles copy;
};

// The copy that shows the files of a mount: the source at its own path below the root.
CopyFiles mounted_files(const RunProcess::Mount& mount);

// All that take files from the vertex `from`, of those that are needed.
std::vector<Taking> takings(const Graph& graph, VertexId from,
                            const std::function<bool(VertexId)>& needed);

// Calls `visit` for each path that is selected, free of links, with what a walk below it can leave
// out if it is a directory. Throws Error for a source that is not there, or is malformed.
void for_selected_tops(
    const Taking& taking, const SourceTree& tree,
    const std::function<void(const Entry& top, const WalkFilter& filter)>& visit);

// Calls `visit` for every entry that is taken: files, and directories that are selected themselves;
// of several sources one after the other. Throws Error as for_selected_tops().
void for_selected(const Taking& taking, const SourceTree& tree,
                  const std::function<void(const Entry& entry)>& visit);

}  // namespace slipway
