// A member that was not given is left out; lists and switches are always there. Structures are
// taken apart by structured bindings, so that a field this file does not know is no build.
#include <frontend/ast_json.hpp>

#include <frontend/json_writer.hpp>

#include <algorithm>
#include <cctype>
#include <utility>

namespace slipway {
namespace {

std::string_view sign(const Variable& variable) {
  const bool colon = variable.colon;
  switch (variable.op) {
    case Variable::Operator::none:
      return "";
    case Variable::Operator::default_value:
      return colon ? ":-" : "-";
    case Variable::Operator::alternative:
      return colon ? ":+" : "+";
    case Variable::Operator::required:
      return colon ? ":?" : "?";
    case Variable::Operator::remove_prefix:
      return "#";
    case Variable::Operator::remove_long_prefix:
      return "##";
    case Variable::Operator::remove_suffix:
      return "%";
    case Variable::Operator::remove_long_suffix:
      return "%%";
    case Variable::Operator::replace_first:
      return "/";
    case Variable::Operator::replace_all:
      return "//";
  }
  return "";
}

// How an instruction is called, in the order of InstructionKind.
constexpr std::string_view kinds[] = {"FROM",        "ARG",     "ENV",       "LABEL",  "RUN",
                                      "COPY",        "ADD",     "WORKDIR",   "USER",   "CMD",
                                      "ENTRYPOINT",  "SHELL",   "EXPOSE",    "VOLUME", "STOPSIGNAL",
                                      "HEALTHCHECK", "ONBUILD", "MAINTAINER"};
static_assert(std::size(kinds) == std::variant_size_v<InstructionKind>);

class Writer {
 public:
  Writer(JsonWriter& json, AstContent content)
      : json_(json), places_(content == AstContent::everything) {}

  void write(const Dockerfile& dockerfile) {
    const auto& [source, directives, empty_continuations, escape, global_args, stages] = dockerfile;
    json_.begin_object();
    json_.name("version");
    json_.number(std::int64_t{1});
    if (places_) {
      member("file", source->name);
      list("empty_continuations", empty_continuations,
           [this](const EmptyContinuation& each) { place(each.line); });
    }
    member("escape", std::string(1, escape));
    list("directives", directives, [this](const Directive& each) { write(each); });
    list("arguments", global_args, [this](const Instruction& each) { write(each); });
    list("stages", stages, [this](const Stage& each) { write(each); });
    json_.end_object();
  }

 private:
  template <class List, class Write>
  void list(std::string_view name, const List& list, const Write& write) {
    json_.name(name);
    json_.begin_array();
    for (const auto& each : list) write(each);
    json_.end_array();
  }
  void member(std::string_view name, std::string_view text) {
    json_.name(name);
    json_.text(text);
  }
  void member(std::string_view name, bool value) {
    json_.name(name);
    json_.boolean(value);
  }
  void member(std::string_view name, const std::optional<bool>& value) {
    if (value) member(name, *value);
  }
  // Zero stands for what was not given.
  void number_unless_zero(std::string_view name, std::int64_t value) {
    if (value == 0) return;
    json_.name(name);
    json_.number(value);
  }
  void texts(std::string_view name, const std::vector<std::string>& texts) {
    list(name, texts, [this](const std::string& each) { json_.text(each); });
  }

  void place(const SourceSpan& span) {
    json_.begin_inline_object();
    json_.name("line");
    json_.number(std::uint64_t{span.line});
    json_.name("column");
    json_.number(std::uint64_t{span.column});
    json_.name("end_line");
    json_.number(std::uint64_t{span.end_line});
    json_.name("end_column");
    json_.number(std::uint64_t{span.end_column});
    json_.end_object();
  }
  void span(const SourceSpan& span) {
    if (!places_ || !span) return;
    json_.name("span");
    place(span);
  }

  void name(std::string_view label, const std::optional<Name>& name) {
    if (name) this->name(label, *name);
  }
  void name(std::string_view label, const Name& name) {
    const auto& [text, where] = name;
    json_.name(label);
    json_.begin_inline_object();
    member("text", text);
    span(where);
    json_.end_object();
  }

  void word(std::string_view label, const std::optional<Word>& word) {
    if (word) this->word(label, *word);
  }
  void word(std::string_view label, const Word& word) {
    json_.name(label);
    this->word(word);
  }
  void words(std::string_view label, const std::vector<Word>& words) {
    list(label, words, [this](const Word& each) { word(each); });
  }
  // Recursion is bounded: the grammar nests words 100 deep at most.
  void word(const Word& word) {
    const auto& [text, parts, where, failed] = word;
    json_.begin_object();
    member("text", text);
    list("parts", parts, [this](const WordPart& each) { part(each); });
    span(where);
    json_.end_object();
  }
  void part(const WordPart& part) {
    if (const auto* literal = std::get_if<Literal>(&part)) {
      const auto& [text, quoted] = *literal;
      json_.begin_inline_object();
      member("literal", text);
      member("quoted", quoted);
    } else {
      json_.begin_object();
      const Variable& variable = std::get<Variable>(part);
      const auto& [name, op, colon, operand, replacement, quoted, where] = variable;
      member("variable", name);
      if (op != Variable::Operator::none) member("operator", sign(variable));
      if (operand) word("operand", *operand);
      if (replacement) word("replacement", *replacement);
      member("quoted", quoted);
      span(where);
    }
    json_.end_object();
  }

  void write(const Directive& directive) {
    const auto& [name, value, where] = directive;
    json_.begin_object();
    member("name", name);
    member("value", value);
    span(where);
    json_.end_object();
  }
  void write(const Stage& stage) {
    const auto& [from, where, text, keyword, instructions, comments, failed,
                guessed] = stage;
    json_.begin_object();
    json_.name("from");
    json_.begin_object();
    head("FROM", keyword, text, where, comments);
    members(from);
    json_.end_object();
    list("instructions", instructions, [this](const Instruction& each) { write(each); });
    json_.end_object();
  }
  void write(const Instruction& instruction) {
    const auto& [kind, text, where, keyword, comments, failed, guessed, cache] = instruction;
    static_cast<void>(cache);  // stands in the comments
    json_.begin_object();
    head(kinds[kind.index()], keyword, text, where, comments);
    std::visit([this](const auto& each) { members(each); }, kind);
    json_.end_object();
  }
  void head(std::string_view kind, const Name& keyword, const std::string& text,
            const SourceSpan& where, const std::vector<std::string>& comments) {
    member("instruction", kind);
    if (places_) {
      name("keyword", keyword);
      member("text", text);
      span(where);
      texts("comments", comments);
    }
  }

  void members(const From& from) {
    const auto& [image, platform, as, alias] = from;
    word("image", image);
    word("platform", platform);
    if (places_) name("as", as);
    name("name", alias);
  }
  void members(const Arg& arg) {
    const auto& [items] = arg;
    list("arguments", items, [this](const Arg::Item& each) {
      const auto& [name, default_value, where] = each;
      json_.begin_object();
      member("name", name);
      word("default", default_value);
      span(where);
      json_.end_object();
    });
  }
  void members(const Env& env) {
    const auto& [pairs, old_form] = env;
    this->pairs(pairs, old_form);
  }
  void members(const Label& label) {
    const auto& [pairs, old_form] = label;
    this->pairs(pairs, old_form);
  }
  void pairs(const std::vector<std::pair<Word, Word>>& pairs, bool old_form) {
    member("old_form", old_form);
    list("pairs", pairs, [this](const std::pair<Word, Word>& each) {
      json_.begin_object();
      word("name", each.first);
      word("value", each.second);
      json_.end_object();
    });
  }

  void command(const CommandLine& command) {
    const auto& [shell, arguments, heredocs, where] = command;
    json_.name("command");
    json_.begin_object();
    member("form", std::string_view(shell ? "shell" : "exec"));
    texts("arguments", arguments);
    list("heredocs", heredocs, [this](const Heredoc& each) { heredoc(each, false); });
    span(where);
    json_.end_object();
  }
  // `expanded`: by the build and not by a shell, so the content's parts matter.
  void heredoc(const Heredoc& heredoc, bool expanded) {
    const auto& [name, expand, strip_tabs, content, word, where] = heredoc;
    json_.begin_object();
    member("name", name);
    member("expand", expand);
    member("strip_tabs", strip_tabs);
    member("content", content);
    if (expanded) list("parts", word.parts, [this](const WordPart& each) { part(each); });
    span(where);
    json_.end_object();
  }

  void members(const Run& run) {
    const auto& [command, mounts, network, security, devices] = run;
    list("mounts", mounts, [this](const RunMount& each) { mount(each); });
    name("network", network);
    name("security", security);
    list("devices", devices, [this](const RunDevice& each) {
      const auto& [device, required, where] = each;
      json_.begin_object();
      member("name", device);
      member("required", required);
      span(where);
      json_.end_object();
    });
    this->command(command);
  }
  void mount(const RunMount& mount) {
    const auto& [fields, where] = mount;
    json_.begin_object();
    list("fields", fields, [this](const RunMount::Field& each) {
      const auto& [key, value, place] = each;
      json_.begin_object();
      name("key", key);
      word("value", value);
      span(place);
      json_.end_object();
    });
    span(where);
    json_.end_object();
  }

  void transfer(const FileTransfer& transfer) {
    const auto& [sources, heredocs, destination, chown, chmod, exclude, link] = transfer;
    word("chown", chown);
    word("chmod", chmod);
    member("link", link);
    words("exclude", exclude);
    words("sources", sources);
    list("heredocs", heredocs, [this](const Heredoc& each) { heredoc(each, true); });
    word("destination", destination);
  }
  void members(const Copy& copy) {
    word("from", copy.from);
    member("parents", copy.parents);
    transfer(copy);
  }
  void members(const Add& add) {
    member("keep_git_dir", add.keep_git_dir);
    word("checksum", add.checksum);
    member("unpack", add.unpack);
    transfer(add);
  }

  void members(const Workdir& workdir) { word("path", workdir.path); }
  void members(const User& user) { word("user", user.user); }
  void members(const Cmd& cmd) { command(cmd.command); }
  void members(const Entrypoint& entrypoint) { command(entrypoint.command); }
  void members(const Shell& shell) { texts("arguments", shell.arguments); }
  void members(const Expose& expose) { words("ports", expose.ports); }
  void members(const Volume& volume) { words("paths", volume.paths); }
  void members(const StopSignal& signal) { word("signal", signal.signal); }
  void members(const Healthcheck& check) {
    const auto& [none, command, interval, timeout, start_period, start_interval, retries] = check;
    member("none", none);
    number_unless_zero("interval_ns", interval);
    number_unless_zero("timeout_ns", timeout);
    number_unless_zero("start_period_ns", start_period);
    number_unless_zero("start_interval_ns", start_interval);
    number_unless_zero("retries", retries);
    if (command) this->command(*command);
  }
  void members(const Onbuild& onbuild) { member("trigger", onbuild.trigger); }
  void members(const Maintainer& maintainer) { member("name", maintainer.name); }

  JsonWriter& json_;
  bool places_;
};

}  // namespace

void write_ast_json(const Dockerfile& dockerfile, const std::function<void(std::string_view)>& sink,
                    AstContent content) {
  JsonWriter json(sink);
  Writer(json, content).write(dockerfile);
  json.finish();
}

}  // namespace slipway
