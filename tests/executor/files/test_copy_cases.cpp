// copy_cases.txt: what docker's users know of COPY, each case with the tree it must give.
#include "copy_fixture.hpp"

#include <doctest/doctest.h>

#include <unistd.h>

#include <fstream>
#include <sstream>

using namespace slipway;

namespace {

struct Case {
  std::string name;
  std::vector<std::pair<std::string, std::string>> fields;  // in order; blocks joined by '\n'

  std::string get(std::string_view field) const {
    for (const auto& [name_of, value] : fields) {
      if (name_of == field) return value;
    }
    return "";
  }
  bool has(std::string_view field) const {
    for (const auto& [name_of, value] : fields) {
      if (name_of == field) return true;
    }
    return false;
  }
};

std::vector<Case> read_cases() {
  std::vector<Case> cases;
  std::ifstream in("copy_cases.txt");
  REQUIRE(in);
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line.starts_with('#')) continue;
    if (line.starts_with("== ")) {
      cases.push_back({line.substr(3), {}});
    } else if (line.starts_with(' ')) {
      REQUIRE_MESSAGE((!cases.empty() && !cases.back().fields.empty()), line);
      cases.back().fields.back().second += line.substr(2) + "\n";
    } else {
      const std::size_t colon = line.find(':');
      REQUIRE_MESSAGE((!cases.empty() && colon != std::string::npos), line);
      std::string value = line.substr(colon + 1);
      if (value.starts_with(' ')) value.erase(0, 1);
      cases.back().fields.emplace_back(line.substr(0, colon), value.empty() ? "" : value + "\n");
    }
  }
  return cases;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

}  // namespace

TEST_CASE("COPY does what docker does, case by case") {
  if (::geteuid() != 0) {
    MESSAGE("skipped: files get owners, which takes root");
    return;
  }
  const std::vector<Case> cases = read_cases();
  CHECK(cases.size() >= 60);
  for (const Case& one : cases) {
    INFO("case: " << one.name);
    CopyBench bench;
    for (const auto& [field, value] : one.fields) {
      if (field == "context") bench.context(value);
      else if (field == "stage") bench.stage(value);
      else if (field == "below") bench.below(value);
      else if (field == "ignore") bench.ignore(lines_of(value));
      else REQUIRE_MESSAGE((field == "run" || field == "layer" || field == "error" ||
                            field == "fact"), field);
    }
    const std::string instruction = one.get("run");
    REQUIRE(!instruction.empty());
    if (one.has("error")) {
      std::string wanted = one.get("error");
      wanted.pop_back();
      CHECK_MESSAGE(bench.error(instruction).find(wanted) != std::string::npos,
                    "wanted: " << wanted << "\ngot:    " << bench.error(instruction));
      continue;
    }
    REQUIRE(one.has("layer"));
    std::string got;
    try {
      got = bench.run(instruction);
    } catch (const std::exception& error) {
      got = std::string("error: ") + error.what();
    }
    CHECK(got == print_tree(parse_tree(one.get("layer"))));
  }
}
