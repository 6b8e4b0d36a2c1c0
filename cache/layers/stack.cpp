#include <cache/layers/stack.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <unordered_map>
#include <utility>

namespace slipway {
namespace {

constexpr int most_links = 40;  // the kernel's limit for one path (path_resolution(7))

Entry plain_directory(std::string_view path) {
  Entry entry;
  entry.path = path;
  entry.type = Entry::Type::directory;
  entry.mode = 0755;
  return entry;
}

// What one layer says about a path.
struct Look {
  std::size_t position = 0;  // where the path is, or would be
  bool here = false;         // the layer has an entry at the path
  bool implied = false;      // it has none, but has entries below it
  bool hidden_below = false;  // a directory above the path hides all lower layers' from here on
};

bool hides_what_is_below(const LayerIndex& index, std::size_t position) {
  return index.type(position) != Entry::Type::directory || index.opaque(position);
}

// Asked for the root by every look-up, which must not cost a search.
std::optional<std::size_t> find_above(const LayerIndex& index, std::string_view path) {
  if (!path.empty()) return index.find(path);
  return index.path(0).empty() ? std::optional<std::size_t>(0) : std::nullopt;
}

// One binary search decides for the path itself. An ancestor can only be in the layer if the
// entry just before the path's place lies in that ancestor, since a directory stands before all
// it holds; so layers that never touched the path's surroundings cost no second search.
Look look(const LayerIndex& index, std::string_view path) {
  Look found;
  found.position = index.lower_bound(path);
  if (found.position < index.size()) {
    const std::string_view at = index.path(found.position);
    found.here = at == path;
    found.implied = !found.here && path_within(at, path);
  }
  if (found.position == 0) return found;
  const std::string_view before = index.path(found.position - 1);
  for (std::string_view above = path; !above.empty() && !found.hidden_below;) {
    above = parent_path(above);
    if (!path_within(before, above)) continue;
    const std::optional<std::size_t> at = find_above(index, above);
    found.hidden_below = at && hides_what_is_below(index, *at);
  }
  return found;
}

}  // namespace

StackView::StackView(std::vector<Layer> layers) : layers_(std::move(layers)) {}

// Where the entry that is seen at a path lies.
struct StackView::Place {
  const Layer* layer = nullptr;  // null: nothing is there
  std::size_t position = 0;
  // There is a directory, because a layer has entries below the path, but no entry describes it.
  bool implied = false;
};

StackView::Place StackView::locate(std::string_view path) const {
  Place place;
  for (auto layer = layers_.rbegin(); layer != layers_.rend(); ++layer) {
    const LayerIndex& index = *layer->index;
    const Look found = look(index, path);
    if (found.here) {
      const Entry::Type type = index.type(found.position);
      // A directory that is only implied above a file took the file's place.
      if (type == Entry::Type::whiteout || (place.implied && type != Entry::Type::directory)) break;
      place.layer = &*layer;
      place.position = found.position;
      break;
    }
    place.implied = place.implied || found.implied;
    if (found.hidden_below) break;
  }
  return place;
}

std::optional<Entry> StackView::find(std::string_view path) const {
  const Place place = locate(path);
  if (place.layer != nullptr) return place.layer->index->entry(place.position);
  if (place.implied || path.empty()) return plain_directory(path);
  return std::nullopt;
}

std::vector<std::string> StackView::list(std::string_view directory) const {
  // The name's first appearance from the top decides whether it is seen.
  std::unordered_map<std::string_view, bool> names;  // into the indexes, which live on
  const std::size_t skip = directory.empty() ? 0 : directory.size() + 1;
  for (auto layer = layers_.rbegin(); layer != layers_.rend(); ++layer) {
    const LayerIndex& index = *layer->index;
    const Look found = look(index, directory);
    if (found.here && index.type(found.position) != Entry::Type::directory) break;
    std::size_t position = found.position + (found.here ? 1 : 0);
    while (position < index.size()) {
      const std::string_view path = index.path(position);
      if (!path_within(path, directory)) break;
      const std::string_view child = path.substr(0, path.find('/', skip));
      const bool itself = child.size() == path.size();
      const bool whiteout = itself && index.type(position) == Entry::Type::whiteout;
      names.try_emplace(child.substr(skip), !whiteout);
      const bool may_hold_more = !itself || index.type(position) == Entry::Type::directory;
      position = may_hold_more ? index.end_of(child) : position + 1;
    }
    if (found.hidden_below || (found.here && index.opaque(found.position))) break;
  }
  std::vector<std::string> seen;
  seen.reserve(names.size());
  for (const auto& [name, visible] : names) {
    if (visible) seen.emplace_back(name);
  }
  std::sort(seen.begin(), seen.end());
  return seen;
}

StackView::Resolved StackView::resolve(std::string_view path, bool follow_last) const {
  // "link/" means what the link leads to.
  const bool follow_end = follow_last || path.ends_with('/');
  std::string rest(path);
  Resolved resolved;
  resolved.entry = find("");
  int links = 0;
  while (!rest.empty()) {
    const std::size_t slash = rest.find('/');
    const std::string name = rest.substr(0, slash);
    rest.erase(0, slash == std::string::npos ? slash : slash + 1);
    if (name.empty() || name == ".") continue;
    if (name == "..") {
      resolved.path = std::string(parent_path(resolved.path));
      resolved.entry = find(resolved.path);
      continue;
    }
    const std::string next = resolved.path.empty() ? name : resolved.path + "/" + name;
    std::optional<Entry> entry = find(next);
    const bool last = rest.find_first_not_of('/') == std::string::npos;
    if (entry && entry->type == Entry::Type::symlink && (!last || follow_end)) {
      if (++links > most_links) throw Error("too many links in the path " + quoted(path));
      const std::string& target = entry->link_target;
      if (target.starts_with('/')) resolved.path.clear();
      resolved.entry = find(resolved.path);
      rest = rest.empty() ? target : target + "/" + rest;
      continue;
    }
    resolved.path = next;
    resolved.entry = std::move(entry);
  }
  return resolved;
}

int StackView::open(const Entry& entry) const {
  const Place place = locate(entry.path);
  if (place.layer == nullptr) throw Error(quoted(entry.path) + " is in no layer");
  if (place.layer->bring) place.layer->bring();
  const std::string folder = place.layer->directory.native();
  const int root = ::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (root < 0) throw system_error("open", folder, errno);
  // A layer's parents are directories by its index. Whatever else is on the disk, no link is
  // followed, and a pipe does not block.
  open_how how{};
  how.flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  const long opened = ::syscall(SYS_openat2, root, entry.path.c_str(), &how, sizeof how);
  const int error = errno;
  ::close(root);
  if (opened < 0) throw system_error("openat2", folder + "/" + entry.path, error);
  const int descriptor = static_cast<int>(opened);
  struct stat status {};
  if (::fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode)) return descriptor;
  ::close(descriptor);
  throw Error(quoted(entry.path) + " is no regular file in " + quoted(folder));
}

}  // namespace slipway
