#include <executor/files/layer_items.hpp>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace slipway {
namespace {

using Type = Entry::Type;

// Whether what lies below is the same, by the rule that index_upper() has for RUN: directories'
// times do not count, files' do.
bool same(const Entry& entry, const Entry& below, const Digest& content) {
  if (entry.type != below.type || entry.mode != below.mode || entry.uid != below.uid ||
      entry.gid != below.gid || entry.xattrs != below.xattrs)
    return false;
  if (entry.type == Type::directory) return true;
  return entry.mtime == below.mtime && entry.size == below.size && content == below.content &&
         entry.link_target == below.link_target && entry.device_major == below.device_major &&
         entry.device_minor == below.device_minor;
}

}  // namespace

std::vector<std::size_t> undecided_items(const CopyPlan& plan, const StackView& below) {
  std::vector<std::size_t> undecided;
  if (below.layers().empty()) return undecided;
  for (std::size_t i = 0; i < plan.items.size(); ++i) {
    if (plan.items.type(i) != Type::file) continue;
    const Entry entry = plan.items.entry(i);
    if (entry.content != Digest{}) continue;
    const std::optional<Entry> there = below.find(entry.path);
    if (there && same(entry, *there, there->content)) undecided.push_back(i);
  }
  return undecided;
}

std::vector<std::size_t> layer_items(const CopyPlan& plan, const StackView& below) {
  const PlanItems& items = plan.items;
  std::vector<bool> kept(items.size(), true);
  if (!below.layers().empty()) {
    std::map<std::string, bool, std::less<>>
        groups;  // of hard links, by their first name: any kept
    for (std::size_t i = 0; i < items.size(); ++i) {
      const Entry entry = items.entry(i);
      const std::optional<Entry> there = below.find(entry.path);
      kept[i] = !there || !same(entry, *there, entry.content);
      // A new name for a file, or one less, is a change that the entries alone do not show.
      if (!entry.hard_link.empty()) {
        if (!there || there->hard_link != entry.hard_link) kept[i] = true;
        bool& group = groups[entry.hard_link];
        group = group || kept[i];
      }
    }
    const auto group_of = [&](std::size_t i) {
      const Entry entry = items.entry(i);
      if (entry.type != Type::file) return groups.end();
      return groups.find(entry.hard_link.empty() ? entry.path : entry.hard_link);
    };
    for (std::size_t i = 0; i < items.size() && !groups.empty(); ++i) {
      if (const auto group = group_of(i); group != groups.end())
        group->second = group->second || kept[i];
    }
    for (std::size_t i = 0; i < items.size() && !groups.empty(); ++i) {
      if (const auto group = group_of(i); group != groups.end() && group->second) kept[i] = true;
    }
    // Backwards: what a directory holds comes after it, all of it before the next sibling. What
    // an archive puts into a directory is not known yet, so its destination stays.
    std::string_view needed;
    for (std::size_t i = items.size(); i-- > 0;) {
      const std::string_view path = items.path(i);
      if (!needed.empty() && parent_path(needed) == path) kept[i] = true;
      if (kept[i] && !path.empty()) needed = path;
    }
  }
  std::vector<std::size_t> result;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (kept[i]) result.push_back(i);
  }
  return result;
}

}  // namespace slipway
