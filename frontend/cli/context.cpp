// slipway context ls: what goes into a build, why, and what it weighs.
#include "command.hpp"
#include "context_files.hpp"
#include "print.hpp"
#include "table.hpp"

#include <executor/files/not_found.hpp>
#include <executor/files/resolve.hpp>
#include <ir/error.hpp>
#include <ir/printable.hpp>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {
namespace {

using Json = nlohmann::ordered_json;

struct Request {
  BuildRequest build;
  std::string action;
  std::string name;
  std::string why;
  std::string format;
  bool size = false;
};

// How many lines the tables of --size have; JSON has all.
constexpr std::size_t most_lines = 20;

std::string json_text(const Json& json) {
  // Names are bytes; JSON has none for those that are no UTF-8.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string_view type_name(Entry::Type type) {
  switch (type) {
    case Entry::Type::file:
      return "file";
    case Entry::Type::directory:
      return "directory";
    case Entry::Type::symlink:
      return "symlink";
    case Entry::Type::char_device:
    case Entry::Type::block_device:
      return "device";
    case Entry::Type::fifo:
      return "pipe";
    default:
      return "other";
  }
}

Json instructions_json(const ContextUse& use, const std::set<std::size_t>& by) {
  Json list = Json::array();
  for (const std::size_t i : by) {
    const Vertex& vertex = use.lowered.graph[use.takings[i].vertex];
    Json one;
    one["File"] = vertex.origin.file ? vertex.origin.file->name : "";
    one["Line"] = vertex.origin.line;
    one["Name"] = vertex.name;
    list.push_back(std::move(one));
  }
  return list;
}

void print_list(const ContextUse& use, const TakenFiles& taken, bool json) {
  std::string text;
  for (auto at = taken.entries.begin(); at != taken.entries.end(); ++at) {
    const auto& [path, file] = *at;
    if (json) {
      Json line;
      line["Path"] = path;
      line["Type"] = type_name(file.type);
      line["Size"] = file.size;
      line["Instructions"] = instructions_json(use, {file.by.begin(), file.by.end()});
      text += json_text(line);
      continue;
    }
    // A directory goes without saying where something in it is named.
    if (file.type == Entry::Type::directory) {
      const auto next = taken.entries.lower_bound(path + "/");
      if (next != taken.entries.end() && next->first.starts_with(path + "/")) continue;
    }
    text += printable(path) + (file.type == Entry::Type::directory ? "/\n" : "\n");
  }
  print(text);
}

void print_sizes(const ContextUse& use, const TakenFiles& taken, bool json) {
  const std::map<std::string, DirectorySize> sums = sum_by_directory(taken);
  const std::vector<UnusedTree> unused = find_unused(use, taken);
  if (json) {
    Json report;
    report["Size"] = sums.at("").size;
    report["Files"] = sums.at("").files;
    report["Directories"] = Json::array();
    for (const auto& [path, sum] : sums)
      report["Directories"].push_back({{"Path", path}, {"Size", sum.size}, {"Files", sum.files}});
    report["Unused"] = Json::array();
    for (const UnusedTree& tree : unused)
      report["Unused"].push_back({{"Path", tree.path},
                                  {"Size", tree.size},
                                  {"Files", tree.files},
                                  {"IgnoreLine", ignore_line(tree.path)}});
    print(json_text(report));
    return;
  }

  std::vector<std::pair<std::string, DirectorySize>> largest(sums.begin(), sums.end());
  std::stable_sort(largest.begin(), largest.end(), [](const auto& left, const auto& right) {
    return left.second.size > right.second.size;
  });
  std::vector<std::vector<std::string>> rows = {{"SIZE", "FILES", "DIRECTORY"}};
  for (const auto& [path, sum] : largest) {
    if (rows.size() > most_lines) break;
    rows.push_back({size_text(sum.size), std::to_string(sum.files),
                    path.empty() ? "." : printable(path) + "/"});
  }
  std::string text = table(rows);
  if (largest.size() > most_lines)
    text += "and " + std::to_string(largest.size() - most_lines) + " smaller directories\n";

  rows = {{"SIZE", "FILES", "TAKEN BY NO INSTRUCTION", "LINE FOR .dockerignore"}};
  for (const UnusedTree& tree : unused) {
    // What a build reads for itself, and what weighs nothing, is not worth a line.
    if (tree.size == 0 || tree.path == "Dockerfile" || tree.path.ends_with(".dockerignore"))
      continue;
    if (rows.size() > most_lines) break;
    rows.push_back({size_text(tree.size), std::to_string(tree.files), printable(tree.path),
                    printable(ignore_line(tree.path))});
  }
  if (rows.size() > 1) text += "\n" + table(rows);
  print(text);
}

// Relative to the context, however it was written.
std::string path_in_context(const std::string& written) {
  std::string path;
  for (std::size_t start = 0; start < written.size();) {
    const std::size_t slash = std::min(written.find('/', start), written.size());
    const std::string name = written.substr(start, slash - start);
    start = slash + 1;
    if (name.empty() || name == ".") continue;
    if (name == "..")
      throw Error(quoted(written) + " leads out of the build context")
          .hint("a path of --why is relative to the context");
    path = join(path, name);
  }
  return path;
}

std::string note(std::string message, const SourceSpan& place) {
  Diagnostic diagnostic;
  diagnostic.message = std::move(message);
  diagnostic.span = place;
  return render(diagnostic, "note", false);
}

void explain(const Request& request, const ContextUse& use, bool json) {
  const std::string asked = path_in_context(request.why);
  const StackView::Resolved found = use.whole->resolve(asked, false);
  if (!found.entry) throw not_found(asked, *use.whole, request.why);
  const std::string& path = found.path;
  const bool included = use.context->find(path).has_value();
  constexpr std::size_t none = SIZE_MAX;
  const std::size_t rule = path.empty() ? none : use.rules.deciding_rule(path).value_or(none);

  // A source of another instruction that is missing says nothing about this path.
  const TakenFiles taken = find_taken(use);
  std::set<std::size_t> by;
  if (const auto one = taken.entries.find(path); one != taken.entries.end())
    by.insert(one->second.by.begin(), one->second.by.end());
  bool only_parts = by.empty();
  const std::string inside = path.empty() ? "" : path + "/";
  for (auto one = taken.entries.lower_bound(inside);
       by.empty() && one != taken.entries.end() && one->first.starts_with(inside); ++one)
    by.insert(one->second.by.begin(), one->second.by.end());
  only_parts = only_parts && !by.empty();

  if (json) {
    Json report;
    report["Path"] = path;
    report["Included"] = included;
    report["Rule"] = nullptr;
    if (rule != none) {
      const SourceSpan& place = use.ignore_file.places[rule];
      report["Rule"] = {{"File", use.ignore_file.source->name},
                        {"Line", place.line},
                        {"Column", place.column},
                        {"Pattern", use.ignore_file.patterns[rule]}};
    }
    report["Instructions"] = instructions_json(use, by);
    print(json_text(report));
    return;
  }

  const std::string name = quoted(path.empty() ? "." : path);
  std::string text;
  if (path != asked) text += quoted(asked) + " is " + name + "\n";
  if (rule == none)
    text += name + " is in the build context: no rule of " +
            (use.ignore_file.source ? printable(use.ignore_file.source->name)
                                    : std::string("a .dockerignore (there is none)")) +
            " is about it\n";
  else if (use.ignore_file.patterns[rule].starts_with('!'))
    text += note(name + " is let in by this rule", use.ignore_file.places[rule]);
  else
    text +=
        note(included ? name + " is left out by this rule, but for what is let in again below it"
                      : name + " is left out by this rule",
             use.ignore_file.places[rule]);
  for (const std::size_t i : by)
    text +=
        note(only_parts ? "this instruction takes something in it" : "this instruction takes it",
             use.lowered.graph[use.takings[i].vertex].origin);
  if (by.empty() && included) text += "no instruction takes it\n";
  print(text);
}

int list(const Request& request) {
  const bool json = wants_json(request.format);
  if (request.size && !request.why.empty())
    throw Error("--why and --size ask for two things").hint("give one");
  const ContextUse use = find_use(request.build, request.name);
  if (!request.why.empty()) {
    explain(request, use, json);
    return 0;
  }
  const TakenFiles taken = find_taken(use);
  if (request.size)
    print_sizes(use, taken, json);
  else
    print_list(use, taken, json);
  if (taken.errors.empty()) return 0;
  std::fflush(stdout);
  std::vector<Diagnostic> all;
  for (const Error& error : taken.errors)
    all.insert(all.end(), error.diagnostics().begin(), error.diagnostics().end());
  throw Error(std::move(all));
}

}  // namespace

std::function<int()> declare_context(CLI::App& app, const Globals&) {
  auto request = std::make_shared<Request>();
  Request& r = *request;
  app.description(
      "slipway context ls [CONTEXT]: lists the files of a build context that some instruction\n"
      "takes: a COPY, an ADD or a bind mount of the stage that is built, or of one it needs.\n"
      "Nothing is built or written, no image is looked at, and no store is needed. A source that "
      "is\n"
      "not there is an error as in a build, behind the list.");
  app.add_option("action", r.action, "ls, the only one")
      ->required()
      ->check(CLI::IsMember({"ls"}))
      ->type_name("ls");
  app.add_option("context", r.build.context, "a directory (default: this one)")
      ->type_name("CONTEXT");
  app.add_option("-f,--file", r.build.file, "the Dockerfile (default: CONTEXT/Dockerfile)")
      ->type_name("FILE");
  app.add_option("--target", r.build.target, "the stage that is built (default: the last)")
      ->type_name("STAGE");
  app.add_option("--build-arg", r.build.build_args, "a value for an ARG")
      ->type_name("NAME[=VALUE]")
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app.add_option("--build-context", r.build.build_contexts, "what NAME stands for in --from")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app.add_option("--name", r.name, "list this --build-context instead of CONTEXT")
      ->type_name("NAME");
  app.add_option("--why", r.why,
                 "which rule of the ignore file decided on PATH, and which instructions take it")
      ->type_name("PATH");
  app.add_flag(
      "--size", r.size,
      "sizes by directory, the largest first; and what no instruction takes, with the line "
      "that keeps it out");
  app.add_option("--format", r.format, "json: an object a line; with --why or --size one object")
      ->type_name("FORMAT");
  app.footer(R"(
Examples:
  slipway context ls                             what goes in
  slipway context ls --target test app           for one stage of the Dockerfile in app
  slipway context ls --why src/gen/a.c           why it is in, or is not
  slipway context ls --size                      what is large, and what is for nothing
  slipway context ls --name lib --build-context lib=../lib
  slipway context ls --format json | jq -r 'select(.Size > 1000000).Path'

JSON of a list: Path, Type (file, directory, symlink, pipe, device), Size in bytes, Instructions:
each with File, Line and Name. Of --why: Path, Included, Rule (null, or File, Line, Column and
Pattern), Instructions. Of --size: Size, Files, Directories and Unused: each with Path, Size and
Files, and those unused with IgnoreLine. The path of the context itself is empty.
)");
  return [request] {
    if (request->build.context.empty()) request->build.context = ".";
    return list(*request);
  };
}

}  // namespace slipway
