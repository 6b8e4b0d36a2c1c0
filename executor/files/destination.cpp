#include <executor/files/destination.hpp>

#include <executor/files/resolve.hpp>
#include <ir/error.hpp>

#include <algorithm>
#include <utility>

namespace slipway {

std::optional<Entry> Destination::find(std::string_view path) const {
  if (const CopyPlan::Item* item = planned(path)) return item->entry;
  return below_.find(path);
}

const CopyPlan::Item* Destination::planned(std::string_view path) const {
  const auto found = items_.find(path);
  return found == items_.end() ? nullptr : &found->second;
}

std::vector<std::string> Destination::names_below(std::string_view directory) const {
  return below_.list(directory);
}

StackView::Resolved Destination::resolve(std::string_view path, bool follow_last) const {
  return resolve_links(path, follow_last, [this](std::string_view p) { return find(p); });
}

void Destination::put(CopyPlan::Item item) {
  std::string path = item.entry.path;
  if (!untimed_.empty()) untimed_.erase(path);
  if (!groups_.empty()) groups_.erase(path);
  // Items come mostly in path order, so the end is mostly right.
  items_.insert_or_assign(items_.end(), std::move(path), std::move(item));
}

void Destination::put_untimed(CopyPlan::Item item) {
  std::string path = item.entry.path;
  put(std::move(item));
  untimed_.insert(std::move(path));
}

void Destination::set_time(const std::string& path, std::int64_t mtime) { times_[path] = mtime; }

void Destination::join_group(const std::string& path, std::uint64_t group) {
  groups_[path] = group;
}

void Destination::make_directories(std::string_view path, std::uint32_t mode, Owner owner) {
  for (std::size_t end = 0; end < path.size();) {
    end = std::min(path.find('/', end == 0 ? 0 : end + 1), path.size());
    const std::string_view made = path.substr(0, end);
    if (const std::optional<Entry> there = find(made)) {
      if (there->type == Entry::Type::directory) continue;
      throw Error(quoted("/" + std::string(made)) + " is in the way: it is no directory");
    }
    CopyPlan::Item item;
    item.entry.path = made;
    item.entry.type = Entry::Type::directory;
    item.entry.mode = mode;
    item.entry.uid = owner.uid;
    item.entry.gid = owner.gid;
    put_untimed(std::move(item));
  }
}

void Destination::add_parents() {
  std::vector<CopyPlan::Item> parents;
  std::set<std::string, std::less<>> seen;
  for (const auto& [path, item] : items_) {
    for (std::string_view above = path; !above.empty();) {
      above = parent_path(above);
      if (items_.contains(above) || !seen.emplace(above).second) break;
      const std::optional<Entry> entry = below_.find(above);
      const bool is_directory = entry && entry->type == Entry::Type::directory;
      if (!is_directory) throw Error(quoted("/" + std::string(above)) + " is no directory");
      // An unremarkable root needs no entry (LayerBuilder).
      if (above.empty() && entry->mode == 0755 && entry->uid == 0 && entry->gid == 0 &&
          entry->xattrs.empty())
        break;
      CopyPlan::Item parent;
      parent.entry = *entry;
      parent.entry.opaque = false;  // said by the layer that has it; this one adds
      parents.push_back(std::move(parent));
    }
  }
  for (CopyPlan::Item& parent : parents) {
    std::string path = parent.entry.path;
    items_.emplace(std::move(path), std::move(parent));
  }
}

// docker gives what it makes the time of the build. Ours depends on the inputs alone, so that the
// same build gives the same bytes: a made directory is as old as the newest of what is copied, and
// where nothing is, as the directory it is made in.
void Destination::set_times() {
  std::optional<std::int64_t> newest;
  for (const auto& [path, item] : items_) {
    if (untimed_.contains(path)) continue;
    newest = std::max(newest.value_or(item.entry.mtime), item.entry.mtime);
  }
  for (const std::string& path : untimed_) {
    Entry& entry = items_.find(path)->second.entry;
    if (newest) {
      entry.mtime = *newest;
      continue;
    }
    std::string_view above = path;
    std::optional<Entry> there;
    while (!above.empty() && !there) {
      above = parent_path(above);
      there = below_.find(above);
    }
    entry.mtime = there ? there->mtime : 0;
  }
}

void Destination::tie_hard_links() {
  std::map<std::uint64_t, const Entry*> first;
  for (const auto& [path, group] : groups_) {
    const auto found = items_.find(path);
    if (found == items_.end() || found->second.entry.type != Entry::Type::file) continue;
    Entry& entry = found->second.entry;
    const auto [leader, is_first] = first.try_emplace(group, &entry);
    if (!is_first) entry.hard_link = leader->second->path;
  }
}

std::vector<CopyPlan::Item> Destination::finish() {
  set_times();
  tie_hard_links();
  add_parents();
  for (const auto& [path, mtime] : times_) {
    const auto found = items_.find(path);
    if (found != items_.end()) found->second.entry.mtime = mtime;
  }
  std::vector<CopyPlan::Item> items;
  items.reserve(items_.size());
  for (auto& [path, item] : items_) items.push_back(std::move(item));
  items_.clear();
  return items;
}

}  // namespace slipway
