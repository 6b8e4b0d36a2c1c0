#include <executor/compare/builds.hpp>

#include <ir/error.hpp>
#include <ir/printable.hpp>

#include <algorithm>
#include <cstdio>
#include <map>
#include <utility>

namespace slipway {
namespace {

// One of a layer's own files, whatever lies below.
StackView view_of(Store& store, const LayerRef& layer) { return store.layers().view({layer}); }

std::string mode_text(std::uint32_t mode) {
  char text[16];
  std::snprintf(text, sizeof text, "%04o", mode & 07777U);
  return text;
}

std::string type_text(const Entry& entry) {
  switch (entry.type) {
    case Entry::Type::file: return "file";
    case Entry::Type::directory: return entry.opaque ? "opaque directory" : "directory";
    case Entry::Type::symlink: return "link";
    case Entry::Type::char_device: return "character device";
    case Entry::Type::block_device: return "block device";
    case Entry::Type::fifo: return "pipe";
    case Entry::Type::whiteout: return "removal";
  }
  return "";
}

std::string device_text(const Entry& entry) {
  return std::to_string(entry.device_major) + ":" + std::to_string(entry.device_minor);
}

std::string owner_text(const Entry& entry) {
  return std::to_string(entry.uid) + ":" + std::to_string(entry.gid);
}

// The names of those that only one has, or that both have with other values.
std::string attribute_text(const Entry& was, const Entry& is) {
  std::string names;
  const auto add = [&](const Entry& from, const Entry& other) {
    for (const auto& attribute : from.xattrs) {
      if (std::find(other.xattrs.begin(), other.xattrs.end(), attribute) != other.xattrs.end())
        continue;
      const std::string name = printable(attribute.first);
      if (names.find(name) == std::string::npos) names += (names.empty() ? "" : ", ") + name;
    }
  };
  add(was, is);
  add(is, was);
  return names;
}

std::string aspect_text(Aspect aspect, const Entry& was, const Entry& is,
                        const std::optional<ContentDifference>& content) {
  const auto change = [](const std::string& before, const std::string& after) {
    return ": " + before + " -> " + after;
  };
  switch (aspect) {
    case Aspect::type: return change(type_text(was), type_text(is));
    case Aspect::link: return change(quoted(was.link_target), quoted(is.link_target));
    case Aspect::hard_link:
      return change(was.hard_link.empty() ? "none" : quoted("/" + was.hard_link),
                    is.hard_link.empty() ? "none" : quoted("/" + is.hard_link));
    case Aspect::device: return change(device_text(was), device_text(is));
    case Aspect::mode: return change(mode_text(was.mode), mode_text(is.mode));
    case Aspect::owner: return change(owner_text(was), owner_text(is));
    case Aspect::attributes: return ": " + attribute_text(was, is);
    case Aspect::time: return change(std::to_string(was.mtime), std::to_string(is.mtime));
    case Aspect::content: break;
  }
  std::string text;
  if (was.size != is.size)
    text = change(std::to_string(was.size) + " bytes", std::to_string(is.size) + " bytes");
  if (!content) return text;
  text += (text.empty() ? ", " : "; ") + ("from byte " + std::to_string(content->offset)) + " on";
  if (content->line == 0) return text;
  return text + ", in line " + std::to_string(content->line) + "\n        - " + content->was +
         "\n        + " + content->is;
}

}  // namespace

std::vector<StepDifference> compare_builds(const Graph& graph, const SolveResult& first,
                                           const SolveResult& second, Store& store,
                                           const CompareTimes& times) {
  const std::map<VertexId, LayerRef> again(second.made.begin(), second.made.end());
  std::vector<bool> differs(graph.size(), false);
  std::map<VertexId, StepDifference> found;
  const std::map<VertexId, LayerRef> once(first.made.begin(), first.made.end());
  for (std::uint32_t i = 0; i < graph.size(); ++i) {
    const VertexId id{i};
    const std::vector<VertexId>& inputs = graph[id].inputs;
    const bool input_differs = std::any_of(inputs.begin(), inputs.end(), [&](VertexId input) {
      return differs[index_of(input)];
    });
    differs[i] = input_differs;
    const auto was = once.find(id);
    const auto is = again.find(id);
    if (was == once.end() || is == again.end()) continue;
    if (was->second.diff_id == is->second.diff_id) continue;
    if (was->second.tree == is->second.tree && !times.compare) continue;
    StepDifference difference;
    difference.step = id;
    difference.input_differs = input_differs;
    difference.files = compare_files(entries_of(*store.layers().index(was->second.diff_id)),
                                     entries_of(*store.layers().index(is->second.diff_id)), times);
    difference.count = difference.files.size();
    // The digests have the last word.
    if (difference.count == 0 && was->second.tree == is->second.tree) continue;
    differs[i] = true;
    if (difference.count > most_differing_files)
      difference.files.erase(difference.files.begin() + most_differing_files,
                             difference.files.end());
    const StackView was_view = view_of(store, was->second);
    const StackView is_view = view_of(store, is->second);
    for (const FileDifference& file : difference.files) {
      const bool content = std::find(file.aspects.begin(), file.aspects.end(), Aspect::content) !=
                           file.aspects.end();
      difference.contents.push_back(
          content ? compare_contents(was_view, *file.was, is_view, *file.is) : std::nullopt);
    }
    found.emplace(id, std::move(difference));
  }
  std::vector<StepDifference> all;
  for (auto& [id, difference] : found) all.push_back(std::move(difference));
  return all;
}

std::string difference_text(const Graph& graph, const StepDifference& difference) {
  std::string text = printable(graph[difference.step].name);
  if (difference.input_differs) text += "  (on files that differ already)";
  text += "\n";
  for (std::size_t i = 0; i < difference.files.size(); ++i) {
    const FileDifference& file = difference.files[i];
    const std::string path = printable("/" + file.path);
    if (!file.was || !file.is) {
      const Entry& entry = file.was ? *file.was : *file.is;
      text += "    " + path + "  " + type_text(entry) + ", in the " +
              (file.was ? "first" : "second") + " build alone\n";
      continue;
    }
    for (const Aspect aspect : file.aspects)
      text += "    " + path + "  " + name_of(aspect) +
              aspect_text(aspect, *file.was, *file.is, difference.contents[i]) + "\n";
  }
  if (difference.count == 0) text += "    the digests of its trees differ\n";
  if (difference.count > difference.files.size())
    text += "    and " + std::to_string(difference.count - difference.files.size()) + " more\n";
  return text;
}

}  // namespace slipway
