#include <executor/git/submodules.hpp>

#include <ir/error.hpp>

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <utility>

namespace slipway {
namespace {

// "a/b" without an empty, "." or ".." component, and none that is git's own.
bool is_plain_path(std::string_view path) {
  if (path.empty() || path.size() > 4096) return false;
  for (std::size_t start = 0; start <= path.size();) {
    const std::size_t end = std::min(path.find('/', start), path.size());
    std::string name(path.substr(start, end - start));
    for (char& c : name)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (name.empty() || name == "." || name == ".." || name == ".git") return false;
    start = end + 1;
  }
  return std::none_of(path.begin(), path.end(),
                      [](char c) { return static_cast<unsigned char>(c) < 0x20; });
}

struct Described {
  std::string path;
  std::string url;
  std::string update;
};

// "key\nvalue" behind each other, each with a NUL. A key is submodule.NAME.FIELD.
std::map<std::string, Described> read_settings(std::string_view text) {
  constexpr std::string_view section = "submodule.";
  std::map<std::string, Described> found;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\0'), text.size());
    const std::string_view entry = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t line = entry.find('\n');
    const std::string_view key = entry.substr(0, line);
    const std::size_t dot = key.rfind('.');
    if (line == std::string_view::npos || !key.starts_with(section) || dot < section.size())
      continue;
    const std::string value(entry.substr(line + 1));
    Described& described = found[std::string(key.substr(section.size(), dot - section.size()))];
    const std::string_view field = key.substr(dot + 1);
    if (field == "path") described.path = value;
    if (field == "url") described.url = value;
    if (field == "update") described.update = value;
  }
  return found;
}

// "160000 commit OBJECT\tPATH" behind each other, each with a NUL.
std::map<std::string, std::string> read_links(std::string_view text) {
  constexpr std::string_view link = "160000 commit ";
  std::map<std::string, std::string> commits;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\0'), text.size());
    const std::string_view entry = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t tab = entry.find('\t');
    if (tab == std::string_view::npos || !entry.starts_with(link)) continue;
    commits[std::string(entry.substr(tab + 1))] = entry.substr(link.size(), tab - link.size());
  }
  return commits;
}

}  // namespace

std::vector<Submodule> find_submodules(const SharedRepository& repository,
                                       const std::string& commit) {
  const auto commits = read_links(repository.run({"ls-tree", "-r", "-z", "--full-tree", commit}));
  if (commits.empty()) return {};
  const std::string file = commit + ":.gitmodules";
  std::map<std::string, Described> described;
  if (run_git(repository.command({"cat-file", "-e", file}), repository.listener()).ok())
    described = read_settings(repository.run({"config", "--null", "--blob", file, "--list"}));

  std::vector<Submodule> submodules;
  std::set<std::string> places;
  for (const auto& [name, settings] : described) {
    places.insert(settings.path);
    if (settings.path.empty() || settings.update == "none") continue;
    if (!is_plain_path(settings.path) || !is_plain_path(name)) {
      throw Error("the submodule " + quoted(name) + " has the path " + quoted(settings.path) +
                  ", which is not one")
          .hint("leave submodules out with ?submodules=false");
    }
    submodules.push_back({name, settings.path, settings.url, {}});
  }
  // git's own update fails as well.
  for (const auto& [path, object] : commits) {
    if (!places.contains(path))
      throw Error("the submodule " + quoted(path) + " is not in .gitmodules, so it has no URL")
          .hint("leave submodules out with ?submodules=false");
  }
  // One that is described and not there is left over from a removal.
  std::erase_if(submodules, [&](Submodule& submodule) {
    const auto found = commits.find(submodule.path);
    if (found == commits.end() || !is_object_id(found->second)) return true;
    submodule.commit = found->second;
    return false;
  });
  for (const Submodule& submodule : submodules) {
    if (submodule.url.empty())
      throw Error("the submodule " + quoted(submodule.path) + " has no URL in .gitmodules");
  }
  return submodules;
}

}  // namespace slipway
