// RUN, CMD, ENTRYPOINT, SHELL and HEALTHCHECK.
#include <frontend/flags.hpp>
#include <frontend/instructions.hpp>
#include <frontend/json_form.hpp>
#include <ir/nearest.hpp>
#include <ir/quantities.hpp>

#include <algorithm>
#include <cctype>

namespace slipway {
namespace {

CommandLine read_command_line(const Statement& statement, const Reading& reading) {
  CommandLine command;
  command.span = statement.rest.span();
  if (auto form = json_form_of(statement, reading.report)) {
    command.shell = false;
    command.arguments = std::move(form->values);
  } else {
    command.arguments.push_back(statement.rest.text());  // bare RUN: the shell runs an empty text
  }
  return command;
}

// One of a few words; reports anything else.
std::optional<Name> read_choice(const Flags& flags, std::string_view flag,
                                const std::vector<std::string>& choices, const Reading& reading) {
  const auto value = flags.value(flag);
  if (!value) return std::nullopt;
  if (std::find(choices.begin(), choices.end(), value->text()) == choices.end()) {
    std::string all;
    for (const std::string& choice : choices) all += (all.empty() ? "" : ", ") + choice;
    reading.report.error(value->span(),
                         "unknown value " + quoted(value->text()) + " of --" + std::string(flag),
                         did_you_mean(value->text(), choices, "it is one of " + all));
    return std::nullopt;
  }
  return Name{value->text(), value->span()};
}

std::int64_t read_interval(const Flags& flags, std::string_view flag, const Reading& reading) {
  constexpr std::int64_t millisecond = 1000000;
  const auto value = flags.value(flag);
  if (!value || value->empty()) return 0;
  const auto duration = read_duration(value->text());
  if (!duration) {
    reading.report.error(value->span(), "no duration: " + quoted(value->text()),
                         "write it as 30s, 1m30s or 500ms");
    return 0;
  }
  if (*duration != 0 && *duration < millisecond) {
    reading.report.error(value->span(), "--" + std::string(flag) + " cannot be less than 1ms");
  }
  return *duration;
}

std::int64_t read_retries(const Flags& flags, const Reading& reading) {
  const auto value = flags.value("retries");
  if (!value || value->empty()) return 0;
  std::string_view digits = value->text();
  if (digits.starts_with('+')) digits.remove_prefix(1);
  const auto number = read_number(digits, 10);
  if (!number || *number > 0x7fffffff) {
    reading.report.error(value->span(), "--retries takes a number, not " + quoted(value->text()));
    return 0;
  }
  return *number;
}

}  // namespace

Run read_run(const Statement& statement, const Reading& reading) {
  const Flags flags(statement,
                    {{"mount", FlagRule::Kind::list},
                     {"network"},
                     {"security"},
                     {"device", FlagRule::Kind::list}},
                    reading.escape, reading.report);
  Run run;
  run.command = read_command_line(statement, reading);
  if (run.command.shell) run.command.heredocs = read_heredocs(statement, false, reading);
  for (const Fragment& mount : flags.list("mount")) {
    run.mounts.push_back(read_mount(mount, reading));
  }
  run.network = read_choice(flags, "network", {"default", "none", "host"}, reading);
  run.security = read_choice(flags, "security", {"sandbox", "insecure"}, reading);
  for (const Fragment& device : flags.list("device")) {
    run.devices.push_back(read_device(device, reading));
  }
  return run;
}

Cmd read_cmd(const Statement& statement, const Reading& reading) {
  refuse_flags(statement, reading.escape, reading.report);
  return {read_command_line(statement, reading)};
}

Entrypoint read_entrypoint(const Statement& statement, const Reading& reading) {
  refuse_flags(statement, reading.escape, reading.report);
  return {read_command_line(statement, reading)};
}

Shell read_shell(const Statement& statement, const Reading& reading) {
  refuse_flags(statement, reading.escape, reading.report);
  Shell shell;
  auto form = json_form_of(statement, reading.report);
  if (!form) {
    const bool empty = statement.rest.empty();
    reading.report.error(empty ? statement.name.span() : statement.rest.span(),
                         empty ? "SHELL needs a program" : "SHELL takes the JSON form only",
                         "write SHELL [\"program\", \"argument\"]");
  } else if (form->only_strings && form->values.empty()) {
    reading.report.error(statement.rest.span(), "SHELL needs a program");
  } else {
    shell.arguments = std::move(form->values);
  }
  return shell;
}

Healthcheck read_healthcheck(const Statement& statement, const Reading& reading) {
  Healthcheck check;
  std::string type = statement.type.text();
  for (char& c : type) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  if (type.empty()) {
    reading.report.error(statement.name.span(), "HEALTHCHECK needs CMD and a command, or NONE");
    return check;
  }
  if (type == "NONE") {
    check.none = true;
    ignore_flags(statement, reading.report);
    if (!statement.rest.empty()) {
      reading.report.error(statement.rest.span(), "HEALTHCHECK NONE takes no arguments");
    }
    return check;
  }
  const Flags flags(statement,
                    {{"interval"}, {"timeout"}, {"start-period"}, {"start-interval"}, {"retries"}},
                    reading.escape, reading.report);
  if (type != "CMD") {
    reading.report.error(statement.type.span(),
                         "HEALTHCHECK does not know " + quoted(statement.type.text()),
                         "write HEALTHCHECK CMD and the command");
    return check;
  }
  check.command = read_command_line(statement, reading);
  if (statement.rest.empty() || check.command->arguments.empty()) {
    reading.report.error(statement.type.span(), "the command is missing behind HEALTHCHECK CMD");
  }
  check.interval = read_interval(flags, "interval", reading);
  check.timeout = read_interval(flags, "timeout", reading);
  check.start_period = read_interval(flags, "start-period", reading);
  check.start_interval = read_interval(flags, "start-interval", reading);
  check.retries = read_retries(flags, reading);
  return check;
}

}  // namespace slipway
