#include "random_project.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <fstream>

namespace slipway {
namespace {

namespace fs = std::filesystem;

using Words = std::vector<std::string>;

const Words paths{"a",         "b",       "dir/a", "dir/b", "dir/sub/c",
                  "dir/sub/a", "other/d", "e.txt", "f.txt"};
const Words sources{"a", ".", "dir", "dir/", "dir/sub", "dir/*", "*a", "dir/a"};
const Words contents{"1", "2", "3", "", "longer"};
const Words roots{"/in", "/out", "/in/a", "/w", "/w/a", "/in/dir", "/in/sub/c", "/all", "/new"};
const Words destinations{"/in/", "/w/", "./", "/in/dir/", "/o/", "/in/m/"};
const Words owners{"1", "1:2", "2:1", "0:2"};
const Words modes{"600", "755", "640", "u+x"};
const Words patterns{"a", "*.txt", "dir/sub", "**/a", "!dir/a", "other", "dir/*"};
const Words names{"X", "Y", "Z"};

std::string with_blank(const std::string& flag) {
  return flag + " ";
}

}  // namespace

std::string RandomProject::dockerfile() const {
  std::string text;
  for (const Stage& stage : stages) {
    text += "FROM " + stage.from + " AS " + stage.name + "\n";
    for (const std::string& line : stage.lines) text += line + "\n";
  }
  return text;
}

std::string ProjectMaker::path() {
  return one_of(paths);
}
std::string ProjectMaker::root_path() {
  return one_of(roots);
}

std::string ProjectMaker::some_file(const RandomProject& project) {
  return std::next(project.files.begin(), static_cast<std::ptrdiff_t>(below(project.files.size())))
      ->first;
}

std::string ProjectMaker::command() {
  switch (below(8)) {
    case 0:
    case 1:
      return "all /all" + std::to_string(below(2));
    case 2:
      return "names /in /names";
    case 3:
      return "rm " + root_path();
    case 4:
      return "mkdir /new/" + one_of(names);
    case 5:
      return "link " + root_path() + " /link" + one_of(names);
    default:
      return "copy " + one_of(roots) + " /copied" + std::to_string(below(3));
  }
}

std::string ProjectMaker::mounts(const RandomProject& project, std::size_t stage) {
  std::string flags;
  if (chance(25))
    flags += with_blank("--mount=type=bind,target=/in/m,source=" +
                        one_of(Words{"dir", "a", ".", "dir/sub"}));
  if (stage > 0 && chance(20)) {
    flags += with_blank("--mount=type=bind,target=/m,source=" + one_of(Words{"/", "/in", "/w"}) +
                        ",from=" + project.stages[below(stage)].name + (chance(30) ? ",rw" : ""));
  }
  if (chance(10)) flags += with_blank("--mount=type=tmpfs,target=" + one_of(Words{"/in", "/t"}));
  if (chance(10)) flags += with_blank("--mount=type=cache,target=/c");
  if (chance(5)) flags += with_blank("--network=none");
  return flags;
}

std::string ProjectMaker::copy(const RandomProject& project, std::size_t stage) {
  std::string line = chance(85) ? "COPY " : "ADD ";
  if (chance(25)) line += "--link ";
  if (chance(20)) line += with_blank("--chown=" + one_of(owners));
  if (chance(20)) line += with_blank("--chmod=" + one_of(modes));
  if (chance(15)) line += with_blank("--exclude=" + one_of(patterns).substr(0));
  const bool own = line.starts_with("ADD") || stage == 0 || chance(60);
  if (!own) line += with_blank("--from=" + project.stages[below(stage)].name);
  if (own && line.starts_with("COPY") && chance(10)) line += "--parents ";
  if (own && chance(10)) {
    const std::string text = chance(50) ? "text $X" : one_of(contents);
    return line + "<<file /in/" + one_of(names) + "\n" + text + "\nfile";
  }
  std::string source =
      own ? one_of(sources) : one_of(Words{"/", "/", "/in", "/in/", "/*", "/all0"});
  if (own && chance(30)) source = some_file(project);
  if (chance(10)) return line + source + " /out";
  return line + source + " " + one_of(destinations);
}

std::string ProjectMaker::instruction(const RandomProject& project, std::size_t stage) {
  const std::string name = one_of(names);
  const std::size_t which = below(100);
  if (which < 40) return copy(project, stage);
  if (which < 70) {
    std::string line = "RUN " + mounts(project, stage);
    if (chance(10)) return line + "<<EOF\n" + command() + "\n" + command() + "\nEOF";
    line += command();
    return chance(40) ? line + " && " + command() : line;
  }
  if (which < 78) return "WORKDIR " + one_of(Words{"/w", "/in", "deeper", "/w/x"});
  if (which < 85) return "ENV " + name + "=" + one_of(contents) + "e";
  if (which < 92) return "ARG " + name + (chance(70) ? "=" + one_of(contents) : "");
  if (which < 94) return "USER " + one_of(owners);
  if (which < 96) return "LABEL " + name + "=" + one_of(contents) + "l";
  if (which < 98) return "SHELL [\"/bin/" + one_of(names) + "\", \"-c\"]";
  return "RUN " + std::string("[\"all /all0\"]");
}

RandomProject ProjectMaker::make() {
  RandomProject project;
  for (const std::string& name : paths) {
    if (chance(80)) project.files[name] = {one_of(contents), 0644, false};
  }
  project.files["a"] = {"1", 0644, false};
  project.files["dir/a"] = {"1", 0644, false};
  project.files["dir/sub/c"] = {"1", 0644, false};
  const std::size_t count = 1 + below(4);
  for (std::size_t i = 0; i < count; ++i) {
    project.stages.push_back({"s" + std::to_string(i), "scratch", {}});
    auto& stage = project.stages.back();
    if (i > 0 && chance(60)) stage.from = project.stages[below(i)].name;
    const std::size_t lines = 1 + below(6);
    for (std::size_t line = 0; line < lines; ++line) stage.lines.push_back(instruction(project, i));
  }
  return project;
}

std::string ProjectMaker::edit_file(RandomProject& project) {
  const std::string name = some_file(project);
  RandomProject::File& file = project.files[name];
  switch (below(8)) {
    case 0: {
      const std::string added = path();
      project.files[added] = {one_of(contents), chance(20) ? 0755U : 0644U, false};
      return "write " + added;
    }
    case 1:
      if (project.files.size() > 3) project.files.erase(name);
      return "remove " + name;
    case 2:
      file.mode = file.mode == 0644 ? 0755 : 0644;
      return "chmod " + name;
    case 3: {
      const std::string renamed = path();
      const RandomProject::File moved = file;
      project.files.erase(name);
      project.files[renamed] = moved;
      return "rename " + name + " to " + renamed;
    }
    case 4:
      file = {one_of(Words{"a", "b", "../a", "nowhere"}), 0644, true};
      return "link " + name + " to " + file.content;
    default:
      file = {one_of(contents), file.mode, false};
      return "edit " + name;
  }
}

std::string ProjectMaker::edit_instruction(RandomProject& project) {
  const std::size_t at = below(project.stages.size());
  auto& lines = project.stages[at].lines;
  const auto place = lines.begin() + static_cast<std::ptrdiff_t>(below(lines.size() + 1));
  if (place == lines.end() || chance(30)) {
    const std::string added = instruction(project, at);
    lines.insert(place, added);
    return "insert " + added;
  }
  if (chance(40)) {
    const std::string was = *place;
    *place = instruction(project, at);
    return "replace " + was + " by " + *place;
  }
  if (chance(50) && place + 1 != lines.end()) {
    std::iter_swap(place, place + 1);
    return "change places of " + *place;
  }
  const std::string was = *place;
  lines.erase(place);
  return "remove " + was;
}

// A word of one kind takes the place of another one.
std::string ProjectMaker::edit_word(RandomProject& project) {
  const std::array<const Words*, 7> kinds{&sources, &destinations, &owners, &modes,
                                          &roots,   &contents,     &names};
  for (int tries = 0; tries < 40; ++tries) {
    auto& lines = project.stages[below(project.stages.size())].lines;
    if (lines.empty()) continue;
    std::string& line = lines[below(lines.size())];
    const Words& kind = *one_of(kinds);
    const std::string& was = one_of(kind);
    const auto found = was.empty() ? std::string::npos : line.rfind(was);
    if (found == std::string::npos || found < 4) continue;
    // Not a piece of a name.
    const auto is_inside = [&](std::size_t at) {
      return at < line.size() &&
             (std::isalnum(static_cast<unsigned char>(line[at])) || line[at] == '.');
    };
    if (is_inside(found - 1) || is_inside(found + was.size())) continue;
    const std::string before = line;
    line.replace(found, was.size(), one_of(kind));
    return "edit " + before + " to " + line;
  }
  return "nothing";
}

std::string ProjectMaker::edit_stages(RandomProject& project) {
  const std::size_t at = below(project.stages.size());
  switch (below(4)) {
    case 0: {
      // In every word that means it, as a person would.
      const std::string was = project.stages[at].name;
      const std::string is = was.ends_with("x") ? was.substr(0, was.size() - 1) : was + "x";
      for (auto& stage : project.stages) {
        if (stage.from == was) stage.from = is;
        if (stage.name == was) stage.name = is;
        for (std::string& line : stage.lines) {
          for (const std::string end : {" ", ","}) {
            const auto found = line.find("from=" + was + end);
            if (found != std::string::npos) line.replace(found + 5, was.size(), is);
          }
        }
      }
      if (project.target == was) project.target = is;
      return "rename stage " + was;
    }
    case 1:
      project.stages[at].from = at > 0 && chance(70) ? project.stages[below(at)].name : "scratch";
      return "another base for " + project.stages[at].name;
    case 2: {
      const std::size_t last = project.stages.size();
      project.stages.push_back(
          {"t" + std::to_string(last) + std::to_string(below(1000)), project.stages[at].name, {}});
      project.stages.back().lines.push_back(instruction(project, last));
      return "a stage more";
    }
    default:
      if (project.stages.size() > 1) project.stages.pop_back();
      return "a stage less";
  }
}

std::string ProjectMaker::edit_options(RandomProject& project) {
  switch (below(4)) {
    case 0: {
      const std::string name = one_of(names);
      project.build_args[name] = one_of(contents);
      return "--build-arg " + name + "=" + project.build_args[name];
    }
    case 1:
      project.build_args.clear();
      return "no build arguments";
    case 2:
      project.target = chance(50) ? "" : one_of(project.stages).name;
      return "--target " + project.target;
    default:
      if (!project.ignored.empty() && chance(60)) {
        project.ignored.pop_back();
        return "a rule of .dockerignore less";
      }
      project.ignored.push_back(one_of(patterns));
      return "a rule of .dockerignore: " + project.ignored.back();
  }
}

std::string ProjectMaker::edit(RandomProject& project) {
  const std::size_t which = below(100);
  if (which < 40) return edit_file(project);
  if (which < 60) return edit_instruction(project);
  if (which < 80) return edit_word(project);
  if (which < 88) return edit_stages(project);
  return edit_options(project);
}

void write_files(const RandomProject& was, const RandomProject& is, const fs::path& folder) {
  for (const auto& [name, file] : was.files) {
    const auto now = is.files.find(name);
    if (now != is.files.end() && now->second == file) continue;
    // In place, as most editors do it, when it was and will be a file.
    const bool rewritten = now != is.files.end() && !file.link && !now->second.link;
    if (!rewritten) fs::remove(folder / name);
  }
  for (const auto& [name, file] : is.files) {
    const auto before = was.files.find(name);
    if (before != was.files.end() && before->second == file) continue;
    fs::create_directories((folder / name).parent_path());
    if (file.link) {
      fs::create_symlink(file.content, folder / name);
      continue;
    }
    std::ofstream(folder / name, std::ios::binary) << file.content;
    fs::permissions(folder / name, fs::perms(file.mode));
  }
  std::string rules;
  for (const std::string& rule : is.ignored) rules += rule + "\n";
  std::ofstream(folder / ".dockerignore") << rules;
}

}  // namespace slipway
