// The syntax tree as text. The format: one node a line, two blanks deeper than its parent, what it
// is, its value in quotes, and the span [line:column-line:column].
#include <frontend/parse.hpp>

#include <string>

namespace slipway {
namespace {

// Everything there is, and on one line: quoted() cuts, which a message wants and a tree does not.
std::string in_quotes(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\r') {
      out += "\\r";
    } else if (byte < 0x20 || byte == 0x7f) {
      out += "\\x";
      out += digits[byte >> 4];
      out += digits[byte & 15];
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string_view sign(Variable::Operator op) {
  switch (op) {
    case Variable::Operator::none: return "";
    case Variable::Operator::default_value: return "-";
    case Variable::Operator::alternative: return "+";
    case Variable::Operator::required: return "?";
    case Variable::Operator::remove_prefix: return "#";
    case Variable::Operator::remove_long_prefix: return "##";
    case Variable::Operator::remove_suffix: return "%";
    case Variable::Operator::remove_long_suffix: return "%%";
    case Variable::Operator::replace_first: return "/";
    case Variable::Operator::replace_all: return "//";
  }
  return "";
}

class Printer {
 public:
  std::string take() { return std::move(out_); }

  void print(const Dockerfile& file) {
    line("Dockerfile" + std::string(file.escape == '`' ? " escape=`" : ""), {});
    const Deeper deeper(*this);
    for (const Directive& directive : file.directives) {
      line("directive " + directive.name + " " + in_quotes(directive.value), directive.span);
    }
    for (const Instruction& arg : file.global_args) instruction(arg);
    for (const Stage& stage : file.stages) print(stage);
  }

 private:
  struct Deeper {
    explicit Deeper(Printer& owner) : printer(owner) { printer.depth_ += 2; }
    ~Deeper() { printer.depth_ -= 2; }
    Deeper(const Deeper&) = delete;
    Deeper& operator=(const Deeper&) = delete;
    Printer& printer;
  };

  void line(const std::string& text, const SourceSpan& span) {
    out_.append(depth_, ' ');
    out_ += text;
    if (span) {
      out_ += " [" + std::to_string(span.line) + ":" + std::to_string(span.column) + "-" +
              std::to_string(span.end_line) + ":" + std::to_string(span.end_column) + "]";
    }
    out_ += '\n';
  }

  void print(const Stage& stage) {
    line("FROM " + in_quotes(stage.text), stage.span);
    const Deeper deeper(*this);
    for (const std::string& comment : stage.comments) line("comment " + in_quotes(comment), {});
    word("image", stage.from.image);
    word("platform", stage.from.platform);
    name("as", stage.from.alias);
    for (const Instruction& each : stage.instructions) instruction(each);
  }

  void instruction(const Instruction& instruction) {
    const std::string& text = instruction.text;
    line(text.substr(0, text.find_first_of(" \t")) + " " + in_quotes(text), instruction.span);
    const Deeper deeper(*this);
    std::visit([this](const auto& kind) { print(kind); }, instruction.kind);
  }

  void word(const std::string& label, const Word& word) {
    line(label + " " + in_quotes(word.text), word.span);
    const bool plain = word.parts.empty() ||
                       (word.parts.size() == 1 && std::holds_alternative<Literal>(word.parts[0]) &&
                        std::get<Literal>(word.parts[0]).text == word.text);
    if (!plain) parts(word);
  }
  void word(const std::string& label, const std::optional<Word>& each) {
    if (each) word(label, *each);
  }
  void parts(const Word& word) {
    const Deeper deeper(*this);
    for (const WordPart& part : word.parts) {
      if (const auto* literal = std::get_if<Literal>(&part)) {
        line((literal->quoted ? "quoted " : "literal ") + in_quotes(literal->text), {});
        continue;
      }
      const Variable& variable = std::get<Variable>(part);
      std::string text = variable.quoted ? "quoted variable " : "variable ";
      text += variable.name;
      if (variable.op != Variable::Operator::none) {
        text += variable.colon ? " :" : " ";
        text += sign(variable.op);
      }
      line(text, variable.span);
      const Deeper operands(*this);
      if (variable.operand) this->word("operand", *variable.operand);
      if (variable.replacement) this->word("replacement", *variable.replacement);
    }
  }
  void name(const std::string& label, const std::optional<Name>& name) {
    if (name) line(label + " " + in_quotes(name->text), name->span);
  }
  void setting(const std::string& text) { line(text, {}); }

  void command(const CommandLine& command) {
    line(command.shell ? "shell form" : "exec form", command.span);
    const Deeper deeper(*this);
    for (const std::string& argument : command.arguments) setting(in_quotes(argument));
    for (const Heredoc& each : command.heredocs) heredoc(each, false);
  }
  void heredoc(const Heredoc& heredoc, bool expanded) {
    line("heredoc " + in_quotes(heredoc.name) + (heredoc.expand ? "" : " as it is") +
             (heredoc.strip_tabs ? " without tabs" : ""),
         heredoc.span);
    const Deeper deeper(*this);
    if (expanded) {
      word("content", heredoc.word);
    } else {
      setting("content " + in_quotes(heredoc.content));
    }
  }

  void print(const From&) {}
  void print(const Arg& arg) {
    for (const Arg::Item& item : arg.items) {
      line("argument " + in_quotes(item.name), item.span);
      const Deeper deeper(*this);
      word("default", item.default_value);
    }
  }
  void print(const Env& env) { pairs(env.pairs); }
  void print(const Label& label) { pairs(label.pairs); }
  void pairs(const std::vector<std::pair<Word, Word>>& pairs) {
    for (const auto& [key, value] : pairs) {
      word("name", key);
      const Deeper deeper(*this);
      word("value", value);
    }
  }
  void print(const Run& run) {
    for (const RunMount& each : run.mounts) mount(each);
    name("network", run.network);
    name("security", run.security);
    for (const RunDevice& device : run.devices) {
      line((device.required ? "required device " : "device ") + in_quotes(device.name), device.span);
    }
    command(run.command);
  }
  void mount(const RunMount& mount) {
    line("mount", mount.span);
    const Deeper deeper(*this);
    for (const RunMount::Field& field : mount.fields) {
      if (field.value) {
        word(field.key.text, *field.value);
      } else {
        line(field.key.text, field.span);
      }
    }
  }
  void transfer(const FileTransfer& transfer) {
    word("chown", transfer.chown);
    word("chmod", transfer.chmod);
    if (transfer.link) setting("link");
    for (const Word& pattern : transfer.exclude) word("exclude", pattern);
    for (const Word& source : transfer.sources) word("source", source);
    for (const Heredoc& source : transfer.heredocs) heredoc(source, true);
    word("destination", transfer.destination);
  }
  void print(const Copy& copy) {
    word("from", copy.from);
    if (copy.parents) setting("parents");
    transfer(copy);
  }
  void print(const Add& add) {
    if (add.keep_git_dir) setting(*add.keep_git_dir ? "keep-git-dir" : "keep-git-dir=false");
    word("checksum", add.checksum);
    if (add.unpack) setting(*add.unpack ? "unpack" : "unpack=false");
    transfer(add);
  }
  void print(const Workdir& workdir) { word("path", workdir.path); }
  void print(const User& user) { word("user", user.user); }
  void print(const Cmd& cmd) { command(cmd.command); }
  void print(const Entrypoint& entrypoint) { command(entrypoint.command); }
  void print(const Shell& shell) {
    for (const std::string& argument : shell.arguments) setting(in_quotes(argument));
  }
  void print(const Expose& expose) {
    for (const Word& port : expose.ports) word("port", port);
  }
  void print(const Volume& volume) {
    for (const Word& path : volume.paths) word("path", path);
  }
  void print(const StopSignal& signal) { word("signal", signal.signal); }
  void print(const Healthcheck& check) {
    if (check.none) setting("none");
    if (check.interval != 0) setting("interval " + std::to_string(check.interval) + "ns");
    if (check.timeout != 0) setting("timeout " + std::to_string(check.timeout) + "ns");
    if (check.start_period != 0) setting("start-period " + std::to_string(check.start_period) + "ns");
    if (check.start_interval != 0) {
      setting("start-interval " + std::to_string(check.start_interval) + "ns");
    }
    if (check.retries != 0) setting("retries " + std::to_string(check.retries));
    if (check.command) command(*check.command);
  }
  void print(const Onbuild& onbuild) { setting("trigger " + in_quotes(onbuild.trigger)); }
  void print(const Maintainer& maintainer) { setting("name " + in_quotes(maintainer.name)); }

  std::string out_;
  std::size_t depth_ = 0;
};

}  // namespace

std::string print_ast(const Dockerfile& dockerfile) {
  Printer printer;
  printer.print(dockerfile);
  return printer.take();
}

}  // namespace slipway
