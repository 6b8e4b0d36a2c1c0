#include <executor/files/selected.hpp>

#include <executor/files/not_found.hpp>
#include <executor/files/resolve.hpp>
#include <executor/files/select.hpp>
#include <ir/error.hpp>
#include <ir/pattern.hpp>

#include <optional>
#include <utility>
#include <variant>

namespace slipway {
namespace {

// Goes through a selected directory.
class Below {
 public:
  Below(const SourceTree& tree, const WalkFilter& filter,
        const std::function<void(const Entry&)>& visit)
      : tree_(tree), filter_(filter), visit_(visit) {}

  void go(const std::string& directory, const std::string& relative,
          const WalkFilter::Parent* parent) const {
    for (const Entry& child : tree_.children(directory)) {
      const std::string path = join(relative, base_name(child.path));
      WalkFilter::Parent own;
      const WalkFilter::Verdict verdict = filter_.judge(path, parent, own);
      if (verdict.taken()) visit_(child);
      if (child.type == Entry::Type::directory && filter_.may_hold(path, verdict))
        go(child.path, path, &own);
    }
  }

 private:
  const SourceTree& tree_;
  const WalkFilter& filter_;
  const std::function<void(const Entry&)>& visit_;
};

}  // namespace

CopyFiles mounted_files(const RunProcess::Mount& mount) {
  CopyFiles copy;
  const bool everything = mount.source.empty() || mount.source == "/" || mount.source == ".";
  const auto start = mount.source.find_first_not_of('/');
  copy.sources.push_back(CopyFiles::Selection{
      .input = mount.input, .path = everything ? "." : mount.source.substr(start)});
  copy.destination = std::string(1, '/');  // of a literal, GCC 12 warns for no reason
  copy.parents = !everything;
  return copy;
}

std::vector<Taking> takings(const Graph& graph, VertexId from,
                            const std::function<bool(VertexId)>& needed) {
  std::vector<Taking> found;
  for (std::uint32_t i = 0; i < graph.size(); ++i) {
    const VertexId id{i};
    if (!needed(id)) continue;
    const Vertex& vertex = graph[id];
    if (const auto* copy = std::get_if<CopyFiles>(&vertex.operation)) {
      for (std::size_t input = 1; input < vertex.inputs.size(); ++input)
        if (vertex.inputs[input] == from) found.push_back({id, input, *copy});
    } else if (const auto* run = std::get_if<RunProcess>(&vertex.operation)) {
      for (const RunProcess::Mount& mount : run->mounts) {
        if (mount.input != 0 && vertex.inputs[mount.input] == from)
          found.push_back({id, mount.input, mounted_files(mount)});
      }
    }
  }
  return found;
}

void for_selected_tops(
    const Taking& taking, const SourceTree& tree,
    const std::function<void(const Entry& top, const WalkFilter& filter)>& visit) {
  const IgnoreRules exclude(taking.copy.exclude);
  for (const auto& source : taking.copy.sources) {
    const auto* selection = std::get_if<CopyFiles::Selection>(&source);
    if (selection == nullptr || selection->input != taking.input) continue;
    const Selected selected = select_paths(*selection, taking.copy.parents, tree);
    const WalkFilter filter{selected.include ? &*selected.include : nullptr, &exclude};
    for (const std::string& path : selected.paths) {
      const StackView::Resolved found = tree.resolve(path, true);
      if (!found.entry) throw not_found(path, tree, selection->origin.written);
      visit(*found.entry, filter);
    }
  }
}

void for_selected(const Taking& taking, const SourceTree& tree,
                  const std::function<void(const Entry& entry)>& visit) {
  for_selected_tops(taking, tree, [&](const Entry& top, const WalkFilter& filter) {
    if (top.type != Entry::Type::directory) return visit(top);
    Below(tree, filter, visit).go(top.path, "", nullptr);
  });
}

}  // namespace slipway
