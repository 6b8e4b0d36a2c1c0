// Annotations as people ask for them: by the level they stand on, for all platforms or for one.
#pragma once

#include <cache/images/facts.hpp>
#include <ir/platform.hpp>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

// By platform as Platform::text() has it; "": for all.
class AnnotationGroups {
 public:
  // `level` is "" (the manifest's), manifest, manifest-descriptor, index or index-descriptor.
  // Throws Error with a hint for another one; `shown` is for messages.
  void add(std::string_view level, const std::optional<Platform>& platform, const std::string& key,
           const std::string& value, std::string_view shown);
  // Takes those of the other, which count where both have one.
  void merge(const AnnotationGroups& other);

  // What counts for one platform's image: what is for all, and then its own. The index's levels
  // are those of all platforms.
  Annotations of(const Platform& platform) const;
  Annotations of_index() const;
  // Throws Error for a platform that is not among these.
  void require_platforms(const std::vector<Platform>& platforms) const;
  bool empty() const { return groups_.empty(); }

  bool operator==(const AnnotationGroups&) const = default;

 private:
  std::map<std::string, Annotations> groups_;
};

// --annotation: "[LEVEL[[PLATFORM]][,LEVEL...]:]KEY=VALUE". Throws Error with a hint.
AnnotationGroups parse_annotations(const std::vector<std::string>& flags);

// A key of --output: "annotation.KEY", "annotation-LEVEL.KEY", "annotation-LEVEL[PLATFORM].KEY" or
// "annotation[PLATFORM].KEY". False: it is no such key. Throws Error with a hint.
bool add_annotation_attribute(std::string_view key, const std::string& value,
                              AnnotationGroups& groups);

}  // namespace slipway
