// The README's tutorial: its commands are run, and print what it says.
#include "registry.hpp"
#include "workshop.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

using namespace slipway;
namespace fs = std::filesystem;

namespace {

struct Line {
  std::string command;
  std::vector<std::string> output;  // "..." stands for anything
};

// The block below the heading.
std::vector<Line> console_of(const std::string& heading) {
  const std::string text = read(README);
  const std::string opening = "```console\n";
  const std::size_t begin = text.find(opening, text.find("## " + heading)) + opening.size();
  std::istringstream block(text.substr(begin, text.find("\n```", begin) - begin));
  std::vector<Line> lines;
  for (std::string line; std::getline(block, line);) {
    if (line.starts_with("$ ")) {
      lines.push_back({line.substr(2), {}});
    } else {
      lines.back().output.push_back(line);
    }
  }
  return lines;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (std::size_t at = text.find(from); at != std::string::npos;
       at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

// A line that ends with "..." begins so; one that is "..." stands for any number of them.
bool matches(const std::vector<std::string>& wanted, const std::vector<std::string>& got,
             std::size_t from = 0, std::size_t at = 0) {
  if (from == wanted.size()) return at == got.size();
  if (wanted[from] == "...") {
    for (std::size_t next = at; next <= got.size(); ++next)
      if (matches(wanted, got, from + 1, next)) return true;
    return false;
  }
  if (at == got.size()) return false;
  const std::string& want = wanted[from];
  const bool same = want.ends_with("...") ? got[at].starts_with(want.substr(0, want.size() - 3))
                                          : got[at] == want;
  return same && matches(wanted, got, from + 1, at + 1);
}

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

}  // namespace

TEST_CASE("the README's first container prints what the README says") {
  SKIP_UNLESS_ROOT();
  const Workshop sender;
  Registry registry(sender.folder());
  const std::string busybox = registry.name("tools/busybox:latest");
  REQUIRE(sender.slipway({"tag", "busybox", busybox}).status == 0);
  REQUIRE(sender.slipway({"push", busybox}).status == 0);

  const Workshop workshop({});
  const std::string address = busybox.substr(0, busybox.find('/'));
  const std::vector<Line> tutorial = console_of("A first container");
  REQUIRE(tutorial.size() > 15);
  const std::string shell =
      "slipway() { " SLIPWAY_PROGRAM " \"$@\"; }; cd " + workshop.folder().string() + "; ";
  for (const Line& line : tutorial) {
    const std::string command = replaced(line.command, "localhost:5000", address);
    const Finished finished =
        run({"sh", "-c", shell + command}, {{"SLIPWAY_ROOT", workshop.root()}});
    std::vector<std::string> wanted;
    for (const std::string& each : line.output)
      wanted.push_back(replaced(each, "localhost:5000", address));
    INFO("$ " << command);
    INFO(finished.out);
    INFO(finished.err);
    CHECK(finished.status == 0);
    CHECK(matches(wanted, lines_of(finished.out)));
  }
  CHECK(workshop.slipway({"fsck"}).status == 0);
  CHECK(fs::is_empty(workshop.root() / "containers"));
}
