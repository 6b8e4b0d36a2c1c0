#include <executor/chroot/merged_layers.hpp>

#include <cache/layers/beneath.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace slipway {
namespace {

using Node = MergedLayers::Node;
using Item = OpenLayer::Item;
using Type = Entry::Type;

constexpr int most_links = 40;  // as the kernel has it

// Directories that stand above an entry and are none themselves.
void add_implied(std::vector<Item>& items, std::vector<std::string_view>& above,
                 std::string_view path) {
  while (!above.empty() && !path_within(path, above.back())) above.pop_back();
  const std::string_view nearest = above.empty() ? std::string_view() : above.back();
  std::vector<std::string_view> missing;
  for (auto parent = parent_path(path); parent != nearest; parent = parent_path(parent))
    missing.push_back(parent);
  for (auto parent = missing.rbegin(); parent != missing.rend(); ++parent) {
    Item item;
    item.path = *parent;
    item.type = Type::directory;
    item.implied = true;
    items.push_back(item);
    above.push_back(*parent);
  }
}

Node node_of(const Item& item, std::uint32_t layer) {
  return {item.path, item.type, item.implied, layer, item.position};
}

std::vector<Node> on_top(const std::vector<Node>& below, const std::vector<Item>& items,
                         std::uint32_t layer) {
  std::vector<Node> result;
  result.reserve(below.size() + items.size());
  std::size_t at = 0;
  const auto pass_over = [&](std::string_view path) {
    while (at < below.size() && path_within(below[at].path, path)) ++at;
  };
  for (const Item& item : items) {
    while (at < below.size() && path_less(below[at].path, item.path))
      result.push_back(below[at++]);
    const bool merged = item.type == Type::directory && at < below.size() &&
                        below[at].path == item.path && below[at].type == Type::directory;
    if (merged) {
      result.push_back(item.implied ? below[at] : node_of(item, layer));
      ++at;
    } else if (item.type != Type::whiteout) {
      result.push_back(node_of(item, layer));
    }
    if (!merged || item.opaque) pass_over(item.path);
  }
  result.insert(result.end(), below.begin() + static_cast<std::ptrdiff_t>(at), below.end());
  return result;
}

}  // namespace

OpenLayer::OpenLayer(const std::filesystem::path& directory,
                     std::shared_ptr<const LayerIndex> index)
    : directory_(open_root(directory)), index_(std::move(index)) {
  struct stat status {};
  if (::fstat(directory_.get(), &status) != 0)
    throw system_error("fstat", directory.native(), errno);
  device_ = status.st_dev;
  inode_ = status.st_ino;
  if (!index_) read_directory("");
}

void OpenLayer::read_directory(const std::string& path) {
  const FileDescriptor directory =
      open_beneath(directory_.get(), path, O_RDONLY | O_DIRECTORY);
  for (const std::string& name : sorted_names(directory.get())) {
    paths_.push_back(path.empty() ? name : path + "/" + name);
    const std::string& child = paths_.back();
    const DiskEntry disk = read_entry(directory.get(), name, child);
    if (disk.socket) continue;
    Item item;
    item.path = child;
    item.type = disk.entry.type;
    item.opaque = disk.entry.opaque;
    found_.push_back(item);
    if (item.type == Type::directory) read_directory(child);
  }
}

std::vector<Item> OpenLayer::items() const {
  return index_ ? items_of_index() : found_;
}

std::vector<Item> OpenLayer::items_of_index() const {
  std::vector<Item> items;
  items.reserve(index_->size());
  std::vector<std::string_view> above;  // the directories that the last item lies in
  for (std::size_t position = 0; position < index_->size(); ++position) {
    Item item;
    item.path = index_->path(position);
    if (item.path.empty()) continue;
    item.type = index_->type(position);
    item.opaque = item.type == Type::directory && index_->opaque(position);
    item.position = position;
    if (item.type != Type::whiteout) {
      add_implied(items, above, item.path);
      if (item.type == Type::directory) above.push_back(item.path);
    }
    items.push_back(item);
  }
  return items;
}

Entry OpenLayer::entry(std::string_view path, std::size_t position) const {
  if (index_) return index_->entry(position);
  const std::string text(path);
  const FileDescriptor parent =
      open_beneath(directory_.get(), parent_path(path), O_PATH | O_DIRECTORY);
  return read_entry(parent.get(), std::string(base_name(path)), text).entry;
}

const Node* MergedLayers::find(std::string_view path) const {
  const auto found = std::lower_bound(
      nodes.begin(), nodes.end(), path,
      [](const Node& node, std::string_view wanted) { return path_less(node.path, wanted); });
  return found != nodes.end() && found->path == path ? &*found : nullptr;
}

Entry MergedLayers::entry_of(const Node& node) const {
  if (!node.implied) return layers[node.layer]->entry(node.path, node.position);
  Entry entry;
  entry.path = node.path;
  entry.type = Type::directory;
  entry.mode = 0755;
  return entry;
}

MergedLayers merge(std::vector<std::shared_ptr<const OpenLayer>> layers) {
  MergedLayers merged;
  for (std::uint32_t number = 0; number < layers.size(); ++number)
    merged.nodes = on_top(merged.nodes, layers[number]->items(), number);
  merged.layers = std::move(layers);
  return merged;
}

std::string resolve(const MergedLayers& merged, std::string_view path) {
  std::string rest(path);
  std::string resolved;
  int links = 0;
  while (!rest.empty()) {
    const std::size_t slash = rest.find('/');
    const std::string name = rest.substr(0, slash);
    rest.erase(0, slash == std::string::npos ? slash : slash + 1);
    if (name.empty() || name == ".") continue;
    if (name == "..") {
      resolved = std::string(parent_path(resolved));
      continue;
    }
    const std::string next = resolved.empty() ? name : resolved + "/" + name;
    const Node* node = merged.find(next);
    if (node == nullptr) throw system_error("open", "mount source " + std::string(path), ENOENT);
    if (node->type == Type::symlink) {
      if (++links > most_links) throw system_error("open", "mount source " + next, ELOOP);
      const std::string target = merged.entry_of(*node).link_target;
      if (target.starts_with('/')) resolved.clear();
      rest = rest.empty() ? target : target + "/" + rest;
      continue;
    }
    resolved = next;
  }
  return resolved;
}

}  // namespace slipway
