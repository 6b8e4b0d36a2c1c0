#include <executor/chroot/tree.hpp>

#include <cache/layers/beneath.hpp>
#include <cache/layers/make_entry.hpp>
#include <cache/remove_tree.hpp>
#include <executor/chroot/copy_node.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <thread>

namespace slipway {
namespace {

using Type = Entry::Type;

void make_folder(const std::filesystem::path& path) {
  if (::mkdir(path.c_str(), 0700) != 0) throw system_error("mkdir", path.native(), errno);
}

FileStamp stamp(int directory, const std::string& name, std::string_view path) {
  const auto found = stat_stamp(directory, name.c_str());
  if (!found) throw system_error("statx", path, errno);
  return *found;
}

// What a directory has besides what is in it.
void set_directory(int directory, const Entry& entry) {
  for (const auto& [name, value] : read_directory_entry(directory, entry.path).entry.xattrs) {
    if (::fremovexattr(directory, name.c_str()) != 0)
      throw system_error("fremovexattr", entry.path, errno);
  }
  set_metadata(directory, entry);
}

}  // namespace

Tree::Tree(std::filesystem::path folder) : folder_(std::move(folder)) {
  make_folder(folder_);
  try {
    make_folder(root());
    make_folder(aside());
    root_ = open_root(root());
  } catch (...) {
    remove_tree(folder_);
    throw;
  }
}

Tree::~Tree() {
  // What stays, the next process removes with the rest of work/.
  remove_tree(folder_);
}

std::size_t Tree::shares(const std::vector<std::shared_ptr<const OpenLayer>>& layers) const {
  std::size_t count = 0;
  while (count < layers.size() && count < merged_.layers.size() &&
         layers[count]->same_as(*merged_.layers[count]))
    ++count;
  return count;
}

// What is there already and comes from the same layer as before stays; what is not wanted goes.
// Gives the directories that something has gone from.
std::vector<std::string> Tree::take_over(const MergedLayers& wanted, std::vector<Node>& nodes) {
  std::vector<const Node*> unwanted;
  std::size_t next = 0;
  for (const Node& old : nodes_) {
    if (old.state == Node::State::absent) continue;
    while (next < nodes.size() && path_less(nodes[next].path, old.path)) ++next;
    Node* const same = next < nodes.size() && nodes[next].path == old.path ? &nodes[next] : nullptr;
    if (same == nullptr || same->type != old.type) {
      unwanted.push_back(&old);
      continue;
    }
    const bool equal = same->implied == old.implied &&
                       wanted.layers[same->layer]->same_as(*merged_.layers[old.layer]);
    if (equal) {
      same->state = old.state;
      same->stamp = old.stamp;
    } else if (same->type == Type::directory) {
      same->state = Node::State::stale;
    } else {
      unwanted.push_back(&old);
    }
  }
  std::vector<std::string> touched;
  ParentCache parents(root_.get());
  // What lies in a directory stands behind it.
  for (auto old = unwanted.rbegin(); old != unwanted.rend(); ++old) {
    const bool directory = (*old)->type == Type::directory;
    const std::string_view parent = parent_path((*old)->path);
    if (::unlinkat(parents.directory(parent), std::string(base_name((*old)->path)).c_str(),
                   directory ? AT_REMOVEDIR : 0) != 0)
      throw system_error("unlinkat", (*old)->path, errno);
    if (directory) parents.forget();
    touched.emplace_back(parent);
  }
  return touched;
}

Tree::Node* Tree::find(std::string_view path) {
  const auto found = std::lower_bound(
      nodes_.begin(), nodes_.end(), path,
      [](const Node& node, std::string_view sought) { return path_less(node.path, sought); });
  return found != nodes_.end() && found->path == path ? &*found : nullptr;
}

void Tree::make_stale(std::string_view path) {
  Node* const node = find(path);
  if (node != nullptr && node->state == Node::State::present) node->state = Node::State::stale;
}

void Tree::accept(const std::string& path) {
  Node* const node = find(path);
  if (node == nullptr || node->state != Node::State::present) return;
  const auto now = stat_stamp(root_.get(), path.c_str());
  if (now && now->device == node->stamp.device && now->inode == node->stamp.inode)
    node->stamp.ctime_ns = now->ctime_ns;
}

void Tree::become(MergedLayers wanted) {
  std::vector<Node> nodes(wanted.nodes.size());
  for (std::size_t at = 0; at < nodes.size(); ++at)
    static_cast<MergedLayers::Node&>(nodes[at]) = wanted.nodes[at];
  const std::vector<std::string> touched = take_over(wanted, nodes);
  merged_ = std::move(wanted);
  nodes_ = std::move(nodes);
  for (const std::string& path : touched) make_stale(path);
  make_missing();
}

void Tree::make_missing() {
  // An overlay's root is its upper directory, whatever those below are.
  Entry plain;
  plain.type = Type::directory;
  plain.mode = 0755;
  set_directory(open_beneath(root_.get(), "", O_RDONLY | O_DIRECTORY).get(), plain);

  std::vector<std::unique_ptr<ParentCache>> sources;
  for (const auto& layer : merged_.layers)
    sources.push_back(std::make_unique<ParentCache>(layer->directory()));
  ParentCache parents(root_.get());
  std::int64_t last_change = 0;
  std::vector<Node*> above;  // the directories that the node lies in
  for (Node& node : nodes_) {
    while (!above.empty() && !path_within(node.path, above.back()->path)) above.pop_back();
    const bool directory = node.type == Type::directory;
    if (node.state == Node::State::absent) {
      const std::string name(base_name(node.path));
      const int parent = parents.directory(parent_path(node.path));
      if (directory) {
        if (::mkdirat(parent, name.c_str(), 0700) != 0)
          throw system_error("mkdirat", node.path, errno);
        node.state = Node::State::stale;
      } else {
        copy_node(sources[node.layer]->directory(parent_path(node.path)), name,
                  merged_.entry_of(node), parent, name);
        node.stamp = stamp(parent, name, node.path);
        node.state = Node::State::present;
        last_change = std::max(last_change, node.stamp.ctime_ns);
      }
      // Its times have changed.
      if (!above.empty() && above.back()->state == Node::State::present)
        above.back()->state = Node::State::stale;
    }
    if (directory) above.push_back(&node);
  }
  for (auto node = nodes_.rbegin(); node != nodes_.rend(); ++node) {
    if (node->state != Node::State::stale) continue;
    const FileDescriptor directory = open_beneath(root_.get(), node->path, O_RDONLY | O_DIRECTORY);
    set_directory(directory.get(), merged_.entry_of(*node));
    struct stat status {};
    if (!node->implied) {
      const int source = sources[node->layer]->directory(node->path);
      if (::fstat(source, &status) != 0) throw system_error("fstat", node->path, errno);
      const timespec times[2] = {status.st_atim, status.st_mtim};
      if (::futimens(directory.get(), times) != 0)
        throw system_error("futimens", node->path, errno);
    }
    node->stamp = stamp(directory.get(), "", node->path);
    node->state = Node::State::present;
    last_change = std::max(last_change, node->stamp.ctime_ns);
  }
  if (last_change != 0) wait_for_clock(last_change);
}

// A file system's clock has ticks: what is changed within the one in which it was made would have
// the same times.
void Tree::wait_for_clock(std::int64_t after) const {
  for (;;) {
    if (::utimensat(AT_FDCWD, folder_.c_str(), nullptr, 0) != 0)
      throw system_error("utimensat", folder_.native(), errno);
    if (stamp(AT_FDCWD, folder_, folder_.native()).ctime_ns > after) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

}  // namespace slipway
