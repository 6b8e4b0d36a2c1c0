#include "build_case.hpp"

#include "../files/copy_fixture.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <stdexcept>

namespace slipway {
namespace {

namespace fs = std::filesystem;
using Type = Entry::Type;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// As old as everything else of the fixture.
void write_text(const fs::path& path, std::string_view text) {
  fs::create_directories(path.parent_path());
  std::ofstream out(path, std::ios::binary);
  out << text;
  out.close();
  const timespec time{.tv_sec = usual_time, .tv_nsec = 0};
  const timespec times[2] = {time, time};
  if (!out || ::utimensat(AT_FDCWD, path.c_str(), times, 0) != 0)
    throw std::runtime_error("cannot write " + path.string());
}

// "a field's word": the first word of a field, and the rest.
std::pair<std::string, std::string> split_field(const std::string& field) {
  const std::size_t blank = field.find(' ');
  if (blank == std::string::npos) return {field, ""};
  return {field.substr(0, blank), field.substr(blank + 1)};
}

bool is_result(const std::string& word) {
  static constexpr std::array results{"error",  "tree",  "config", "history",
                                      "layers", "layer", "output"};
  return std::find(results.begin(), results.end(), word) != results.end();
}

bool is_known(const std::string& field) {
  const auto [word, argument] = split_field(field);
  if (word == "archive" || word == "image") return !argument.empty();
  if (word == "context") return true;
  if (word == "ignore") return argument.empty() || argument == "Dockerfile";
  if (word == "chroot") return argument.empty() || is_result(argument);
  return argument.empty() &&
         (word == "fact" || word == "dockerfile" || word == "flags" || word == "below" ||
          word == "stage" || word == "run" || is_result(word));
}

std::vector<BuildCase> read_fields(const fs::path& file) {
  std::vector<BuildCase> cases;
  std::ifstream in(file);
  if (!in) throw std::logic_error("cannot read " + file.string());
  int number = 0;
  std::string blank_lines;
  const auto fail = [&](const std::string& what) {
    throw std::logic_error(file.filename().string() + ":" + std::to_string(number) + ": " + what);
  };
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (line.empty()) {
      blank_lines += '\n';
      continue;
    }
    if (line.starts_with("  ")) {
      if (cases.empty() || cases.back().fields.empty()) fail("a line of no field");
      std::string& value = cases.back().fields.back().second;
      if (!value.empty()) value += blank_lines;  // a blank line within a block is part of it
      value += line.substr(2) + "\n";
      blank_lines.clear();
      continue;
    }
    blank_lines.clear();
    if (line.starts_with('#')) continue;
    if (line.starts_with("== ")) {
      cases.push_back({file.stem().string(), line.substr(3), {}});
      continue;
    }
    const std::size_t colon = line.find(':');
    if (cases.empty() || colon == std::string::npos) fail("no field");
    const std::string field = line.substr(0, colon);
    if (!is_known(field)) fail("unknown field " + field);
    std::string value = line.substr(colon + 1);
    if (value.starts_with(' ')) value.erase(0, 1);
    cases.back().fields.emplace_back(field, value.empty() ? "" : value + "\n");
  }
  return cases;
}

std::string octal(std::uint32_t mode) {
  std::ostringstream out;
  out << std::oct << mode;
  return std::string(4 - std::min<std::size_t>(4, out.str().size()), '0') + out.str();
}

std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '\n')
      result += "\\n";
    else if (c == '\t')
      result += "\\t";
    else if (c == '\\')
      result += "\\\\";
    else
      result += c;
  }
  return result;
}

std::string shown_name(std::string name) {
  for (std::size_t at = 0; (at = name.find(' ', at)) != std::string::npos;)
    name.replace(at, 1, "␠");
  return name;
}

std::string unshown_name(std::string name) {
  constexpr std::string_view blank = "␠";
  for (std::size_t at = 0; (at = name.find(blank, at)) != std::string::npos; ++at)
    name.replace(at, blank.size(), " ");
  return name;
}

// Everything of the entry, in the language of the fixture.
std::string print_line(const TreeLine& line) {
  const Entry& entry = line.entry;
  std::string text = shown_name(entry.path);
  if (entry.type == Type::directory) text += "/";
  if (!entry.hard_link.empty()) return text + " == " + shown_name(entry.hard_link) + "\n";
  if (entry.type == Type::symlink) {
    text += " -> " + shown_name(entry.link_target);
  } else {
    text += " " + octal(entry.mode);
  }
  text += " " + std::to_string(entry.uid) + ":" + std::to_string(entry.gid);
  if (entry.type == Type::fifo) text += " |";
  if (entry.type == Type::char_device || entry.type == Type::block_device)
    text += std::string(entry.type == Type::char_device ? " c" : " b") +
            std::to_string(entry.device_major) + "," + std::to_string(entry.device_minor);
  for (const auto& [name, value] : entry.xattrs) text += " " + name + "=" + value;
  if (entry.mtime != usual_time) text += " @" + std::to_string(entry.mtime);
  if (entry.type == Type::file) text += " =" + escaped(line.content);
  return text + "\n";
}

std::string print_all(const std::vector<TreeLine>& lines) {
  std::string text;
  for (const TreeLine& line : lines) text += print_line(line);
  return text;
}

std::vector<std::pair<std::string, std::string>> xattrs_of(const fs::path& path) {
  std::vector<std::pair<std::string, std::string>> xattrs;
  std::string names(65536, '\0');
  const ssize_t length = ::llistxattr(path.c_str(), names.data(), names.size());
  names.resize(static_cast<std::size_t>(std::max<ssize_t>(length, 0)));
  std::istringstream in(names);
  for (std::string name; std::getline(in, name, '\0');) {
    std::string value(65536, '\0');
    const ssize_t size = ::lgetxattr(path.c_str(), name.c_str(), value.data(), value.size());
    value.resize(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
    xattrs.emplace_back(name, value);
  }
  std::sort(xattrs.begin(), xattrs.end());
  return xattrs;
}

TreeLine line_on_disk(const fs::path& root, const std::string& path,
                      std::map<std::pair<dev_t, ino_t>, std::string>& files) {
  const fs::path full = root / path;
  struct stat status {};
  if (::lstat(full.c_str(), &status) != 0) throw std::runtime_error("cannot stat " + full.string());
  TreeLine line;
  Entry& entry = line.entry;
  entry.path = path;
  entry.mode = status.st_mode & 07777;
  entry.uid = status.st_uid;
  entry.gid = status.st_gid;
  entry.mtime = status.st_mtim.tv_sec;
  entry.xattrs = xattrs_of(full);
  if (S_ISDIR(status.st_mode)) {
    entry.type = Type::directory;
  } else if (S_ISLNK(status.st_mode)) {
    entry.type = Type::symlink;
    entry.link_target = fs::read_symlink(full);
  } else if (S_ISFIFO(status.st_mode)) {
    entry.type = Type::fifo;
  } else if (S_ISREG(status.st_mode)) {
    std::ifstream in(full, std::ios::binary);
    line.content.assign(std::istreambuf_iterator<char>(in), {});
    const auto [first, is_first] = files.try_emplace({status.st_dev, status.st_ino}, path);
    if (!is_first) entry.hard_link = first->second;
  } else {
    entry.type = S_ISCHR(status.st_mode) ? Type::char_device : Type::block_device;
    entry.device_major = major(status.st_rdev);
    entry.device_minor = minor(status.st_rdev);
  }
  return line;
}

// Paths of the lines that the tree has, without the directories that come by themselves.
std::vector<std::string> written_paths(const std::string& tree) {
  std::vector<std::string> paths;
  for (const std::string& line : lines_of(tree)) {
    const std::size_t start = line.find_first_not_of(' ');
    std::string path = line.substr(start, line.find(' ', start) - start);
    if (path.ends_with('/')) path.pop_back();
    paths.push_back(unshown_name(std::move(path)));
  }
  std::sort(paths.begin(), paths.end(), path_less);
  return paths;
}

// The tree is made at `folder`; the archive has the entries that the text names and no others.
void write_archive(const std::string& tree, const fs::path& folder, const fs::path& archive) {
  fs::create_directories(folder);
  make_tree(folder, tree);
  std::string names;
  for (const std::string& path : written_paths(tree)) names += path + '\0';
  const fs::path list = folder.string() + ".list";
  write_text(list, names);
  const std::string command =
      "cd '" + folder.string() + "' && tar --no-recursion --format=posix --xattrs " +
      "--numeric-owner -caf '" + archive.string() + "' --null -T '" + list.string() + "'";
  if (std::system(command.c_str()) != 0) throw std::runtime_error("tar failed: " + command);
}

// The layer on top of what lies below, as a tree.
std::string on_top(const std::vector<std::string>& trees) {
  std::map<std::string, TreeLine, bool (*)(std::string_view, std::string_view)> merged(path_less);
  for (const std::string& tree : trees) {
    const std::vector<TreeLine> lines = parse_tree(tree);
    // A directory that only stands above an entry does not change the one that is there.
    const std::vector<std::string> paths = written_paths(tree);
    const std::set<std::string> written(paths.begin(), paths.end());
    for (const TreeLine& line : lines) {
      const auto there = merged.find(line.entry.path);
      if (there != merged.end() && !written.contains(line.entry.path) &&
          there->second.entry.type == Type::directory)
        continue;
      merged.insert_or_assign(line.entry.path, line);
    }
  }
  std::string text;
  for (const auto& [path, line] : merged) text += print_line(line);
  return text;
}

// `layers` alone says too little.
bool expects_something(const BuildCase& one) {
  return std::any_of(one.fields.begin(), one.fields.end(), [](const auto& field) {
    return is_result(field.first) && field.first != "layers";
  });
}

}  // namespace

std::string print_directory(const fs::path& root, std::string_view expected, Times times) {
  std::vector<std::string> paths;
  for (const auto& found : fs::recursive_directory_iterator(root))
    paths.push_back(found.path().lexically_relative(root).native());
  std::sort(paths.begin(), paths.end(), path_less);
  std::map<std::pair<dev_t, ino_t>, std::string> files;
  std::vector<TreeLine> lines;
  for (const std::string& path : paths) {
    TreeLine line = line_on_disk(root, path, files);
    if (times == Times::ignored) {
      line.entry.mtime = usual_time;
    } else if (line.entry.type == Type::directory) {
      // "\ndir/ 0755 0:0 @": its line says a time.
      const std::string head = "\n" + shown_name(path) + "/ ";
      const std::string all = "\n" + std::string(expected);
      const std::size_t at = all.find(head);
      const bool timed =
          at != std::string::npos &&
          all.substr(at + 1, all.find('\n', at + 1) - at - 1).find(" @") != std::string::npos;
      if (!timed) line.entry.mtime = usual_time;
    }
    lines.push_back(std::move(line));
  }
  return print_all(lines);
}

std::string BuildCase::get(std::string_view field) const {
  for (const auto& [name_of, value] : fields) {
    if (name_of == field) return value;
  }
  return "";
}

bool BuildCase::has(std::string_view field) const {
  return std::any_of(fields.begin(), fields.end(),
                     [&](const auto& one) { return one.first == field; });
}

BuildCase BuildCase::in_chroot() const {
  if (!has("chroot")) return *this;
  BuildCase other{area, name, {}};
  for (const auto& [field, text] : fields) {
    const auto [word, argument] = split_field(field);
    if (word == "chroot" && !argument.empty()) other.fields.emplace_back(argument, text);
    if (word != "chroot" && !is_result(word)) other.fields.emplace_back(field, text);
  }
  return other;
}

std::string BuildCase::expected_tree(std::string_view field) const {
  return print_all(parse_tree(get(field)));
}

std::string printed_by_steps(const std::string& progress) {
  static const std::regex shape("^#[0-9]+ [0-9]+\\.[0-9]+ ");
  std::string text;
  std::smatch match;
  for (const std::string& line : lines_of(progress)) {
    if (std::regex_search(line, match, shape)) text += match.suffix().str() + "\n";
  }
  return text;
}

std::vector<BuildCase> read_build_cases(const fs::path& file) {
  std::vector<BuildCase> cases = read_fields(file);
  for (const BuildCase& one : cases) {
    if (one.get("fact").empty()) throw std::logic_error(one.name + ": it names no fact");
    if (one.get("dockerfile").empty()) throw std::logic_error(one.name + ": no Dockerfile");
    if (!expects_something(one)) throw std::logic_error(one.name + ": it expects nothing");
    const bool differs = std::any_of(one.fields.begin(), one.fields.end(), [](const auto& field) {
      return field.first.starts_with("chroot ");
    });
    if (differs != !one.get("chroot").empty())
      throw std::logic_error(one.name + ": a difference of chroot takes a reason and a result");
    if (differs && !expects_something(one.in_chroot()))
      throw std::logic_error(one.name + ": it expects nothing in chroot");
  }
  return cases;
}

std::vector<BuildCase> read_copy_cases(const fs::path& file) {
  std::vector<BuildCase> cases;
  for (BuildCase& one : read_fields(file)) {
    std::string run = one.get("run");
    if (run.find("<<") != std::string::npos) continue;  // its content is written otherwise there
    if (one.get("error").find("is no mode") != std::string::npos) continue;  // lowering says it
    if (const std::size_t from = run.find("--from=stage"); from != std::string::npos)
      run.replace(from, 12, "--from=build");
    BuildCase made{
        one.area, one.name, {{"fact", one.get("fact")}, {"context", one.get("context")}}};
    if (one.has("ignore")) made.fields.emplace_back("ignore Dockerfile", one.get("ignore"));
    std::string text;
    if (one.has("stage")) {
      made.fields.emplace_back("archive stage.tar", one.get("stage"));
      text += "FROM scratch AS build\nADD stage.tar /\n";
    }
    text += "FROM scratch\n";
    std::vector<std::string> trees;
    for (const auto& [field, value] : one.fields) {
      if (field != "below") continue;
      const std::string name = "below" + std::to_string(trees.size()) + ".tar";
      made.fields.emplace_back("archive " + name, value);
      trees.push_back(value);
      text += "ADD " + name + " /\n";
    }
    made.fields.emplace_back("dockerfile", text + run);
    if (one.has("error")) made.fields.emplace_back("error", one.get("error"));
    trees.push_back(one.get("layer"));
    made.fields.emplace_back("tree", on_top(trees));
    cases.push_back(std::move(made));
  }
  return cases;
}

std::vector<BuildCase> all_build_cases() {
  std::vector<fs::path> files;
  for (const auto& found : fs::directory_iterator("cases")) files.push_back(found.path());
  std::sort(files.begin(), files.end());
  std::vector<BuildCase> cases;
  for (const fs::path& file : files) {
    for (BuildCase& one : read_build_cases(file)) cases.push_back(std::move(one));
  }
  return cases;
}

void write_case(const BuildCase& one, const fs::path& directory) {
  fs::create_directories(directory / "context");
  write_text(directory / "Dockerfile", one.get("dockerfile"));
  make_tree(directory / "context", one.get("context"));
  for (const auto& [field, value] : one.fields) {
    const auto [word, argument] = split_field(field);
    if (word == "context" && !argument.empty()) {
      fs::create_directories(directory / "contexts" / argument);
      make_tree(directory / "contexts" / argument, value);
    } else if (word == "image") {
      write_text(directory / "images" / (argument + ".Dockerfile"), value);
    } else if (field == "ignore") {
      write_text(directory / "context/.dockerignore", value);
    } else if (field == "ignore Dockerfile") {
      write_text(directory / "Dockerfile.dockerignore", value);
    } else if (word == "archive") {
      write_archive(value, directory / "archives" / argument, directory / "context" / argument);
    }
  }
}

std::vector<std::string> images_of(const BuildCase& one) {
  std::vector<std::string> images;
  for (const auto& [field, value] : one.fields) {
    const auto [word, argument] = split_field(field);
    if (word == "image") images.push_back(argument);
  }
  return images;
}

std::vector<std::string> flags_of(const BuildCase& one) {
  std::vector<std::string> flags = lines_of(one.get("flags"));
  for (const auto& [field, value] : one.fields) {
    const auto [word, argument] = split_field(field);
    if (word == "context" && !argument.empty())
      flags.push_back("--build-context=" + argument + "=contexts/" + argument);
  }
  return flags;
}

}  // namespace slipway
