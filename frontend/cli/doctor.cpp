// slipway doctor: what this machine can do for builds, and which command mends what it cannot.
#include "doctor.hpp"

#include "command.hpp"
#include "print.hpp"
#include "table.hpp"

#include <ir/printable.hpp>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

namespace slipway {
namespace {

constexpr std::array<Examine, 1> subjects = {examine_platforms};

const char* text_of(Ability::State state) {
  switch (state) {
    case Ability::State::works: return "works";
    case Ability::State::limited: return "limited";
    case Ability::State::missing: return "missing";
  }
  return "";
}

int examine(const std::string& format) {
  const bool json = wants_json(format);
  std::vector<std::vector<std::string>> rows = {{"NAME", "STATE", "WHAT IT MEANS"}};
  std::string lines;
  std::vector<std::string> commands;  // each once, in the order of the rows
  bool sound = true;
  for (const Examine subject : subjects) {
    for (const Ability& ability : subject()) {
      sound &= !ability.required || ability.state == Ability::State::works;
      if (json) {
        nlohmann::ordered_json line;
        line["name"] = ability.name;
        line["state"] = text_of(ability.state);
        line["required"] = ability.required;
        line["meaning"] = ability.meaning;
        line["command"] = ability.command;
        lines += line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
        continue;
      }
      rows.push_back({ability.name, text_of(ability.state), printable(ability.meaning)});
      if (ability.command.empty()) continue;
      if (std::find(commands.begin(), commands.end(), ability.command) == commands.end())
        commands.push_back(ability.command);
    }
  }
  if (!json) {
    lines = table(rows);
    for (const std::string& command : commands)
      lines += (command == commands.front() ? "\nto mend it:\n  " : "  ") + command + "\n";
  }
  print(lines);
  return sound ? 0 : 1;
}

}  // namespace

std::function<int()> declare_doctor(CLI::App& app, const Globals&) {
  auto format = std::make_shared<std::string>();
  app.description(
      "Says what this machine can do for builds, and which command mends what it cannot. Exits with "
      "1 if something is missing that most builds need.");
  app.add_option("--format", *format, "json: an object a line")->type_name("FORMAT");
  app.footer(R"(
Examples:
  slipway doctor
  slipway doctor --format json | jq -r 'select(.state != "works").command'
)");
  return [format] { return examine(*format); };
}

}  // namespace slipway
