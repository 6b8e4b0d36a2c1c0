// slipway doctor: what this machine can do for builds, and which command mends what it cannot.
#include "doctor.hpp"

#include "command.hpp"
#include "print.hpp"

#include <ir/printable.hpp>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace slipway {
namespace {

struct Subject {
  const char* name;
  Examine examine;
};
constexpr std::array subjects = {
    Subject{"users", examine_users},         Subject{"steps", examine_steps},
    Subject{"limits", examine_limits},       Subject{"programs", examine_programs},
    Subject{"platforms", examine_platforms}, Subject{"store", examine_store},
};

std::string json_line(const char* subject, const Ability& ability) {
  nlohmann::ordered_json line;
  line["subject"] = subject;
  line["name"] = ability.name;
  line["state"] = ability.works ? "ok" : "no";
  line["required"] = ability.required;
  line["meaning"] = ability.meaning;
  line["mend"] = ability.mend;
  return line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

std::string page(const char* subject, const std::vector<Ability>& abilities) {
  std::size_t width = 0;
  for (const Ability& ability : abilities) width = std::max(width, ability.name.size());
  std::string text = std::string(subject) + "\n";
  for (auto row = abilities.begin(); row != abilities.end(); ++row) {
    const Ability& ability = *row;
    text += std::string("  ") + (ability.works ? "ok" : "no") + "  " + ability.name +
            std::string(width - ability.name.size() + 2, ' ') + printable(ability.meaning) + "\n";
    // What mends several is said once, below the last of them.
    const bool again = std::any_of(row + 1, abilities.end(), [&ability](const Ability& later) {
      return later.mend == ability.mend;
    });
    if (!ability.mend.empty() && !again) {
      text += std::string(width + 8, ' ') + "mend: " + printable(ability.mend) + "\n";
    }
  }
  return text + "\n";
}

const char* verdict(const Machine& machine) {
  if (machine.sandbox) return "RUN can be executed here, in the sandbox.\n";
  if (machine.chroot) {
    return "RUN can be executed here by --isolation=chroot alone, which holds no hostile step.\n";
  }
  return "RUN cannot be executed here; Dockerfiles without it can be built.\n";
}

int examine(const std::string& format, const std::filesystem::path& root) {
  const bool json = wants_json(format);
  Machine machine{.root = root};
  for (const Subject& subject : subjects) {
    const std::vector<Ability> abilities = subject.examine(machine);
    if (json) {
      for (const Ability& ability : abilities) print(json_line(subject.name, ability));
    } else {
      print(page(subject.name, abilities));
    }
  }
  if (!json) print(verdict(machine));
  return machine.sandbox || machine.chroot ? 0 : 1;
}

}  // namespace

std::function<int()> declare_doctor(CLI::App& app, const Globals& globals) {
  auto format = std::make_shared<std::string>();
  app.description(
      "Tries what this machine can do for builds, and says which command mends what it cannot. "
      "Exits with 0 if RUN can be executed, with 1 if not.");
  app.add_option("--format", *format, "json: an object a line")->type_name("FORMAT");
  app.footer(R"(
Examples:
  slipway doctor
  slipway doctor --format json | jq -r 'select(.state == "no").mend'
)");
  return [format, &globals] { return examine(*format, globals.root); };
}

}  // namespace slipway
