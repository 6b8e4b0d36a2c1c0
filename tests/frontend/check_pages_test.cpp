// The pages of slipway's own checks: what they show as bad is found, what they show as good is not.
#include "cases.hpp"
#include "conformance_checks.hpp"

#include <doctest/doctest.h>

#include <frontend/checks/pages.hpp>
#include <ir/checks/rules.hpp>

#include <string>
#include <vector>

namespace slipway::testing {
namespace {

// The code behind a heading; empty if there is none.
std::string example(const std::string& page, const std::string& heading) {
  const std::string begin = "\n## " + heading + "\n\n```dockerfile\n";
  const std::size_t at = page.find(begin);
  if (at == std::string::npos) return "";
  const std::size_t code = at + begin.size();
  return page.substr(code, page.find("```", code) - code);
}

std::vector<std::string> findings_of(const std::string& dockerfile, const CheckRule& rule) {
  const bool taste = rule.level == CheckRule::Level::taste;
  const CheckOutcome checked =
      check(parse_dockerfile(source(dockerfile)), {taste ? "check all" : "check"});
  std::vector<std::string> findings;
  for (const std::string& line : checked.found)
    if (line.starts_with("finding ")) findings.push_back(line);
  return findings;
}

}  // namespace

TEST_CASE("each of slipway's own checks has a page, whose examples are as it says") {
  for (const CheckRule& rule : check_rules()) {
    const std::string name(rule.name);
    CAPTURE(name);
    const std::string page(check_page_text(rule));
    if (!rule.is_own()) {
      CHECK(page.empty());
      continue;
    }
    CHECK(check_page(rule) == "slipway checks " + name);
    CHECK(page.starts_with("# " + name + "\n\n"));
    CHECK(page.find("# check=skip=" + name + "\n") != std::string::npos);
    const std::string bad = example(page, "Bad");
    const std::string good = example(page, "Good");
    REQUIRE(!bad.empty());
    REQUIRE(!good.empty());
    const std::vector<std::string> found = findings_of(bad, rule);
    CHECK(found.size() == 1);
    for (const std::string& each : found) CHECK(each.starts_with("finding " + name + " "));
    for (const std::string& each : findings_of(good, rule)) CHECK(each == "");
    // The way that the page gives to switch it off.
    CHECK(findings_of("# check=skip=" + name + "\n" + bad, rule).empty());
  }
}

TEST_CASE("there is no page without a check") {
  std::size_t pages = 0;
  for (const CheckRule& rule : check_rules()) pages += rule.is_own() ? 1 : 0;
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator("../../frontend/checks/docs"))
    files += entry.path().extension() == ".md" ? 1 : 0;
  CHECK(files == pages);
}

}  // namespace slipway::testing
