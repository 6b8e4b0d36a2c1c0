#include <executor/files/destination.hpp>

#include <executor/files/content.hpp>
#include <executor/files/resolve.hpp>
#include <ir/error.hpp>

#include <algorithm>
#include <utility>

namespace slipway {

std::optional<Entry> Destination::find(std::string_view path) const {
  if (std::optional<PlanItem> item = planned(path)) return std::move(item->entry);
  return below_.find(path);
}

std::optional<PlanItem> Destination::planned(std::string_view path) const {
  if (!others_.empty()) {
    if (const auto found = others_.find(path); found != others_.end()) return found->second;
  }
  if (in_order_.is_behind(path)) return std::nullopt;
  const std::optional<std::size_t> position = in_order_.find(path);
  if (!position) return std::nullopt;
  return in_order_[*position];
}

bool Destination::is_planned(std::string_view path) const {
  return others_.contains(path) || (!in_order_.is_behind(path) && in_order_.find(path));
}

std::vector<std::string> Destination::names_below(std::string_view directory) const {
  return below_.list(directory);
}

StackView::Resolved Destination::resolve(std::string_view path, bool follow_last) const {
  return resolve_links(path, follow_last, [this](std::string_view p) { return find(p); });
}

void Destination::put(PlanItem item) {
  const std::string& path = item.entry.path;
  if (!untimed_.empty()) untimed_.erase(path);
  if (!groups_.empty()) groups_.erase(path);
  if (item.entry.type == Entry::Type::file && item.entry.size == 0)
    item.entry.content = empty_content();
  if (in_order_.is_behind(path)) return in_order_.push_back(item);
  std::string key = path;
  others_.insert_or_assign(std::move(key), std::move(item));
}

void Destination::put_untimed(PlanItem item) {
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
    PlanItem item;
    item.entry.path = made;
    item.entry.type = Entry::Type::directory;
    item.entry.mode = mode;
    item.entry.uid = owner.uid;
    item.entry.gid = owner.gid;
    put_untimed(std::move(item));
  }
}

template <class Visit>
void Destination::for_each(Visit visit) const {
  auto other = others_.begin();
  const auto visit_others = [&](const std::string_view* before) {
    for (; other != others_.end() && (before == nullptr || path_less(other->first, *before));
         ++other)
      visit(std::string_view(other->first), other->second.entry.type, other->second.entry.mtime);
  };
  for (std::size_t i = 0; i < in_order_.size(); ++i) {
    const std::string_view path = in_order_.path(i);
    visit_others(&path);
    if (other != others_.end() && other->first == path) continue;
    visit(path, in_order_.type(i), in_order_.mtime(i));
  }
  visit_others(nullptr);
}

std::map<std::string, PlanItem, PathLess> Destination::missing_parents() const {
  std::map<std::string, PlanItem, PathLess> parents;
  std::set<std::string, std::less<>> seen;
  std::optional<std::string> last;  // neighbours mostly have the same parent
  for_each([&](std::string_view path, Entry::Type, std::int64_t) {
    if (path.empty() || (last && *last == parent_path(path))) return;
    last = parent_path(path);
    for (std::string_view above = path; !above.empty();) {
      above = parent_path(above);
      if (is_planned(above) || !seen.emplace(above).second) break;
      const std::optional<Entry> entry = below_.find(above);
      const bool is_directory = entry && entry->type == Entry::Type::directory;
      if (!is_directory) throw Error(quoted("/" + std::string(above)) + " is no directory");
      // An unremarkable root needs no entry (LayerBuilder).
      if (above.empty() && entry->mode == 0755 && entry->uid == 0 && entry->gid == 0 &&
          entry->xattrs.empty())
        break;
      PlanItem parent;
      parent.entry = *entry;
      parent.entry.opaque = false;  // said by the layer that has it; this one adds
      parents.emplace(above, std::move(parent));
    }
  });
  return parents;
}

// docker gives what it makes the time of the build. Ours depends on the inputs alone, so that the
// same build gives the same bytes: a made directory is as old as the newest of what is copied, and
// where nothing is, as the directory it is made in.
std::map<std::string, std::int64_t, std::less<>> Destination::made_times() const {
  std::map<std::string, std::int64_t, std::less<>> times;
  if (untimed_.empty()) return times;
  std::optional<std::int64_t> newest;
  for_each([&](std::string_view path, Entry::Type, std::int64_t mtime) {
    if (mtime > newest.value_or(mtime - 1) && !untimed_.contains(path)) newest = mtime;
  });
  for (const std::string& path : untimed_) {
    std::string_view above = path;
    std::optional<Entry> there;
    while (!newest && !above.empty() && !there) {
      above = parent_path(above);
      there = below_.find(above);
    }
    times[path] = newest ? *newest : there ? there->mtime : 0;
  }
  return times;
}

// By the path of a link: the first name that is there.
std::map<std::string, std::string, std::less<>> Destination::hard_links() const {
  std::map<std::string, std::string, std::less<>> links;
  std::map<std::uint64_t, std::string> first;
  for (const auto& [path, group] : groups_) {
    const std::optional<PlanItem> item = planned(path);
    if (!item || item->entry.type != Entry::Type::file) continue;
    const auto [leader, is_first] = first.try_emplace(group, path);
    if (!is_first) links[path] = leader->second;
  }
  return links;
}

PlanItems Destination::finish() {
  auto times = made_times();
  for (const auto& [path, time] : times_) times[path] = time;
  const auto links = hard_links();
  auto parents = missing_parents();
  parents.merge(others_);
  PlanItems::Drain in_order(std::move(in_order_));
  PlanItems items;
  const auto add = [&](PlanItem item) {
    if (const auto time = times.find(item.entry.path); time != times.end())
      item.entry.mtime = time->second;
    if (const auto link = links.find(item.entry.path); link != links.end())
      item.entry.hard_link = link->second;
    items.push_back(item);
  };
  for (auto& [path, item] : parents) {
    while (in_order.peek() != nullptr && path_less(in_order.peek()->entry.path, path))
      add(in_order.take());
    if (in_order.peek() != nullptr && in_order.peek()->entry.path == path) in_order.take();
    add(std::move(item));
  }
  while (in_order.peek() != nullptr) add(in_order.take());
  return items;
}

}  // namespace slipway
