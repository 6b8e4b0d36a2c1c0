// How TreeWriter finds where a name of an archive leads.
#include <cache/layers/tree_writer.hpp>
#include <ir/error.hpp>

#include <algorithm>
#include <iterator>
#include <utility>

namespace slipway {
namespace {

constexpr int most_links = 40;
constexpr std::size_t most_rest = std::size_t{64} << 10;  // of links that lead to links

// The front of a path up to a component that is none: empty, "." or "..".
std::string_view plain_front(std::string_view path) {
  for (std::size_t at = 0; at <= path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    const std::string_view name = path.substr(at, end - at);
    if (name.empty() || name == "." || name == "..") return path.substr(0, at == 0 ? 0 : at - 1);
    at = end + 1;
  }
  return path;
}

}  // namespace

// Goes on to `name` and gives what is there, as overlayfs would show it. Links are not followed.
std::optional<Entry> TreeWriter::enter(Place& place, std::string_view name) const {
  place.path = join_path(place.path, name);
  std::optional<Entry> entry;
  if (const auto found = nodes_.find(place.path); found != nodes_.end()) {
    if (found->second.entry.type != Entry::Type::whiteout) entry = found->second.entry;
    place.hides_below = place.hides_below || found->second.hides_below;
  } else if (!place.hides_below) {
    entry = below_.find(place.path);
  }
  // Nothing can lie below what is no directory, so nobody need look there.
  place.hides_below = place.hides_below || !entry || entry->type != Entry::Type::directory;
  return entry;
}

// As far towards `path`, which lies in the place and is free of special names, as directories of
// this tree reach. One search, however deep that is: what stands before the path in their order
// lies in all of them, as they are complete up to the root.
void TreeWriter::jump(Place& place, const std::string& path) const {
  auto before = nodes_.upper_bound(path);
  if (before == nodes_.begin()) return;
  --before;
  const std::string& other = before->first;
  const auto shared = static_cast<std::size_t>(
      std::mismatch(path.begin(), path.end(), other.begin(), other.end()).first - path.begin());
  std::size_t end = shared;
  const bool at_end = (shared == path.size() || path[shared] == '/') &&
                      (shared == other.size() || other[shared] == '/');
  if (!at_end) end = path.substr(0, shared).rfind('/');
  if (end == std::string::npos || end <= place.path.size()) return;
  auto directory =
      end == other.size() ? before : nodes_.find(std::string_view(path).substr(0, end));
  if (directory != nodes_.end() && directory->second.entry.type != Entry::Type::directory) {
    // Only the entry itself can be something else.
    const std::string_view parent = parent_path(directory->first);
    if (parent.size() <= place.path.size()) return;
    directory = nodes_.find(parent);
  }
  if (directory == nodes_.end()) return;
  place.hides_below = place.hides_below || directory->second.hides_below;
  place.path = directory->first;
}

// The link-free path of a directory, existing or not, as a process would walk whose root is the
// destination.
TreeWriter::Place TreeWriter::resolve_directory(std::string_view path) const {
  const std::string& root = options_.destination;
  Place place = root_place_;
  std::string rest(path);
  int links = 0;
  while (!rest.empty()) {
    const std::string_view front = plain_front(rest);
    if (front.empty()) {  // one special name
      const std::size_t slash = rest.find('/');
      const bool back = rest.substr(0, slash) == "..";
      rest.erase(0, slash == std::string::npos ? slash : slash + 1);
      if (!back || place.path.size() <= root.size()) continue;
      // The way down again, because what is hidden was seen on it.
      const std::string parent(parent_path(place.path));
      place = root_place_;
      walk(place, parent);
      continue;
    }
    const std::size_t start = place.path.empty() ? 0 : place.path.size() + 1;
    const std::string whole = join_path(place.path, front);
    const std::optional<Entry> entry = walk(place, whole);
    rest.erase(0, std::min(rest.size(), place.path.size() + 1 - start));
    if (!entry || entry->type == Entry::Type::directory) continue;
    if (entry->type != Entry::Type::symlink) {
      throw Error("the archive puts something below " + quoted(place.path) +
                  ", which is no directory");
    }
    if (++links > most_links) throw Error("too many links on the way to " + quoted(path));
    const std::string parent(parent_path(place.path));
    place = root_place_;
    if (!entry->link_target.starts_with('/')) walk(place, parent);
    rest = rest.empty() ? entry->link_target : entry->link_target + "/" + rest;
    if (rest.size() > most_rest) throw Error("the links of the archive make too long a path");
  }
  return place;
}

// On to `path`, or to the first thing on the way that is no directory, which is given.
std::optional<Entry> TreeWriter::walk(Place& place, const std::string& path) const {
  jump(place, path);
  while (place.path.size() < path.size()) {
    const std::size_t at = place.path.empty() ? 0 : place.path.size() + 1;
    const std::size_t end = std::min(path.find('/', at), path.size());
    const std::optional<Entry> entry = enter(place, std::string_view(path).substr(at, end - at));
    if (entry && entry->type != Entry::Type::directory) return entry;
    if (entry || !place.hides_below) continue;
    // Nothing is there, so there is nothing in it.
    place.path = path;
    break;
  }
  return std::nullopt;
}

std::string TreeWriter::place(const std::string& path) {
  if (path.empty()) throw Error("the archive replaces its root");
  const std::string directory = resolve_directory(parent_path(path)).path;
  materialise(directory);
  return join_path(directory, base_name(path));
}

// Makes a directory and those above it: what is new gets what the layers below give it, so that it
// does not hide their metadata.
void TreeWriter::materialise(const std::string& path) {
  Place place;
  if (const auto root = nodes_.find(""); root != nodes_.end()) {
    place.hides_below = root->second.hides_below;
  }
  jump(place, path);
  while (place.path.size() < path.size()) {
    const std::size_t at = place.path.empty() ? 0 : place.path.size() + 1;
    const std::size_t end = std::min(path.find('/', at), path.size());
    std::optional<Entry> below = enter(place, std::string_view(path).substr(at, end - at));
    if (below && below->type == Entry::Type::directory) {
      below->opaque = false;
      below->hard_link.clear();
      make_directory(std::move(*below), place.hides_below);
      continue;
    }
    Entry implied;
    implied.path = place.path;
    implied.type = Entry::Type::directory;
    implied.mode = 0755;
    make_directory(std::move(implied), true);
  }
}

}  // namespace slipway
