#include <executor/files/walk_filter.hpp>

namespace slipway {
namespace {

bool is_out(const IgnoreRules* rules, std::string_view path, const IgnoreRules::Parent* parent,
            IgnoreRules::Parent& own) {
  return rules != nullptr && !rules->empty() && rules->excluded(path, parent, &own);
}

}  // namespace

WalkFilter::Verdict WalkFilter::judge(std::string_view path, const Parent* parent,
                                      Parent& own) const {
  return {is_out(include, path, parent != nullptr ? &parent->include : nullptr, own.include),
          is_out(exclude, path, parent != nullptr ? &parent->exclude : nullptr, own.exclude)};
}

bool WalkFilter::may_hold(std::string_view directory, const Verdict& verdict) const {
  return (!verdict.outside || include->may_reinclude_below(directory)) &&
         (!verdict.excluded || exclude->may_reinclude_below(directory));
}

}  // namespace slipway
