#include <executor/files/select.hpp>

#include <executor/files/not_found.hpp>
#include <executor/files/resolve.hpp>
#include <ir/error.hpp>

#include <algorithm>
#include <utility>

namespace slipway {
namespace {

std::string clean(std::string_view path) {
  std::string cleaned;
  for (const std::string& name : path_names(path)) cleaned = join(cleaned, name);
  return cleaned;
}

// Descends along the pattern's components. No link is followed on the way: that is how docker's
// walk finds them.
void match_below(const SourceTree& tree, const std::string& directory,
                 const std::vector<std::string>& patterns, std::size_t depth,
                 std::vector<std::string>& matches) {
  const bool last = depth + 1 == patterns.size();
  for (const Entry& child : tree.children(directory)) {
    if (!match_path(patterns[depth], base_name(child.path))) continue;
    if (last)
      matches.push_back(child.path);
    else if (child.type == Entry::Type::directory)
      match_below(tree, child.path, patterns, depth + 1, matches);
  }
}

// `written`: the pattern as the Dockerfile has it.
std::vector<std::string> match(std::string_view pattern, const SourceTree& tree,
                               std::string_view written) {
  std::vector<std::string> patterns = path_names(pattern);
  const auto first = std::find_if(patterns.begin(), patterns.end(),
                                  [](const std::string& name) { return has_wildcards(name); });
  std::string literal;
  for (auto name = patterns.begin(); name != first; ++name) literal = join(literal, *name);
  patterns.erase(patterns.begin(), first);
  if (patterns.empty()) return {literal};
  for (const std::string& one : patterns) match_path(one, "");  // an Error, also in an empty tree

  const StackView::Resolved start = tree.resolve(literal, true);
  if (!start.entry) throw not_found(literal, tree, written);
  std::vector<std::string> matches;
  if (start.entry->type == Entry::Type::directory)
    match_below(tree, start.path, patterns, 0, matches);
  return matches;
}

// Every character for itself.
std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '*' || c == '?' || c == '[' || c == ']' || c == '\\') result += '\\';
    result += c;
  }
  return result;
}

}  // namespace

Selected select_paths(const CopyFiles::Selection& selection, bool parents, const SourceTree& tree) {
  Selected selected;
  if (!parents) {
    selected.paths = selection.wildcards ? match(selection.path, tree, selection.origin.written)
                                         : std::vector{clean(selection.path)};
    return selected;
  }

  // What lies in front of the first "/./" is where to stand, what follows is what to keep.
  const std::size_t pivot = selection.path.find("/./");
  const std::string base = pivot == std::string::npos ? "" : selection.path.substr(0, pivot);
  const std::string kept =
      clean(pivot == std::string::npos ? std::string_view(selection.path)
                                       : std::string_view(selection.path).substr(pivot + 3));
  const bool wildcards = selection.wildcards && (has_wildcards(base) || has_wildcards(kept));
  if (!wildcards) {
    const std::string whole = join(clean(base), kept);
    const StackView::Resolved found = tree.resolve(whole, true);
    if (!found.entry) throw not_found(whole, tree, selection.origin.written);
    // Its directories become the destination's, and a link cannot: BuildKit finds nothing there.
    if (!kept.empty() && !tree.find(join(tree.resolve(clean(base), true).path, kept)))
      throw Error(quoted(whole) + " leads over a link, and --parents keeps directories alone")
          .hint("it leads to " + quoted(found.path));
  }
  selected.paths =
      selection.wildcards ? match(base, tree, selection.origin.written) : std::vector{clean(base)};
  if (!kept.empty()) {
    // A '!' or '#' at its front is part of the name here.
    std::string pattern = selection.wildcards ? kept : escaped(kept);
    if (pattern.starts_with('!')) pattern.insert(0, 1, '\\');
    selected.include.emplace(std::vector<std::string>{"**", "!" + pattern});
  }
  return selected;
}

}  // namespace slipway
