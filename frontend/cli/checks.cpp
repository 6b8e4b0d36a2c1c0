// slipway checks: which build checks there are, and the page of one.
#include "command.hpp"
#include "print.hpp"
#include "table.hpp"

#include <frontend/checks/pages.hpp>
#include <ir/checks/rules.hpp>
#include <ir/error.hpp>
#include <ir/nearest.hpp>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cctype>
#include <memory>
#include <string>
#include <vector>

namespace slipway {
namespace {

struct Request {
  std::string name;
  std::string format;
};

// What a build has to ask for.
std::string_view when(const CheckRule& rule) {
  switch (rule.level) {
    case CheckRule::Level::standard:
      return "every build";
    case CheckRule::Level::experimental:
      return "experimental";
    case CheckRule::Level::own:
      return "--check";
    case CheckRule::Level::taste:
      return "--check=all";
  }
  return {};
}

std::string_view level(const CheckRule& rule) {
  switch (rule.level) {
    case CheckRule::Level::standard:
      return "standard";
    case CheckRule::Level::experimental:
      return "experimental";
    case CheckRule::Level::own:
      return "own";
    case CheckRule::Level::taste:
      return "taste";
  }
  return {};
}

// In any case: names are long, and what is meant is clear.
const CheckRule& find_rule(const std::string& name) {
  const auto same = [](unsigned char a, unsigned char b) {
    return std::tolower(a) == std::tolower(b);
  };
  for (const CheckRule& rule : check_rules())
    if (std::equal(name.begin(), name.end(), rule.name.begin(), rule.name.end(), same)) return rule;
  throw Error("there is no check " + quoted(name))
      .hint(did_you_mean(name, check_rule_names(), "slipway checks lists them all"));
}

std::string as_json(const CheckRule& rule, bool with_page) {
  nlohmann::ordered_json line;
  line["Name"] = rule.name;
  line["Level"] = level(rule);
  line["Description"] = rule.description;
  if (const std::string page = check_page(rule); !rule.is_own() && !page.empty())
    line["URL"] = page;
  if (with_page && rule.is_own()) line["Page"] = check_page_text(rule);
  return line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

std::string page_of(const CheckRule& rule) {
  if (rule.is_own()) return std::string(check_page_text(rule));
  std::string text = "# " + std::string(rule.name) + "\n\n" + std::string(rule.description);
  if (!text.ends_with('.')) text += '.';
  text += '\n';
  if (rule.level == CheckRule::Level::experimental)
    text += "\nOff unless asked for: # check=experimental=" + std::string(rule.name) + "\n";
  if (const std::string page = check_page(rule); !page.empty()) text += "\n" + page + "\n";
  return text;
}

int checks(const Request& request) {
  const bool json = wants_json(request.format);
  if (!request.name.empty()) {
    const CheckRule& rule = find_rule(request.name);
    print(json ? as_json(rule, true) : page_of(rule));
    return 0;
  }
  std::string lines;
  std::vector<std::vector<std::string>> rows = {{"CHECK", "MADE BY", "DESCRIPTION"}};
  for (const CheckRule& rule : check_rules()) {
    if (json) lines += as_json(rule, false);
    rows.push_back(
        {std::string(rule.name), std::string(when(rule)), std::string(rule.description)});
  }
  print(json ? lines : table(rows));
  return 0;
}

}  // namespace

std::function<int()> declare_checks(CLI::App& app, const Globals&) {
  auto request = std::make_shared<Request>();
  app.description(
      "Lists the build checks, docker's and slipway's own, and who makes them: every build, a "
      "build\n"
      "with --check, or one with --check=all, which adds matters of taste. With a NAME: what that\n"
      "check finds, why it hurts, what to write instead and how to switch it off.");
  app.add_option("name", request->name, "a check")->type_name("NAME");
  app.add_option("--format", request->format, "json: an object a line")->type_name("FORMAT");
  app.footer(R"(
Examples:
  slipway checks
  slipway checks AptUpdateApart
  slipway checks --format json | jq -r 'select(.Level == "own").Name'
)");
  return [request] { return checks(*request); };
}

}  // namespace slipway
