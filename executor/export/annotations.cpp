#include <executor/export/annotations.hpp>

#include <ir/error.hpp>
#include <ir/nearest.hpp>

#include <algorithm>

namespace slipway {
namespace {

// "manifest[linux/amd64]": the level, and the platform if there is one.
struct Level {
  std::string_view name;
  std::optional<Platform> platform;
};

// Empty: a bracket is missing.
std::optional<Level> read_level(std::string_view text) {
  const std::size_t bracket = text.find('[');
  if (bracket == std::string_view::npos) return Level{text, std::nullopt};
  if (!text.ends_with(']')) return std::nullopt;
  return Level{text.substr(0, bracket),
               parse_platform(text.substr(bracket + 1, text.size() - bracket - 2))};
}

bool has_blank(std::string_view text) {
  return text.find_first_of(" \t\r\n\v\f") != std::string_view::npos;
}

void merge_into(std::map<std::string, std::string>& values,
                const std::map<std::string, std::string>& more) {
  for (const auto& [key, value] : more) values[key] = value;
}

}  // namespace

void AnnotationGroups::add(std::string_view level, const std::optional<Platform>& platform,
                           const std::string& key, const std::string& value,
                           std::string_view shown) {
  if (key.empty()) throw Error(std::string(shown) + ": an annotation has no key").hint("KEY=VALUE");
  Annotations& group = groups_[platform ? platform->text() : ""];
  if (level.empty() || level == "manifest") {
    group.manifest[key] = value;
  } else if (level == "manifest-descriptor") {
    group.manifest_descriptor[key] = value;
  } else if (level == "index") {
    group.index[key] = value;
  } else if (level == "index-descriptor") {
    group.index_descriptor[key] = value;
  } else {
    throw Error(std::string(shown) + ": annotations have no level " + quoted(level))
        .hint(did_you_mean(level, {"manifest", "manifest-descriptor", "index", "index-descriptor"},
                           "manifest, manifest-descriptor, index or index-descriptor"));
  }
}

void AnnotationGroups::merge(const AnnotationGroups& other) {
  for (const auto& [platform, more] : other.groups_) {
    Annotations& group = groups_[platform];
    merge_into(group.manifest, more.manifest);
    merge_into(group.manifest_descriptor, more.manifest_descriptor);
    merge_into(group.index, more.index);
    merge_into(group.index_descriptor, more.index_descriptor);
  }
}

Annotations AnnotationGroups::of(const Platform& platform) const {
  Annotations result;
  for (const std::string& name : {std::string(), platform.text()}) {
    const auto group = groups_.find(name);
    if (group == groups_.end()) continue;
    merge_into(result.manifest, group->second.manifest);
    merge_into(result.manifest_descriptor, group->second.manifest_descriptor);
  }
  return result;
}

Annotations AnnotationGroups::of_index() const {
  Annotations result;
  for (const auto& [platform, group] : groups_) {
    merge_into(result.index, group.index);
    merge_into(result.index_descriptor, group.index_descriptor);
  }
  return result;
}

void AnnotationGroups::require_platforms(const std::vector<Platform>& platforms) const {
  for (const auto& [name, group] : groups_) {
    if (name.empty()) continue;
    const bool built = std::any_of(platforms.begin(), platforms.end(),
                                   [&](const Platform& each) { return each.text() == name; });
    if (!built) {
      throw Error("an annotation is for " + name + ", which is not built")
          .hint("add it to --platform, or leave the annotation's [" + name + "] out");
    }
  }
}

AnnotationGroups parse_annotations(const std::vector<std::string>& flags) {
  AnnotationGroups groups;
  for (const std::string& flag : flags) {
    if (flag.empty()) continue;  // as buildx: a variable of the caller's that has no value
    const std::string shown = "--annotation " + quoted(flag);
    const std::size_t equals = flag.find('=');
    if (equals == std::string::npos) {
      throw Error(shown + " is not KEY=VALUE").hint("[LEVEL[,LEVEL]:]KEY=VALUE");
    }
    const std::string value = flag.substr(equals + 1);
    const std::string before = flag.substr(0, equals);
    const std::size_t colon = before.find(':');
    if (colon == std::string::npos) {
      groups.add("", std::nullopt, before, value, shown);
      continue;
    }
    const std::string key = before.substr(colon + 1);
    for (std::size_t at = 0; at <= colon;) {
      const std::size_t end = std::min(before.find(',', at), colon);
      const auto level = read_level(std::string_view(before).substr(at, end - at));
      if (!level || level->name.empty()) {
        throw Error(shown + ": " + quoted(before.substr(at, end - at)) + " is no level")
            .hint("LEVEL or LEVEL[OS/ARCH], as in manifest[linux/amd64]");
      }
      groups.add(level->name, level->platform, key, value, shown);
      at = end + 1;
    }
  }
  return groups;
}

bool add_annotation_attribute(std::string_view key, const std::string& value,
                              AnnotationGroups& groups) {
  constexpr std::string_view prefix = "annotation";
  if (!key.starts_with(prefix)) return false;
  std::string_view rest = key.substr(prefix.size());
  const bool has_level = rest.starts_with('-');
  if (!has_level && !rest.starts_with('[') && !rest.starts_with('.')) return false;
  if (has_level) rest.remove_prefix(1);
  // The key may hold dots itself; platforms hold none.
  const std::size_t dot = rest.find('.');
  if (dot == std::string_view::npos || dot + 1 == rest.size() || has_blank(rest)) return false;
  const auto level = read_level(rest.substr(0, dot));
  const std::string shown = "--output " + std::string(key);
  if (!level || (has_level && level->name.empty())) {
    throw Error(shown + ": " + quoted(rest.substr(0, dot)) + " is no level")
        .hint("annotation-LEVEL[OS/ARCH].KEY=VALUE");
  }
  groups.add(level->name, level->platform, std::string(rest.substr(dot + 1)), value, shown);
  return true;
}

}  // namespace slipway
