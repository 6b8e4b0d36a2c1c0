// The text of a template to its tree (Go's text/template/parse, for what README.md lists).
#include <frontend/template/parse.hpp>

#include <frontend/template/constants.hpp>
#include <frontend/template/functions.hpp>
#include <ir/code_point.hpp>
#include <ir/error.hpp>
#include <ir/nearest.hpp>
#include <ir/source.hpp>

#include <algorithm>
#include <optional>
#include <utility>

namespace slipway {
namespace {

constexpr std::size_t longest_template = 64 << 10;
constexpr int deepest_template = 100;

constexpr std::string_view blanks = " \t\r\n";

bool is_blank(char c) {
  return blanks.find(c) != blanks.npos;
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
// Of a name; bytes above ASCII are letters of some script.
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || is_digit(c) ||
         static_cast<unsigned char>(c) >= 0x80;
}

class Parser {
 public:
  Parser(TemplateTree& tree, const TemplateOptions& options)
      : tree_(tree), text_(tree.file->text), at_(options.start), escapes_(options.text_escapes) {}

  void parse() {
    if (text_.size() > longest_template) throw Error("the template is longer than 64 KiB");
    const End end = parse_nodes(tree_.nodes, 0, false);
    if (end.keyword != Keyword::none) fail(end.offset, "there is nothing here to end", 1);
  }

 private:
  enum class Keyword { none, end, otherwise };
  // What ended a list of nodes; behind {{else}} the text goes on at its condition.
  struct End {
    Keyword keyword = Keyword::none;
    std::size_t offset = 0;
  };

  [[noreturn]] void fail(std::size_t offset, std::string message, std::size_t length = 1,
                         std::string hint = {}) const {
    Error error(std::move(message));
    error.at(template_place(tree_.file, offset, length));
    if (!hint.empty()) error.hint(std::move(hint));
    throw error;
  }

  bool looking_at(std::string_view word) const { return text_.substr(at_).starts_with(word); }

  // A literal text, from at_ to the next action or the end.
  std::string literal(std::string_view bytes) const {
    if (!escapes_) return std::string(bytes);
    std::string text;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      const char next = i + 1 < bytes.size() ? bytes[i + 1] : '\0';
      if (bytes[i] == '\\' && (next == 't' || next == 'n')) {
        text += next == 't' ? '\t' : '\n';
        ++i;
      } else {
        text += bytes[i];
      }
    }
    return text;
  }

  // Reads text and actions up to an {{end}} or {{else}}, or the end of the text.
  End parse_nodes(TemplateNodes& nodes, int depth, bool in_loop) {
    if (depth > deepest_template) fail(at_, "the template is nested too deeply");
    while (at_ < text_.size()) {
      const std::size_t open = std::min(text_.find("{{", at_), text_.size());
      std::string_view bytes = text_.substr(at_, open - at_);
      const bool trims =
          open + 3 < text_.size() && text_[open + 2] == '-' && is_blank(text_[open + 3]);
      if (trim_next_) bytes.remove_prefix(std::min(bytes.find_first_not_of(blanks), bytes.size()));
      if (trims) bytes = bytes.substr(0, bytes.find_last_not_of(blanks) + 1);
      trim_next_ = false;
      if (!bytes.empty()) nodes.push_back({TemplateText{literal(bytes)}});
      at_ = open;
      if (open == text_.size()) break;
      opened_ = open;
      at_ += trims ? 3 : 2;
      // A comment stands right behind the braces, or behind the blank of a "{{- ".
      const std::size_t start = at_;
      if (trims) skip_blanks();
      if (looking_at("/*")) {
        skip_comment();
        continue;
      }
      at_ = start;
      const End end = parse_action(nodes, depth, in_loop);
      if (end.keyword != Keyword::none) return end;
    }
    return {};
  }

  void skip_comment() {
    const std::size_t end = text_.find("*/", at_ + 2);
    if (end == text_.npos) fail(opened_, "the comment does not end", 2);
    at_ = end + 2;
    if (!close()) fail(at_, "the comment does not end with \"*/}}\"");
  }

  void skip_blanks() {
    while (at_ < text_.size() && is_blank(text_[at_])) {
      // The blank of " -}}" belongs to the braces.
      if (text_.substr(at_ + 1).starts_with("-}}")) return;
      ++at_;
    }
  }

  // Takes the closing braces, if they are here.
  bool close() {
    if (looking_at("}}")) {
      at_ += 2;
      return true;
    }
    if (at_ < text_.size() && is_blank(text_[at_]) && text_.substr(at_ + 1).starts_with("-}}")) {
      at_ += 4;
      trim_next_ = true;
      return true;
    }
    return false;
  }

  void require_close(const std::string& after) {
    skip_blanks();
    if (close()) return;
    if (at_ >= text_.size()) fail(opened_, "the action has no \"}}\"", 2);
    fail(at_, "nothing can stand here, after " + after, 1);
  }

  // A name of letters and digits at at_; empty: there is none.
  std::string_view word() {
    const std::size_t start = at_;
    while (at_ < text_.size() && is_letter(text_[at_])) ++at_;
    return text_.substr(start, at_ - start);
  }

  End parse_action(TemplateNodes& nodes, int depth, bool in_loop) {
    skip_blanks();
    const std::size_t start = at_;
    if (at_ >= text_.size()) fail(opened_, "the action has no \"}}\"", 2);
    const std::string_view name = is_digit(text_[at_]) ? std::string_view() : word();
    if (name == "end") {
      require_close("\"end\"");
      return {Keyword::end, start};
    }
    if (name == "else") return {Keyword::otherwise, start};
    if (name == "if" || name == "with" || name == "range") {
      nodes.push_back({parse_branch(name, depth, in_loop)});
      return {};
    }
    if (name == "break" || name == "continue") {
      if (!in_loop) fail(start, "there is no range to " + std::string(name), name.size());
      require_close(quoted(name));
      nodes.push_back({TemplateJump{name == "break"}});
      return {};
    }
    if (name == "define" || name == "template" || name == "block")
      fail(start, "templates within templates are not among what slipway reads", name.size());
    at_ = start;
    nodes.push_back({TemplateAction{parse_pipeline(false, depth)}});
    if (!close()) fail(at_, "the action does not end here");
    return {};
  }

  TemplateBranch parse_branch(std::string_view keyword, int depth, bool in_loop) {
    const std::size_t opened = opened_;
    TemplateBranch branch;
    branch.kind = keyword == "if"     ? TemplateBranch::Kind::condition
                  : keyword == "with" ? TemplateBranch::Kind::with
                                      : TemplateBranch::Kind::range;
    const bool loop = branch.kind == TemplateBranch::Kind::range;
    const std::size_t visible = variables_.size();
    branch.pipeline = parse_pipeline(loop, depth);
    if (!close()) fail(at_, "the action does not end here");
    const std::size_t of_branch = variables_.size();
    End end = parse_nodes(branch.body, depth + 1, in_loop || loop);
    // A loop's variables are set for each entry, and there is none behind {{else}}.
    variables_.resize(loop ? visible : of_branch);
    if (end.keyword == Keyword::otherwise) {
      skip_blanks();
      const std::size_t start = at_;
      const std::string_view next = word();
      if (!loop && (next == "if" || next == "with")) {
        // Stands for {{else}}{{if}} and shares its end.
        branch.otherwise.push_back({parse_branch(next, depth + 1, in_loop)});
        variables_.resize(visible);
        return branch;
      }
      at_ = start;
      require_close("\"else\"");
      end = parse_nodes(branch.otherwise, depth + 1, in_loop);
      if (end.keyword == Keyword::otherwise) fail(end.offset, "there is a second \"else\"", 4);
    }
    if (end.keyword == Keyword::none) fail(opened, quoted(keyword) + " has no {{end}}", 2);
    variables_.resize(visible);
    return branch;
  }

  // "$x :=", "$x =", and for loops "$i, $x :=" before a pipeline.
  void parse_variables(TemplatePipeline& pipeline, bool loop) {
    const std::size_t start = at_;
    std::vector<std::string> names;
    while (at_ < text_.size() && text_[at_] == '$') {
      ++at_;
      names.push_back("$" + std::string(word()));
      skip_blanks();
      if (names.size() == 1 && loop && looking_at(",")) {
        ++at_;
        skip_blanks();
        continue;
      }
      break;
    }
    const bool declares = looking_at(":=");
    if (names.empty() || (!declares && !looking_at("="))) {
      if (names.size() > 1) fail(at_, "two variables need \":=\" or \"=\" behind them");
      at_ = start;
      return;
    }
    at_ += declares ? 2 : 1;
    for (const std::string& name : names) {
      if (name == "$") fail(start, "a variable needs a name behind \"$\"");
      if (!declares) require_variable(name, start);
    }
    pipeline.variables = std::move(names);
    pipeline.declares = declares;
  }

  void require_variable(const std::string& name, std::size_t offset) const {
    if (name == "$" || std::find(variables_.begin(), variables_.end(), name) != variables_.end())
      return;
    fail(offset, "there is no variable " + quoted(name), name.size(),
         did_you_mean(name, variables_, ""));
  }

  // Up to, not including, the closing braces or parenthesis.
  TemplatePipeline parse_pipeline(bool loop, int depth) {
    if (depth > deepest_template) fail(at_, "the template is nested too deeply");
    TemplatePipeline pipeline;
    skip_blanks();
    pipeline.offset = at_;
    parse_variables(pipeline, loop);
    for (;;) {
      pipeline.commands.push_back(parse_command(pipeline.commands.empty(), depth));
      skip_blanks();
      if (!looking_at("|")) break;
      ++at_;
    }
    // Only now: a variable is not visible in what it is set to.
    if (pipeline.declares)
      variables_.insert(variables_.end(), pipeline.variables.begin(), pipeline.variables.end());
    return pipeline;
  }

  bool at_end_of_command() {
    if (at_ >= text_.size()) fail(opened_, "the action has no \"}}\"", 2);
    return text_[at_] == '|' || text_[at_] == ')' || looking_at("}}") || is_blank(text_[at_]);
  }

  TemplateCommand parse_command(bool first, int depth) {
    TemplateCommand command;
    for (;;) {
      skip_blanks();
      if (at_end_of_command()) break;
      if (!command.operands.empty() && !is_blank(text_[at_ - 1]))
        fail(at_, "a blank is missing between two values");
      command.operands.push_back(parse_operand(depth));
    }
    if (command.operands.empty()) fail(at_, "a value is missing");
    const TemplateOperand& head = command.operands.front();
    const auto* call = std::get_if<TemplateOperand::Call>(&head.base);
    const bool has_arguments = command.operands.size() > 1 || !first;
    if (call == nullptr && has_arguments)
      fail(head.offset, "this is no function, and cannot be given " +
                            std::string(first ? "arguments" : "what stands before the \"|\""));
    if (call != nullptr && head.fields.empty()) check_count(command, *call->function, first);
    if (const Value* value = std::get_if<Value>(&head.base);
        value != nullptr && value->is_nothing() && !has_arguments)
      fail(head.offset, "nil is no value to show", 3);
    return command;
  }

  void check_count(const TemplateCommand& command, const TemplateFunction& function,
                   bool first) const {
    const std::size_t given = command.operands.size() - 1 + (first ? 0 : 1);
    if (given >= function.least && given <= function.most) return;
    const std::string wanted = function.least == function.most ? std::to_string(function.least)
                               : given < function.least
                                   ? "at least " + std::to_string(function.least)
                                   : "at most " + std::to_string(function.most);
    fail(command.operands.front().offset,
         quoted(function.name) + " takes " + wanted + (wanted == "1" ? " argument" : " arguments") +
             ", and has " + std::to_string(given),
         function.name.size());
  }

  TemplateOperand parse_operand(int depth) {
    TemplateOperand operand;
    operand.offset = at_;
    const char c = text_[at_];
    if (c == '(') {
      ++at_;
      auto pipeline = std::make_shared<TemplatePipeline>(parse_pipeline(false, depth + 1));
      if (!pipeline->variables.empty())
        fail(operand.offset, "no variable can be set in parentheses");
      skip_blanks();
      if (!looking_at(")")) fail(operand.offset, "the parenthesis is not closed");
      ++at_;
      operand.base = TemplateOperand::Parentheses{std::move(pipeline)};
    } else if (c == '.' && (at_ + 1 >= text_.size() || !is_digit(text_[at_ + 1]))) {
      operand.base = TemplateOperand::Dot{};
      if (at_ + 1 < text_.size() && is_letter(text_[at_ + 1])) {
        // ".Name" asks the dot; a lone "." is taken here and has no field behind it.
        parse_fields(operand);
        return operand;
      }
      tree_.takes_all = true;
      ++at_;
      return operand;
    } else if (c == '$') {
      ++at_;
      const std::string name = "$" + std::string(word());
      require_variable(name, operand.offset);
      if (name == "$" && !looking_at(".")) tree_.takes_all = true;
      operand.base = TemplateOperand::Variable{name};
    } else if (c == '"' || c == '`' || c == '\'' || is_digit(c) || c == '+' || c == '-' ||
               c == '.') {
      operand.base = constant();
    } else if (is_letter(c)) {
      operand.base = named(operand.offset);
    } else {
      fail(at_, "this cannot begin a value");
    }
    parse_fields(operand);
    return operand;
  }

  void parse_fields(TemplateOperand& operand) {
    while (looking_at(".")) {
      const std::size_t offset = ++at_;
      const std::string name(word());
      if (name.empty() || is_digit(name.front()))
        fail(offset - 1, "a field needs a name behind the dot", 1,
             "index . \"name\" asks for any key");
      tree_.fields.insert(name);
      operand.fields.push_back({name, offset});
    }
  }

  std::variant<TemplateOperand::Dot, TemplateOperand::Variable, TemplateOperand::Call,
               TemplateOperand::Parentheses, Value>
  named(std::size_t offset) {
    const std::string name(word());
    if (name == "true") return Value(true);
    if (name == "false") return Value(false);
    if (name == "nil") return Value(Value::Null{});
    const TemplateFunction* function = find_template_function(name);
    if (function == nullptr)
      fail(
          offset, "there is no function " + quoted(name), name.size(),
          did_you_mean(name, template_function_names(), "a field of the data is written ." + name));
    return TemplateOperand::Call{function};
  }

  Value constant() {
    const auto read = read_constant(text_, at_);
    if (const auto* mistake = std::get_if<TemplateMistake>(&read))
      fail(mistake->offset, mistake->message, mistake->length);
    at_ = std::get<TemplateConstant>(read).end;
    return std::get<TemplateConstant>(read).value;
  }

  TemplateTree& tree_;
  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t opened_ = 0;  // of the action that is read
  bool escapes_ = false;
  bool trim_next_ = false;  // the action before ended with " -}}"
  std::vector<std::string> variables_;
};

}  // namespace

SourceSpan template_place(const std::shared_ptr<const SourceFile>& file, std::size_t offset,
                          std::size_t length) {
  SourceSpan span;
  span.file = file;
  span.line = 1;
  span.column = 1;
  std::string_view before = std::string_view(file->text).substr(0, offset);
  while (!before.empty()) {
    const CodePoint point = decode(before);
    if (point.value == '\n') {
      ++span.line;
      span.column = 1;
    } else {
      ++span.column;
    }
    before.remove_prefix(point.length);
  }
  span.end_line = span.line;
  span.end_column = span.column + static_cast<std::uint32_t>(std::max<std::size_t>(length, 1));
  return span;
}

void parse_template(TemplateTree& tree, const TemplateOptions& options) {
  Parser(tree, options).parse();
}

}  // namespace slipway
