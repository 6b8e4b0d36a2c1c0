#include "short_flags.hpp"

#include <CLI/CLI.hpp>

#include <cstddef>

namespace slipway {
namespace {

bool takes_value(const CLI::Option& option) {
  return option.get_items_expected_max() != 0;
}
bool needs_value(const CLI::Option& option) {
  return option.get_items_expected_min() > 0;
}

}  // namespace

void take_equals_signs(const CLI::App& app, std::vector<std::string>& arguments) {
  const CLI::App* command = &app;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string argument = arguments[i];
    if (argument == "--") return;
    if (argument.size() < 2 || argument.front() != '-') {
      if (command->get_prefix_command()) return;  // the others are another program's
      for (const CLI::App* sub : command->get_subcommands({}))
        if (sub->check_name(argument)) command = sub;
      continue;
    }
    if (argument.starts_with("--")) {
      const CLI::Option* option = command->get_option_no_throw(argument);
      if (option != nullptr && takes_value(*option) && needs_value(*option)) ++i;
      continue;
    }
    for (std::size_t at = 1; at < argument.size(); ++at) {
      const CLI::Option* option = command->get_option_no_throw({'-', argument[at]});
      if (option == nullptr) break;
      const bool has_more = at + 1 < argument.size();
      const bool has_equals = at + 2 < argument.size() && argument[at + 1] == '=';
      if (takes_value(*option)) {
        if (has_equals) arguments[i].erase(at + 1, 1);
        if (!has_more && needs_value(*option)) ++i;
        break;
      }
      if (!has_equals) continue;
      if (option->get_lnames().empty()) break;
      const std::string whole = "--" + option->get_lnames().front() + argument.substr(at + 1);
      if (at == 1) {
        arguments[i] = whole;
      } else {
        arguments[i].resize(at);
        arguments.insert(arguments.begin() + static_cast<std::ptrdiff_t>(++i), whole);
      }
      break;
    }
  }
}

}  // namespace slipway
