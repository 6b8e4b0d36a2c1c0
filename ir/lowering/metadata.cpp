#include <ir/lowering/checks.hpp>
#include <ir/lowering/history.hpp>
#include <ir/lowering/outline.hpp>
#include <ir/lowering/ports.hpp>
#include <ir/lowering/stage_state.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace slipway {
namespace {

constexpr std::array<std::string_view, 36> signal_names = {
    "ABRT", "ALRM", "BUS",    "CHLD",  "CLD",  "CONT", "FPE",    "HUP",   "ILL",
    "INT",  "IO",   "IOT",    "KILL",  "PIPE", "POLL", "PROF",   "PWR",   "QUIT",
    "SEGV", "SYS",  "STKFLT", "STOP",  "TERM", "TRAP", "TSTP",   "TTIN",  "TTOU",
    "URG",  "USR1", "USR2",   "WINCH", "XCPU", "XFSZ", "VTALRM", "RTMIN", "RTMAX"};

constexpr std::size_t most_ports = 1'000'000;

// A number that is not 0, a name with or without SIG, RTMIN+1 to +15, RTMAX-1 to -14.
bool is_signal(std::string_view text) {
  int number = 0;
  std::string_view digits = text;
  if (digits.starts_with('+')) digits.remove_prefix(1);
  const char* const end = digits.data() + digits.size();
  const auto parsed = std::from_chars(digits.data(), end, number);
  if (parsed.ec == std::errc() && parsed.ptr == end) return number != 0;
  std::string name(text);
  for (char& c : name)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  if (name.starts_with("SIG")) name.erase(0, 3);
  if (std::find(signal_names.begin(), signal_names.end(), name) != signal_names.end()) return true;
  if (!name.starts_with("RTMIN+") && !name.starts_with("RTMAX-")) return false;
  const int most = name.starts_with("RTMIN+") ? 15 : 14;
  const char* const last = name.data() + name.size();
  const auto offset = std::from_chars(name.data() + 6, last, number);
  return offset.ec == std::errc() && offset.ptr == last && name[6] != '0' && number >= 1 &&
         number <= most;
}

// One instruction after the other, chosen by overload.
class Metadata {
 public:
  Metadata(Lowering& lowering, StageState& stage) : lowering_(lowering), stage_(stage) {}

  // Values are those at the instruction's start: ENV A=2 B=$A uses the old A.
  void operator()(const Env& env) {
    std::string history = "ENV";
    const auto pairs = expanded(env.pairs);
    check_old_form(lowering_, stage_, env.old_form);
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      const auto& [name, value] = pairs[i];
      if (!name) continue;
      check_secret(lowering_, stage_, "ENV", *name, env.pairs[i].first.span);
      history += " " + *name + "=" + value.value_or("");
    }
    for (const auto& [name, value] : pairs) {
      if (!name) {
        stage_.environment.set_rest_unknown();
      } else if (value) {
        set_env(stage_, *name, *value);
      } else {
        stage_.environment.set_unknown(*name);
      }
    }
    add_history(stage_.config, std::move(history), false);
  }

  void operator()(const Label& label) {
    std::string history = "LABEL";
    check_old_form(lowering_, stage_, label.old_form);
    for (auto& [name, value] : expanded(label.pairs)) {
      if (!name || !value) continue;
      history += " " + *name + "=" + *value;
      stage_.config.labels[*name] = std::move(*value);
    }
    add_history(stage_.config, std::move(history), false);
  }

  // From --build-arg, else the default, else what was declared before the first FROM.
  void operator()(const Arg& arg) {
    std::string history = "ARG";
    for (const Arg::Item& item : arg.items) {
      check_secret(lowering_, stage_, "ARG", item.name, item.span);
      std::optional<std::string> value;
      bool known = true;
      const auto& given = lowering_.options.build_args;
      if (const auto place = given.find(item.name); place != given.end()) {
        value = place->second;
      } else if (item.default_value) {
        value = text_of(*item.default_value);
        known = value.has_value();
      } else if (const auto global = lowering_.globals.find(item.name)) {
        value = *global;
      } else {
        known = !lowering_.globals.is_unknown(item.name);
      }
      if (!known) stage_.environment.set_unknown(item.name);
      if (value && !is_no_variable(item.name)) stage_.environment.set(item.name, *value);
      stage_.build_args.emplace_back(item.name, value);
      note_argument(stage_, item, value,
                    !given.contains(item.name) && !item.default_value && value);
      history += " " + item.name + (value ? "=" + *value : "");
    }
    add_history(stage_.config, std::move(history), false);
  }

  void operator()(const User& user) {
    stage_.config.user = text(user.user);
    add_history(stage_.config, "USER " + stage_.config.user, false);
  }

  void operator()(const Cmd& cmd) {
    check_used_once(lowering_, stage_, stage_.cmd);
    check_json_form(lowering_, stage_, cmd.command);
    stage_.config.cmd = with_shell(cmd.command);
    stage_.config.args_escaped = true;  // as every docker build has it since 2017
    stage_.has_cmd = true;
    add_history(stage_.config, "CMD " + go_quoted_list(*stage_.config.cmd), false);
  }

  void operator()(const Entrypoint& entrypoint) {
    check_used_once(lowering_, stage_, stage_.entrypoint);
    check_json_form(lowering_, stage_, entrypoint.command);
    stage_.config.entrypoint = with_shell(entrypoint.command);
    // An inherited CMD was meant for the inherited ENTRYPOINT.
    if (!stage_.has_cmd) stage_.config.cmd.reset();
    add_history(stage_.config, "ENTRYPOINT " + go_quoted_list(*stage_.config.entrypoint), false);
  }

  void operator()(const Shell& shell) {
    stage_.config.shell = shell.arguments;
    add_history(stage_.config, "SHELL " + go_list(shell.arguments), false);
  }

  void operator()(const Expose& expose) {
    std::vector<const Word*> words;
    for (const Word& word : expose.ports) words.push_back(&word);
    // Sorted as written, because history shows the list so.
    std::stable_sort(words.begin(), words.end(),
                     [](const Word* a, const Word* b) { return a->text < b->text; });
    std::vector<std::string> ports;
    for (const Word* word : words) {
      attempt(*word, [&] {
        for (const std::string& port : expand_list(*word, stage_.environment.scope())) {
          check_port(lowering_, stage_, port, word->span);
          for (std::string& one : parse_ports(port)) ports.push_back(std::move(one));
          // History lists them all: a thousand lines EXPOSE 0-65535 would fill any memory.
          if (lowering_.ports + ports.size() > most_ports)
            throw Error("the EXPOSEs of this Dockerfile name more than a million ports");
        }
      });
    }
    lowering_.ports += ports.size();
    stage_.config.exposed_ports.insert(ports.begin(), ports.end());
    add_history(stage_.config, "EXPOSE " + go_list(ports), false);
  }

  void operator()(const Volume& volume) {
    std::vector<std::string> paths;
    for (const Word& word : volume.paths) {
      attempt(word, [&] {
        paths.push_back(text(word));
        if (paths.back().empty()) throw Error("VOLUME can't be an empty path");
      });
    }
    stage_.config.volumes.insert(paths.begin(), paths.end());
    add_history(stage_.config, "VOLUME " + go_list(paths), false);
  }

  void operator()(const StopSignal& stop) {
    const std::string signal = text(stop.signal);
    if (!is_signal(signal)) {
      throw Error("signal " + slipway::quoted(signal) + " does not exist")
          .at(stop.signal.span)
          .hint("write a name as in SIGTERM, or a number");
    }
    stage_.config.stop_signal = signal;
    add_history(stage_.config, "STOPSIGNAL " + signal, false);
  }

  void operator()(const Healthcheck& check) {
    check_used_once(lowering_, stage_, stage_.healthcheck);
    HealthcheckConfig config;
    if (check.none) {
      config.test = {"NONE"};
    } else if (check.command) {
      config.test = {check.command->shell ? "CMD-SHELL" : "CMD"};
      config.test.insert(config.test.end(), check.command->arguments.begin(),
                         check.command->arguments.end());
    }
    config.interval = check.interval;
    config.timeout = check.timeout;
    config.start_period = check.start_period;
    config.start_interval = check.start_interval;
    config.retries = check.retries;
    add_history(stage_.config,
                "HEALTHCHECK {Test:" + go_list(config.test) + " Interval:" +
                    go_duration(config.interval) + " Timeout:" + go_duration(config.timeout) +
                    " StartPeriod:" + go_duration(config.start_period) +
                    " StartInterval:" + go_duration(config.start_interval) +
                    " Retries:" + std::to_string(config.retries) + "}",
                false);
    stage_.config.healthcheck = std::move(config);
  }

  void operator()(const Onbuild& onbuild) { stage_.config.on_build.push_back(onbuild.trigger); }

  void operator()(const Maintainer& maintainer) {
    stage_.config.author = maintainer.name;
    add_history(stage_.config, "MAINTAINER " + maintainer.name, false);
  }

  // These are lowered elsewhere; FROM is no instruction of a stage.
  void operator()(const From&) {}
  void operator()(const Run&) {}
  void operator()(const Copy&) {}
  void operator()(const Add&) {}
  void operator()(const Workdir&) {}

 private:
  std::string text(const Word& word) const { return value_of(lowering_, stage_, word); }

  // For one of several words: a mistake in it does not hide those in the others.
  template <class Action>
  bool attempt(const Word& word, const Action& action) const {
    return lowering_.mistakes.attempt(word.span, action);
  }
  // Nothing where the word has a mistake or no known value.
  std::optional<std::string> text_of(const Word& word) const {
    std::optional<std::string> result;
    attempt(word, [&] { result = text(word); });
    return result;
  }

  using Pair = std::pair<std::optional<std::string>, std::optional<std::string>>;
  std::vector<Pair> expanded(const std::vector<std::pair<Word, Word>>& pairs) const {
    std::vector<Pair> result;
    for (const auto& [name, value] : pairs) {
      result.emplace_back(text_of(name), std::nullopt);
      result.back().second = text_of(value);
    }
    return result;
  }

  std::vector<std::string> with_shell(const CommandLine& command) const {
    if (!command.shell) return command.arguments;
    std::vector<std::string> result = stage_.config.shell;
    if (result.empty()) result = {"/bin/sh", "-c"};
    std::string line;
    for (const std::string& argument : command.arguments)
      line += (line.empty() ? "" : " ") + argument;
    result.push_back(std::move(line));
    return result;
  }

  Lowering& lowering_;
  StageState& stage_;
};

}  // namespace

void set_env(StageState& stage, const std::string& name, const std::string& value) {
  stage.environment.set(name, value);
  std::vector<std::string>& env = stage.config.env;
  const auto [place, added] = stage.env_index.try_emplace(name, env.size());
  if (added) {
    env.push_back(name + "=" + value);
  } else {
    env[place->second] = name + "=" + value;
  }
}

void lower_metadata(Lowering& lowering, StageState& stage, const Instruction& instruction) {
  std::visit(Metadata(lowering, stage), instruction.kind);
}

}  // namespace slipway
