// Which paths of a source tree a COPY names.
#pragma once

#include <executor/files/source_tree.hpp>
#include <ir/operation.hpp>
#include <ir/pattern.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

// What one Selection comes to. With --parents a path "a/./b" has a pivot: `paths` are what stands
// in front of it, and of what lies below those only what `include` lets in is copied.
struct Selected {
  // In the order of a walk; their last name may be a link. None: a pattern without a match, which
  // is no mistake.
  std::vector<std::string> paths;
  // Excludes what is not included, so that a walk can leave out what holds nothing. Empty: no
  // --parents.
  std::optional<IgnoreRules> include;
};

// Throws Error where a path without wildcards does not exist, and for a malformed pattern.
Selected select_paths(const CopyFiles::Selection& selection, bool parents, const SourceTree& tree);

}  // namespace slipway
