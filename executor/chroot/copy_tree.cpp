#include <executor/chroot/copy_tree.hpp>

#include <cache/layers/beneath.hpp>
#include <cache/layers/make_entry.hpp>
#include <executor/chroot/copy_node.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <memory>
#include <string>
#include <vector>

namespace slipway {
namespace {

using Node = MergedLayers::Node;

std::string_view below(std::string_view path, std::string_view directory) {
  if (directory.empty() || path == directory) return path.substr(directory.size());
  return path.substr(directory.size() + 1);
}

void set_directory(const MergedLayers& layers, const Node& node, int directory) {
  set_metadata(directory, layers.entry_of(node));
  if (node.implied) return;
  const FileDescriptor source =
      open_beneath(layers.layers[node.layer]->directory(), node.path, O_PATH | O_DIRECTORY);
  struct stat status {};
  if (::fstat(source.get(), &status) != 0) throw system_error("fstat", node.path, errno);
  const timespec times[2] = {status.st_atim, status.st_mtim};
  if (::futimens(directory, times) != 0) throw system_error("futimens", node.path, errno);
}

}  // namespace

void copy_tree(const MergedLayers& layers, std::string_view source, int directory) {
  std::vector<std::unique_ptr<ParentCache>> sources;
  for (const auto& layer : layers.layers)
    sources.push_back(std::make_unique<ParentCache>(layer->directory()));
  ParentCache parents(directory);
  std::vector<const Node*> directories;
  for (const Node& node : layers.nodes) {
    if (!path_within(node.path, source)) continue;
    if (node.type == Entry::Type::directory) directories.push_back(&node);
    if (node.path == source) continue;
    const std::string_view path = below(node.path, source);
    const std::string name(base_name(path));
    const int parent = parents.directory(parent_path(path));
    if (node.type != Entry::Type::directory) {
      copy_node(sources[node.layer]->directory(parent_path(node.path)), name,
                layers.entry_of(node), parent, name);
    } else if (::mkdirat(parent, name.c_str(), 0700) != 0) {
      throw system_error("mkdirat", node.path, errno);
    }
  }
  for (auto node = directories.rbegin(); node != directories.rend(); ++node) {
    const FileDescriptor made =
        open_beneath(directory, below((*node)->path, source), O_RDONLY | O_DIRECTORY);
    set_directory(layers, **node, made.get());
  }
}

}  // namespace slipway
