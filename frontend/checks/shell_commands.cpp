#include <frontend/checks/shell_commands.hpp>

#include <frontend/json_form.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace slipway {
namespace {

// `sh -c "sh -c '...'"`: nobody nests deeper, and each level reads its text once more.
constexpr std::size_t deepest_script = 3;

// What starts another program: which options take a value, and how many words come before the
// program.
struct Starter {
  std::string_view program;
  std::string_view value_options;
  std::size_t operands = 0;
};
constexpr std::array starters = {
    Starter{"sudo", "ughpCrtDRT"}, Starter{"env", "uCS"},    Starter{"exec", "a"},
    Starter{"command", ""},        Starter{"builtin", ""},   Starter{"time", ""},
    Starter{"nice", "n"},          Starter{"ionice", "cnp"}, Starter{"nohup", ""},
    Starter{"setsid", ""},         Starter{"eatmydata", ""}, Starter{"xargs", "nPILdasE"},
    Starter{"timeout", "ks", 1},   Starter{"gosu", "", 1},   Starter{"su-exec", "", 1},
    Starter{"chronic", ""},        Starter{"doas", "uC"},
};

std::string_view file_name(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == path.npos ? path : path.substr(slash + 1);
}

bool is_variable_setting(std::string_view word) {
  const std::size_t equals = word.find('=');
  return equals != word.npos && equals > 0 && word.front() != '-';
}

// Where the program stands that `words` start in the end; the size if that cannot be known.
std::size_t program_at(const std::vector<ShellWord>& words) {
  std::size_t at = 0;
  while (at < words.size()) {
    const std::string_view name = file_name(words[at].text);
    const auto* starter = std::find_if(starters.begin(), starters.end(),
                                       [&](const Starter& each) { return each.program == name; });
    if (starter == starters.end() || !words[at].literal) return at;
    const std::size_t begin = at++;
    while (at < words.size() && words[at].text.size() > 1 && words[at].text.front() == '-') {
      const std::string& option = words[at++].text;
      if (option == "--") break;
      // `command -v X` and `sudo -v` start nothing.
      if (option == "-v" || option == "-V") return begin;
      const bool value =
          option[1] != '-' && starter->value_options.find(option.back()) != std::string_view::npos;
      if (value && option.size() == 2 && at < words.size()) ++at;
    }
    at = std::min(at + starter->operands, words.size());
    while ((name == "env" || name == "sudo") && at < words.size() &&
           is_variable_setting(words[at].text))
      ++at;
    if (at == words.size()) return begin;  // `env` alone is the program
  }
  return at;
}

// Options in front of a subcommand whose value is the next word: `apt-get -o NAME=VALUE update`.
bool takes_value(std::string_view program, std::string_view option) {
  const auto is_one_of = [&](std::initializer_list<std::string_view> options) {
    return std::find(options.begin(), options.end(), option) != options.end();
  };
  if (program == "apt-get" || program == "apt")
    return is_one_of({"-o", "--option", "-c", "--config-file", "-t", "--target-release"});
  if (program == "git") return is_one_of({"-c", "-C", "--git-dir", "--work-tree"});
  if (program == "apk") return is_one_of({"-X", "--repository", "-p", "--root"});
  if (program == "npm" || program == "pnpm" || program == "yarn")
    return is_one_of({"--prefix", "-C", "--cwd", "--dir"});
  if (program == "go") return is_one_of({"-C"});
  return false;
}

class Collector {
 public:
  explicit Collector(Commands& commands) : commands_(commands) {}

  // Adds the commands of a script and, behind each `sh -c`, those of its script.
  void add_script(std::shared_ptr<const Fragment> text, std::size_t level) {
    ShellScript script = read_shell(text->text());
    if (!script.understood) {
      commands_.understood = false;
      return;
    }
    const std::size_t number = scripts_++;
    for (ShellCommand& command : script.commands) add({std::move(command), text, number}, level);
  }

  void add(Command command, std::size_t level) {
    commands_.list.push_back(command);
    if (level == deepest_script || !is_posix_shell(command.program())) return;
    // The word behind -c, or behind a group of letters with c in it.
    const auto arguments = command.arguments();
    for (std::size_t i = 0; i + 1 < arguments.size(); ++i) {
      const std::string& option = arguments[i].text;
      if (option.size() < 2 || option[0] != '-' || option[1] == '-') {
        if (option == "pipefail") continue;
        return;
      }
      if (option.back() != 'c') continue;
      add_script(nested(command, arguments[i + 1]), level + 1);
      return;
    }
  }

 private:
  // A word's text as a script: where it stands in the file, if it stands there as it is.
  static std::shared_ptr<const Fragment> nested(const Command& command, const ShellWord& word) {
    const Fragment& text = *command.text();
    const std::string& whole = text.text();
    const std::size_t quote =
        word.end > word.begin && (whole[word.begin] == '\'' || whole[word.begin] == '"') ? 1 : 0;
    if (whole.compare(word.begin + quote, word.text.size(), word.text) == 0 &&
        word.end - word.begin == word.text.size() + 2 * quote)
      return std::make_shared<const Fragment>(text.slice(word.begin + quote, word.end - quote));
    return std::make_shared<const Fragment>(Fragment(word.text, command.span(word)));
  }

  Commands& commands_;
  std::size_t scripts_ = 0;
};

// ["program", "argument"] as one command.
Command exec_command(const JsonForm& form) {
  Fragment text;
  ShellCommand command;
  for (std::size_t i = 0; i < form.values.size(); ++i) {
    ShellWord word;
    word.text = form.values[i];
    word.begin = text.size();
    text.append(form.fragments[i], 0, form.fragments[i].size());
    word.end = text.size();
    word.quoted = true;
    command.words.push_back(std::move(word));
  }
  return {std::move(command), std::make_shared<const Fragment>(std::move(text)), 0};
}

bool is_heredoc(const ShellRedirection& redirection) {
  return redirection.op == "<<" || redirection.op == "<<-";
}

// The body of a heredoc that is a script for a POSIX shell.
bool is_script(const Fragment& body) {
  const std::string& text = body.text();
  if (!text.starts_with("#!")) return true;
  const std::string_view line = std::string_view(text).substr(2, text.find('\n') - 2);
  // The program, or what `env` starts.
  std::size_t begin = 0;
  bool found = false;
  while (begin < line.size() && !found) {
    const std::size_t end = std::min(line.find_first_of(" \t\r", begin), line.size());
    found = is_posix_shell(line.substr(begin, end - begin));
    begin = end + 1;
  }
  return found;
}

}  // namespace

bool is_posix_shell(std::string_view program) {
  const std::string_view name = file_name(program);
  return name == "sh" || name == "bash" || name == "ash" || name == "dash" || name == "ksh" ||
         name == "zsh";
}

Command::Command(ShellCommand shell, std::shared_ptr<const Fragment> text, std::size_t script)
    : shell_(std::move(shell)),
      text_(std::move(text)),
      at_(program_at(shell_.words)),
      script_(script) {
  if (at_ < shell_.words.size() && shell_.words[at_].literal)
    program_ = file_name(shell_.words[at_].text);
}

std::span<const ShellWord> Command::arguments() const {
  const std::span<const ShellWord> words(shell_.words);
  return at_ < words.size() ? words.subspan(at_ + 1) : std::span<const ShellWord>();
}

SourceSpan Command::span_to(const ShellWord& last) const {
  return at_ < shell_.words.size() ? text_->span(shell_.words[at_].begin, last.end) : span(last);
}

SourceSpan Command::program_span() const {
  return at_ < shell_.words.size() ? span(shell_.words[at_]) : text_->span();
}

const ShellWord* Command::subcommand() const {
  const ShellWord* before = nullptr;
  for (const ShellWord& word : arguments()) {
    const bool value = before != nullptr && takes_value(program_, before->text);
    if (!value && !word.text.starts_with('-')) return &word;
    before = &word;
  }
  return nullptr;
}

bool Command::has(std::initializer_list<std::string_view> options) const {
  for (const ShellWord& word : arguments()) {
    const std::string_view text = word.text;
    const bool letters = text.size() > 2 && text[0] == '-' && text[1] != '-';
    for (const std::string_view option : options) {
      if (text == option) return true;
      if (option.starts_with("--") && text.starts_with(option) && text[option.size()] == '=')
        return true;
      if (letters && option.size() == 2 && option[0] == '-' && text.find(option[1], 1) != text.npos)
        return true;
    }
  }
  return false;
}

Commands commands_of(const Statement& statement, bool posix) {
  Commands commands;
  Collector collector(commands);
  Report ignored;  // what is wrong with the form was told when it was read
  if (const auto form = json_form_of(statement, ignored)) {
    if (form->only_strings && !form->values.empty()) collector.add(exec_command(*form), 0);
    return commands;
  }
  if (!posix) {
    commands.understood = false;
    return commands;
  }
  commands.shell = true;
  const auto line = std::make_shared<const Fragment>(statement.rest);
  const ShellScript script = read_shell(line->text());
  // A heredoc alone is the script.
  if (script.understood && script.commands.size() == 1 && script.commands[0].words.empty() &&
      script.commands[0].redirections.size() == 1 &&
      is_heredoc(script.commands[0].redirections[0]) && statement.bodies.size() == 1) {
    commands.one_heredoc = true;
    const Fragment& body = statement.bodies[0].content;
    commands.understood = is_script(body);
    if (commands.understood) collector.add_script(std::make_shared<const Fragment>(body), 0);
    return commands;
  }
  collector.add_script(line, 0);
  // `bash <<EOF`: what the shell reads is a script, too.
  for (std::size_t i = 0; i < script.commands.size() && statement.bodies.size() == 1; ++i) {
    const ShellCommand& command = script.commands[i];
    const bool reads =
        std::any_of(command.redirections.begin(), command.redirections.end(), is_heredoc);
    if (!reads || command.words.empty() || !is_posix_shell(command.words[0].text)) continue;
    collector.add_script(std::make_shared<const Fragment>(statement.bodies[0].content), 1);
  }
  return commands;
}

}  // namespace slipway
