// What of a selected directory is copied: --parents' pivot lets in, --exclude leaves out.
#pragma once

#include <ir/pattern.hpp>

#include <string_view>

namespace slipway {

// One rule for all who go through a tree: the copy, the walk ahead of it, and the list of what
// would be copied. Paths are relative to the selected directory. The rules are borrowed.
struct WalkFilter {
  const IgnoreRules* include = nullptr;  // excludes what is not to be there; null: everything is
  const IgnoreRules* exclude = nullptr;  // null: nothing is left out

  // What the rules said of a directory; those of its entries need it.
  struct Parent {
    IgnoreRules::Parent include;
    IgnoreRules::Parent exclude;
  };
  struct Verdict {
    bool outside = false;   // of the pivot
    bool excluded = false;
    bool taken() const { return !outside && !excluded; }
  };
  // `parent`: of the directory it lies in; null: that is the selected one. `own` receives what its
  // entries need.
  Verdict judge(std::string_view path, const Parent* parent, Parent& own) const;
  // Whether a directory of this verdict can hold something that is taken.
  bool may_hold(std::string_view directory, const Verdict& verdict) const;
};

}  // namespace slipway
