#include <executor/files/not_found.hpp>

#include <executor/files/resolve.hpp>
#include <ir/nearest.hpp>

#include <algorithm>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace slipway {
namespace {

// The path that these names were probably meant as, capitals and slips corrected; "" where
// a name is near none. They are names below `directory`.
std::string nearest_path(std::string directory, std::span<const std::string> names,
                         const SourceTree& tree) {
  for (const std::string& name : names) {
    StackView::Resolved next = tree.resolve(join(directory, name), true);
    if (!next.entry) {
      const std::string near = nearest(name, tree.list(directory));
      if (near.empty()) return {};
      next = tree.resolve(join(directory, near), true);
      if (!next.entry) return {};
      directory = join(directory, near);
    } else {
      directory = next.path;
    }
  }
  return directory;
}

// Whether ".." in it goes above where it starts.
bool leads_out(std::string_view path) {
  int depth = 0;
  for (std::size_t start = 0; start < path.size();) {
    const std::size_t slash = std::min(path.find('/', start), path.size());
    const std::string_view name = path.substr(start, slash - start);
    if (name == "..")
      --depth;
    else if (!name.empty() && name != ".")
      ++depth;
    if (depth < 0) return true;
    start = slash + 1;
  }
  return false;
}

Error missing_link(Error error, const std::string& link, const std::string& target,
                   const SourceTree& tree) {
  const bool outside = target.starts_with('/') || leads_out(join(parent_path(link), target));
  return std::move(error).hint(quoted(link) + " is a link to " + quoted(target) +
                               ", which is not there" +
                               (outside ? ": links do not lead out of the " + tree.name() : ""));
}

}  // namespace

Error not_found(std::string_view path, const SourceTree& tree, std::string_view written) {
  Error error(quoted(path) + " is not in the " + tree.name());
  if (const std::string why = tree.absence(path); !why.empty()) return std::move(error).hint(why);
  // Down to the first name that is not there.
  const std::vector<std::string> names = path_names(path);
  std::string directory;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string here = join(directory, names[i]);
    const StackView::Resolved next = tree.resolve(here, true);
    if (next.entry) {
      if (next.entry->type != Entry::Type::directory && i + 1 < names.size())
        return std::move(error).hint(quoted(here) + " is no directory");
      directory = next.path;
      continue;
    }
    const StackView::Resolved link = tree.resolve(here, false);
    if (link.entry && link.entry->type == Entry::Type::symlink)
      return missing_link(std::move(error), here, link.entry->link_target, tree);
    if (leads_out(written)) break;
    const std::string near = nearest_path(directory, std::span(names).subspan(i), tree);
    if (!near.empty()) return std::move(error).hint("did you mean " + quoted(near) + "?");
    const std::string name = nearest(names[i], tree.list(directory));
    if (!name.empty())
      return std::move(error).hint(quoted(join(directory, name)) + " is there, without " +
                                   quoted(names[std::min(i + 1, names.size() - 1)]));
    break;
  }
  if (leads_out(written))
    return std::move(error).hint("\"..\" does not lead out of the " + tree.name() +
                                 ": build with a directory above as CONTEXT, or give that one as "
                                 "--build-context NAME=PATH and COPY --from=NAME");
  return error;
}

}  // namespace slipway
