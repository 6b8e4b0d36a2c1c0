#include "context_files.hpp"

#include <cache/layers/entry.hpp>
#include <frontend/parse.hpp>
#include <ir/graph.hpp>

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>
#include <variant>

namespace slipway {
namespace {

ResolvedImage unknown_image(const ImageRequest& wanted) {
  ResolvedImage unknown;
  unknown.known = false;
  unknown.reference = wanted.reference;
  return unknown;
}

std::set<VertexId> needed_by(const Graph& graph, VertexId root) {
  std::set<VertexId> needed;
  std::vector<VertexId> waiting{root};
  while (!waiting.empty()) {
    const VertexId id = waiting.back();
    waiting.pop_back();
    if (!needed.insert(id).second) continue;
    for (const VertexId input : graph[id].inputs) waiting.push_back(input);
  }
  return needed;
}

std::unique_ptr<Context> open_context(const std::filesystem::path& directory,
                                      const std::string& name, const IgnoreFile& ignore) {
  Context::Options options;
  options.directory = directory;
  options.name = name.empty() ? "build context" : "build context " + name;
  options.ignore = ignore_rules(ignore);
  options.rule_places = rule_places(ignore);
  return Context::open(std::move(options));
}

// Goes through everything that is not excluded.
class UnusedSearch {
 public:
  UnusedSearch(const ContextUse& use, const TakenFiles& taken) : use_(use), taken_(taken) {}

  struct Below {
    std::uint64_t size = 0;
    std::uint64_t files = 0;
    bool used = false;
    std::vector<UnusedTree> unused;
  };
  Below search(const std::string& directory) const {
    Below below;
    for (const Entry& child : use_.context->children(directory)) {
      if (child.type == Entry::Type::directory) {
        Below inside = search(child.path);
        inside.used = inside.used || taken_.entries.contains(child.path);
        below.size += inside.size;
        below.files += inside.files;
        below.used = below.used || inside.used;
        if (!inside.used) inside.unused = {{child.path + "/", inside.size, inside.files}};
        std::move(inside.unused.begin(), inside.unused.end(), std::back_inserter(below.unused));
        continue;
      }
      below.size += child.size;
      ++below.files;
      if (taken_.entries.contains(child.path))
        below.used = true;
      else
        below.unused.push_back({child.path, child.size, 1});
    }
    return below;
  }

 private:
  const ContextUse& use_;
  const TakenFiles& taken_;
};

}  // namespace

ContextUse find_use(const BuildRequest& request, const std::string& name) {
  LowerOptions options = lower_options(request);
  const BuildInputs inputs = read_build_inputs(request, []() -> Store& {
    throw Error("only a directory can be listed, not what comes from elsewhere")
        .hint("unpack or clone it, and give the directory");
  });
  ParsedDockerfile parsed = read_dockerfile(inputs.dockerfile);
  require_no_mistakes(parsed.dockerfile, options, std::move(parsed.mistakes));

  ContextUse use;
  std::filesystem::path directory;
  if (name.empty()) {
    if (!inputs.directory) throw Error("this build has no build context that could be listed");
    directory = *inputs.directory;
    use.ignore_file = inputs.ignore;
  } else {
    const auto found = options.contexts.find(name);
    if (found == options.contexts.end() || found->second.kind != NamedContext::Kind::directory ||
        !std::filesystem::is_directory(found->second.value))
      throw Error("there is no build context " + quoted(name) + " that is a directory")
          .hint("--build-context " + name + "=PATH");
    directory = found->second.value;
    use.ignore_file = find_ignore_file(directory);
  }
  use.rules = ignore_rules(use.ignore_file);
  use.context = open_context(directory, name, use.ignore_file);
  use.whole = open_context(directory, name, {});
  use.lowered = lower(parsed.dockerfile, options, unknown_image);

  const Graph& graph = use.lowered.graph;
  const std::set<VertexId> needed = needed_by(graph, use.lowered.root);
  for (const VertexId id : needed) {
    const auto* read = std::get_if<ReadContext>(&graph[id].operation);
    if (read == nullptr || read->name != name) continue;
    use.takings = takings(graph, id, [&](VertexId one) { return needed.contains(one); });
  }
  return use;
}

TakenFiles find_taken(const ContextUse& use) {
  TakenFiles taken;
  use.context->expect(use.takings);
  for (std::size_t i = 0; i < use.takings.size(); ++i) {
    try {
      for_selected(use.takings[i], *use.context, [&](const Entry& entry) {
        if (entry.path.empty()) return;
        TakenFile& file = taken.entries[entry.path];
        file.type = entry.type;
        file.size = entry.type == Entry::Type::file ? entry.size : 0;
        if (file.by.empty() || file.by.back() != i) file.by.push_back(i);
      });
    } catch (Error& error) {
      taken.errors.push_back(std::move(error.at(use.lowered.graph[use.takings[i].vertex].origin)));
    }
  }
  return taken;
}

std::vector<UnusedTree> find_unused(const ContextUse& use, const TakenFiles& taken) {
  std::vector<UnusedTree> unused = UnusedSearch(use, taken).search("").unused;
  std::sort(unused.begin(), unused.end(), [](const UnusedTree& left, const UnusedTree& right) {
    return left.size != right.size ? left.size > right.size : left.path < right.path;
  });
  return unused;
}

std::string ignore_line(std::string path) {
  if (path.ends_with('/')) path.pop_back();
  std::string line;
  // No comment, and no exception: a '!' behind the '/' of the context would still be one.
  if (path.starts_with('#')) line = "/";
  if (path.starts_with('!')) line = "\\";
  for (const char c : path) {
    if (std::string_view("*?[]\\").find(c) != std::string_view::npos) line += '\\';
    line += c;
  }
  return line;
}

std::map<std::string, DirectorySize> sum_by_directory(const TakenFiles& taken) {
  std::map<std::string, DirectorySize> sums;
  sums[""];
  for (const auto& [path, file] : taken.entries) {
    if (file.type == Entry::Type::directory) {
      sums[path];
      continue;
    }
    for (std::string_view above = path; !above.empty();) {
      above = parent_path(above);
      DirectorySize& sum = sums[std::string(above)];
      sum.size += file.size;
      ++sum.files;
    }
  }
  return sums;
}

}  // namespace slipway
