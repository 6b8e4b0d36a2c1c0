#include <executor/files/select.hpp>

#include <executor/files/resolve.hpp>
#include <ir/nearest.hpp>

#include <algorithm>
#include <utility>

namespace slipway {
namespace {

std::vector<std::string> components(std::string_view path) {
  std::vector<std::string> names;
  for (std::size_t start = 0; start < path.size();) {
    const std::size_t slash = std::min(path.find('/', start), path.size());
    const std::string_view name = path.substr(start, slash - start);
    if (name == "..") {
      if (!names.empty()) names.pop_back();
    } else if (!name.empty() && name != ".") {
      names.emplace_back(name);
    }
    start = slash + 1;
  }
  return names;
}

std::string clean(std::string_view path) {
  std::string cleaned;
  for (const std::string& name : components(path)) cleaned = join(cleaned, name);
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
    if (last) matches.push_back(child.path);
    else if (child.type == Entry::Type::directory)
      match_below(tree, child.path, patterns, depth + 1, matches);
  }
}

std::vector<std::string> match(std::string_view pattern, const SourceTree& tree) {
  std::vector<std::string> patterns = components(pattern);
  const auto first = std::find_if(patterns.begin(), patterns.end(),
                                  [](const std::string& name) { return has_wildcards(name); });
  std::string literal;
  for (auto name = patterns.begin(); name != first; ++name) literal = join(literal, *name);
  patterns.erase(patterns.begin(), first);
  if (patterns.empty()) return {literal};
  for (const std::string& one : patterns) match_path(one, "");  // an Error, also in an empty tree

  const StackView::Resolved start = tree.resolve(literal, true);
  if (!start.entry) throw not_found(literal, tree);
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
    selected.paths = selection.wildcards ? match(selection.path, tree)
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
    if (!tree.resolve(whole, true).entry) throw not_found(whole, tree);
  }
  selected.paths = selection.wildcards ? match(base, tree) : std::vector{clean(base)};
  if (!kept.empty()) {
    // A '!' or '#' at its front is part of the name here.
    std::string pattern = selection.wildcards ? kept : escaped(kept);
    if (pattern.starts_with('!')) pattern.insert(0, 1, '\\');
    selected.include.emplace(std::vector<std::string>{"**", "!" + pattern});
  }
  return selected;
}

Error not_found(std::string_view path, const SourceTree& tree) {
  Error error(quoted(path) + " is not in the " + tree.name());
  if (const std::string why = tree.absence(path); !why.empty()) return std::move(error).hint(why);
  // Down to the first name that is not there.
  std::string directory;
  for (const std::string& name : components(path)) {
    const StackView::Resolved next = tree.resolve(join(directory, name), true);
    if (next.entry) {
      directory = next.path;
      continue;
    }
    const StackView::Resolved link = tree.resolve(join(directory, name), false);
    if (link.entry && link.entry->type == Entry::Type::symlink)
      return std::move(error).hint(quoted(join(directory, name)) + " is a link to " +
                                   quoted(link.entry->link_target) + ", which is not there");
    const std::string near = nearest(name, tree.list(directory));
    if (!near.empty())
      return std::move(error).hint("did you mean " + quoted(join(directory, near)) + "?");
    break;
  }
  return error;
}

}  // namespace slipway
