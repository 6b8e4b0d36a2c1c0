#include <executor/files/layer_items.hpp>

#include <map>
#include <optional>
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
    const Entry& entry = plan.items[i].entry;
    if (entry.type != Type::file || entry.content != Digest{}) continue;
    const std::optional<Entry> there = below.find(entry.path);
    if (there && same(entry, *there, there->content)) undecided.push_back(i);
  }
  return undecided;
}

std::vector<std::size_t> layer_items(const CopyPlan& plan, const StackView& below) {
  const std::vector<CopyPlan::Item>& items = plan.items;
  std::vector<bool> kept(items.size(), true);
  if (!below.layers().empty()) {
    std::map<std::string_view, bool> groups;  // of hard links, by their first name: any kept
    for (std::size_t i = 0; i < items.size(); ++i) {
      const std::optional<Entry> there = below.find(items[i].entry.path);
      kept[i] = !there || !same(items[i].entry, *there, items[i].entry.content);
      // A new name for a file, or one less, is a change that the entries alone do not show.
      if (!items[i].entry.hard_link.empty()) {
        if (!there || there->hard_link != items[i].entry.hard_link) kept[i] = true;
        groups[items[i].entry.hard_link] = groups[items[i].entry.hard_link] || kept[i];
      }
    }
    for (std::size_t i = 0; i < items.size() && !groups.empty(); ++i) {
      const Entry& entry = items[i].entry;
      const auto group = groups.find(entry.hard_link.empty() ? entry.path : entry.hard_link);
      if (group != groups.end() && entry.type == Type::file) group->second |= kept[i];
    }
    for (std::size_t i = 0; i < items.size() && !groups.empty(); ++i) {
      const Entry& entry = items[i].entry;
      const auto group = groups.find(entry.hard_link.empty() ? entry.path : entry.hard_link);
      if (group != groups.end() && entry.type == Type::file && group->second) kept[i] = true;
    }
    // Backwards: what a directory holds comes after it, all of it before the next sibling. What
    // an archive puts into a directory is not known yet, so its destination stays.
    std::string_view needed;
    for (std::size_t i = items.size(); i-- > 0;) {
      const std::string& path = items[i].entry.path;
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
