// The cases for other builders: compare.sh calls this program.
//
//   compare_cases write DIR               each case as a folder that a builder can be given
//   compare_cases busybox DIR             the build context of the image busybox
//   compare_cases tree CASE ROOT START    says how the tree at ROOT differs from the case's
//   compare_cases config CASE LAYOUT      says how the config of an OCI layout differs
//   compare_cases layer CASE ROOT         says how the unpacked last layer differs
//   compare_cases output CASE LOG         says which lines of RUNs are missing in a log, in order
//
// Status 0: no difference, 1: those that it printed.
#define DOCTEST_CONFIG_IMPLEMENT
#include "build_case.hpp"
#include "busybox.hpp"
#include "image_config.hpp"

#include <doctest/doctest.h>

#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <sstream>

namespace {

namespace fs = std::filesystem;
using namespace slipway;

std::string read_text(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_lines(const fs::path& path, const std::vector<std::string>& lines) {
  std::ofstream out(path);
  for (const std::string& line : lines) out << line << "\n";
}

int write(const fs::path& directory) {
  std::vector<BuildCase> cases = all_build_cases();
  for (BuildCase& one : read_copy_cases("../files/copy_cases.txt")) cases.push_back(std::move(one));
  int number = 0;
  for (const BuildCase& one : cases) {
    char name[16];
    std::snprintf(name, sizeof name, "%04d", ++number);
    const fs::path folder = directory / name;
    write_case(one, folder);
    write_lines(folder / "title", {one.area + ": " + one.name});
    write_lines(folder / "flags", flags_of(one));
    write_lines(folder / "images.list", images_of(one));
    if (one.has("error")) write_lines(folder / "error", {one.get("error")});
    if (one.has("tree")) std::ofstream(folder / "tree") << one.expected_tree();
    if (one.has("config")) std::ofstream(folder / "config") << one.get("config");
    if (one.has("layer")) std::ofstream(folder / "layer") << one.expected_tree("layer");
    if (one.has("output")) std::ofstream(folder / "output") << one.get("output");
    if (needs_busybox(one)) write_lines(folder / "busybox", {});
  }
  return 0;
}

// Lines by path.
std::map<std::string, std::string> by_path(const std::string& tree) {
  std::map<std::string, std::string> lines;
  std::istringstream in(tree);
  for (std::string line; std::getline(in, line);) lines[line.substr(0, line.find(' '))] = line;
  return lines;
}

// Takes the time out of a line, and gives it; 0: there is none.
long long take_time(std::string& line) {
  const std::size_t at = line.find(" @");
  if (at == std::string::npos) return 0;
  const std::size_t end = line.find(' ', at + 1);
  const long long time = std::stoll(line.substr(at + 2));
  line.erase(at, end == std::string::npos ? end : end - at);
  return time;
}

// What the other builder made itself has the time of its build, ours one that depends on the
// inputs: such times are not compared.
int compare_tree(const fs::path& folder, const fs::path& root, long long start) {
  const std::string expected = read_text(folder / "tree");
  auto ours = by_path(expected);
  auto theirs = by_path(print_directory(root, expected));
  std::string differences;
  for (auto& [path, line] : theirs) {
    const auto found = ours.find(path);
    if (found == ours.end()) {
      differences += "  + " + line + "\n";
      continue;
    }
    std::string bare = line;
    if (take_time(bare) >= start) {
      line = bare;
      take_time(found->second);
    }
    if (line != found->second) differences += "  - " + found->second + "\n  + " + line + "\n";
  }
  for (const auto& [path, line] : ours) {
    if (!theirs.contains(path)) differences += "  - " + line + "\n";
  }
  std::cout << differences;
  return differences.empty() ? 0 : 1;
}

int compare_layer(const fs::path& folder, const fs::path& root) {
  const auto ours = by_path(read_text(folder / "layer"));
  const auto theirs = by_path(print_directory(root, "", Times::ignored));
  std::string differences;
  for (const auto& [path, line] : ours) {
    const auto found = theirs.find(path);
    if (found == theirs.end() || found->second != line) differences += "  - " + line + "\n";
  }
  for (const auto& [path, line] : theirs) {
    const auto found = ours.find(path);
    if (found == ours.end() || found->second != line) differences += "  + " + line + "\n";
  }
  std::cout << differences;
  return differences.empty() ? 0 : 1;
}

// Other builders print more than what RUNs do, so it is the order alone that counts.
int compare_output(const fs::path& folder, const fs::path& log) {
  std::istringstream wanted(read_text(folder / "output"));
  std::string printed = printed_by_steps(read_text(log));
  if (printed.empty()) printed = read_text(log);
  std::istringstream got(printed);
  for (std::string line; std::getline(wanted, line);) {
    std::string theirs;
    while (std::getline(got, theirs) && theirs != line) {
    }
    if (theirs != line) {
      std::cout << "  - " << line << "\n" << printed.substr(0, 500);
      return 1;
    }
  }
  return 0;
}

int compare_config(const fs::path& folder, const fs::path& layout) {
  const std::vector<std::string> differences =
      config_differences(read_text(folder / "config"), config_of(layout));
  for (const std::string& difference : differences) std::cout << "  " << difference << "\n";
  return differences.empty() ? 0 : 1;
}

}  // namespace

int main(int count, char** arguments) {
  const std::vector<std::string> words(arguments + 1, arguments + count);
  try {
    if (words.size() == 2 && words[0] == "write") return write(words[1]);
    if (words.size() == 4 && words[0] == "tree")
      return compare_tree(words[1], words[2], std::stoll(words[3]));
    if (words.size() == 3 && words[0] == "config") return compare_config(words[1], words[2]);
    if (words.size() == 3 && words[0] == "layer") return compare_layer(words[1], words[2]);
    if (words.size() == 3 && words[0] == "output") return compare_output(words[1], words[2]);
    if (words.size() == 2 && words[0] == "busybox") {
      write_busybox(words[1]);
      return 0;
    }
  } catch (const std::exception& error) {
    std::cerr << "compare_cases: " << error.what() << "\n";
    return 2;
  }
  std::cerr << "compare_cases write DIR | busybox DIR | tree CASE ROOT START | config CASE LAYOUT |"
               " layer CASE ROOT | output CASE LOG\n";
  return 2;
}
