#include <frontend/checks/shell_syntax.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace slipway {
namespace {

using Link = ShellCommand::Link;

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}
bool is_operator(char c) {
  return c == ';' || c == '&' || c == '|' || c == '<' || c == '>' || c == '(' || c == ')';
}
bool ends_word(char c) {
  return is_blank(c) || c == '\n' || is_operator(c);
}
bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// name= or name+= before any quote.
bool is_assignment(std::string_view written) {
  if (written.empty() || !is_name_start(written.front())) return false;
  std::size_t at = 1;
  while (at < written.size() && (is_name_start(written[at]) || is_digit(written[at]))) ++at;
  if (at < written.size() && written[at] == '+') ++at;
  return at < written.size() && written[at] == '=';
}

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  ShellScript read() {
    while (script_.understood && at_ < text_.size()) next();
    // What is not understood is not a command, either.
    if (script_.understood) finish(Link::none);
    if (!open_.empty()) script_.understood = false;
    return std::move(script_);
  }

 private:
  // What is open; each is closed by its own word.
  enum class Open { parenthesis, brace, if_, loop, case_, pattern };

  char peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  bool take(std::string_view expected) {
    if (!text_.substr(at_).starts_with(expected)) return false;
    at_ += expected.size();
    return true;
  }
  void give_up() { script_.understood = false; }

  bool at_command() const { return command_.words.empty() && command_.assignments.empty(); }

  void next() {
    const char c = peek();
    if (is_blank(c)) {
      ++at_;
    } else if (c == '\\' && peek(1) == '\n') {
      at_ += 2;
    } else if (c == '#') {
      at_ = std::min(text_.find('\n', at_), text_.size());
    } else if (!open_.empty() && open_.back() == Open::pattern) {
      read_pattern();
    } else if (c == '\n') {
      ++at_;
      finish(Link::sequence);
      skip_heredocs();
    } else if ((c == '<' || c == '>') && peek(1) != '(') {
      read_redirection();
    } else if (c == '&' && peek(1) == '>') {
      read_redirection();
    } else if (is_operator(c) && c != '<' && c != '>') {
      read_operator(c);
    } else {
      read_next_word();
    }
  }

  void read_operator(char c) {
    if (c == '(') return open_parenthesis();
    if (c == ')') return close(Open::parenthesis);
    if (take(";;")) {
      if (!take("&")) take(";");
      return end_of_pattern();
    }
    if (take(";&")) return end_of_pattern();
    if (take("&&")) return finish(Link::and_);
    if (take("||")) return finish(Link::or_);
    if (take("|&") || take("|")) return finish(Link::pipe);
    ++at_;
    finish(c == '&' ? Link::background : Link::sequence);
  }

  void open_parenthesis() {
    if (at_command()) {
      if (peek(1) == '(') {  // ((arithmetic))
        ShellWord word;
        skip_nested(word);
        closed_ = true;
        return;
      }
      ++at_;
      open(Open::parenthesis);
      return;
    }
    // name() { ... }
    std::size_t behind = at_ + 1;
    while (behind < text_.size() && is_blank(text_[behind])) ++behind;
    const bool function = command_.words.size() == 1 && command_.assignments.empty() &&
                          behind < text_.size() && text_[behind] == ')';
    if (!function) return give_up();
    at_ = behind + 1;
    command_ = {};
  }

  void open(Open what) {
    if (closed_) return give_up();
    open_.push_back(what);
  }

  // `what` ends here: what is open last has to be that.
  void close(Open what) {
    if (what == Open::parenthesis) ++at_;
    finish(Link::none);
    if (open_.empty() || open_.back() != what) return give_up();
    open_.pop_back();
    closed_ = true;
  }

  void end_of_pattern() {
    finish(Link::sequence);
    if (open_.empty() || open_.back() != Open::case_) return give_up();
    open_.back() = Open::pattern;
  }

  // pattern | pattern) or esac
  void read_pattern() {
    if (peek() == '\n' || peek() == '|' || peek() == '(') {
      ++at_;
      return;
    }
    if (peek() == ')') {
      ++at_;
      open_.back() = Open::case_;
      return;
    }
    if (is_operator(peek())) return give_up();
    const ShellWord word = read_word();
    if (word.text == "esac" && !word.quoted) {
      open_.pop_back();
      closed_ = true;
    }
  }

  void finish(Link link) {
    if (!command_.words.empty() || !command_.assignments.empty() ||
        (!command_.redirections.empty() && !closed_)) {
      command_.before = before_;
      command_.after = link;
      command_.depth = static_cast<std::uint32_t>(open_.size());
      script_.commands.push_back(std::move(command_));
      before_ = link;
    } else if (link != Link::none && link != Link::sequence) {
      // Behind ) or } the operator joins what was in there with what follows.
      if (closed_ && !script_.commands.empty()) script_.commands.back().after = link;
      before_ = link;
    } else if (closed_) {
      before_ = link;
    }
    command_ = {};
    if (link != Link::none) closed_ = false;
  }

  // Words that are syntax where a command may begin. True if it was one.
  bool read_keyword(const ShellWord& word) {
    if (word.quoted || !word.literal || !at_command()) return false;
    const std::string& text = word.text;
    if (text == "if") {
      open(Open::if_);
    } else if (text == "while" || text == "until") {
      open(Open::loop);
    } else if (text == "{") {
      open(Open::brace);
    } else if (text == "then" || text == "else" || text == "elif" || text == "do") {
      closed_ = false;
      before_ = Link::none;
    } else if (text == "fi") {
      close(Open::if_);
    } else if (text == "done") {
      close(Open::loop);
    } else if (text == "}") {
      close(Open::brace);
    } else if (text == "esac") {
      close(Open::case_);
    } else if (text == "function") {
      while (is_blank(peek())) ++at_;
      read_word();
      while (is_blank(peek())) ++at_;
      take("()");
    } else if (text != "!") {
      return false;
    }
    return true;
  }

  void read_next_word() {
    ShellWord word = read_word();
    if (!script_.understood) return;
    // 2>file
    const bool number = !word.quoted && !word.text.empty() && (peek() == '<' || peek() == '>') &&
                        std::all_of(word.text.begin(), word.text.end(), is_digit);
    if (number) return;
    if (read_keyword(word)) return;
    if (closed_) return give_up();  // no word may follow ) or }
    if (command_.words.empty() && is_assignment(text_.substr(word.begin, word.end - word.begin))) {
      command_.assignments.push_back(std::move(word));
      return;
    }
    const bool first = at_command() && !word.quoted;
    if (first && (word.text == "for" || word.text == "select")) open(Open::loop);
    if (first && word.text == "[[") return read_condition(std::move(word));
    command_.words.push_back(std::move(word));
    if (opens_case()) {
      finish(Link::sequence);
      open(Open::pattern);
    }
  }

  // case WORD in
  bool opens_case() const {
    const auto& words = command_.words;
    return words.size() == 3 && command_.assignments.empty() && words[0].text == "case" &&
           !words[0].quoted && words[2].text == "in" && !words[2].quoted;
  }

  // [[ ... ]]: operators in it are words.
  void read_condition(ShellWord first) {
    command_.words.push_back(std::move(first));
    while (at_ < text_.size() && script_.understood) {
      if (ends_word(peek()) || (peek() == '\\' && peek(1) == '\n')) {
        ++at_;
        continue;
      }
      ShellWord word = read_word();
      const bool end = word.text == "]]" && !word.quoted;
      command_.words.push_back(std::move(word));
      if (end) return;
    }
    give_up();
  }

  void read_redirection() {
    static constexpr std::array<std::string_view, 12> operators = {
        "<<<", "<<-", "&>>", "<<", ">>", ">|", "<>", ">&", "<&", "&>", "<", ">"};
    ShellRedirection redirection;
    for (const std::string_view op : operators) {
      if (!take(op)) continue;
      redirection.op = op;
      break;
    }
    while (is_blank(peek()) || (peek() == '\\' && peek(1) == '\n')) at_ += peek() == '\\' ? 2 : 1;
    const bool process = (peek() == '<' || peek() == '>') && peek(1) == '(';
    if (at_ >= text_.size() || (ends_word(peek()) && !process)) return give_up();
    redirection.target = read_word();
    if (redirection.op == "<<" || redirection.op == "<<-")
      heredocs_.emplace_back(redirection.target.text, redirection.op == "<<-");
    command_.redirections.push_back(std::move(redirection));
  }

  // The bodies of the heredocs of the line that ended here.
  void skip_heredocs() {
    for (const auto& [delimiter, strip_tabs] : std::exchange(heredocs_, {})) {
      bool ended = false;
      while (!ended && at_ < text_.size()) {
        const std::size_t end = std::min(text_.find('\n', at_), text_.size());
        std::string_view line = text_.substr(at_, end - at_);
        if (line.ends_with('\r')) line.remove_suffix(1);
        while (strip_tabs && line.starts_with('\t')) line.remove_prefix(1);
        ended = line == delimiter;
        at_ = std::min(end + 1, text_.size());
      }
      if (!ended) return give_up();
    }
  }

  ShellWord read_word() {
    ShellWord word;
    word.begin = at_;
    while (script_.understood && at_ < text_.size()) {
      const char c = peek();
      if (c == '\\') {
        read_escape(word);
      } else if (c == '\'') {
        read_single_quotes(word);
      } else if (c == '"') {
        read_double_quotes(word);
      } else if (c == '$') {
        read_dollar(word);
      } else if (c == '`') {
        skip_nested(word);
      } else if (c == '(' && is_assignment(text_.substr(word.begin, at_ - word.begin)) &&
                 text_[at_ - 1] == '=') {
        skip_nested(word);  // name=(a b)
      } else if ((c == '<' || c == '>') && at_ == word.begin && peek(1) == '(') {
        ++at_;
        word.text += c;
        skip_nested(word);  // <(command)
      } else if (ends_word(c)) {
        break;
      } else {
        word.text += c;
        ++at_;
      }
    }
    word.end = at_;
    return word;
  }

  void read_escape(ShellWord& word) {
    ++at_;
    if (at_ == text_.size()) {
      word.text += '\\';
    } else if (peek() == '\n') {
      ++at_;
    } else {
      word.quoted = true;
      word.text += text_[at_++];
    }
  }

  void read_single_quotes(ShellWord& word) {
    word.quoted = true;
    const std::size_t end = text_.find('\'', at_ + 1);
    if (end == text_.npos) return give_up();
    word.text += text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
  }

  void read_double_quotes(ShellWord& word) {
    word.quoted = true;
    ++at_;
    while (script_.understood && at_ < text_.size()) {
      const char c = peek();
      if (c == '"') {
        ++at_;
        return;
      }
      if (c == '\\') {
        const char escaped = peek(1);
        if (escaped == '\n') {
          at_ += 2;
        } else if (escaped == '$' || escaped == '`' || escaped == '"' || escaped == '\\') {
          word.text += escaped;
          at_ += 2;
        } else {
          word.text += c;
          ++at_;
        }
      } else if (c == '`' || (c == '$' && (peek(1) == '(' || peek(1) == '{'))) {
        skip_nested(word);
      } else {
        if (c == '$' && (is_name_start(peek(1)) || is_digit(peek(1)) || peek(1) == '@'))
          word.literal = false;
        word.text += c;
        ++at_;
      }
    }
    give_up();
  }

  void read_dollar(ShellWord& word) {
    const char behind = peek(1);
    if (behind == '(' || behind == '{') return skip_nested(word);
    if (behind == '"') {  // $"...": the same, translated
      ++at_;
      return;
    }
    if (behind == '\'') return read_c_string(word);
    if (is_name_start(behind) || is_digit(behind) ||
        std::string_view("@*#?-$!").find(behind) != std::string_view::npos)
      word.literal = false;
    word.text += '$';
    ++at_;
    if (at_ < text_.size() && !ends_word(peek()) &&
        std::string_view("@*#?-$!").find(peek()) != std::string_view::npos)
      word.text += text_[at_++];
  }

  // $'...', with escapes as in C, which are not evaluated here.
  void read_c_string(ShellWord& word) {
    word.quoted = true;
    at_ += 2;
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == '\'') return;
      word.text += c;
      if (c == '\\' && at_ < text_.size()) {
        word.literal = false;
        word.text += text_[at_++];
      }
    }
    give_up();
  }

  // $(...), ${...}, `...` or (...), with what is nested in it, as it is.
  void skip_nested(ShellWord& word) {
    word.literal = false;
    const std::size_t begin = at_;
    std::string closers;
    if (peek() == '$') ++at_;
    closers += peek() == '`' ? '`' : peek() == '{' ? '}' : ')';
    ++at_;
    while (!closers.empty() && at_ < text_.size()) {
      const char c = text_[at_];
      const char top = closers.back();
      const bool in_text = closers.size() > 1 && closers[closers.size() - 2] == '"' && top == '}';
      ++at_;
      if (c == top) {
        closers.pop_back();
      } else if (top == '\'') {
        continue;
      } else if (c == '\\') {
        if (at_ < text_.size()) ++at_;
      } else if (c == '"') {
        closers += '"';
      } else if (c == '`') {
        closers += '`';
      } else if (c == '$' && (peek() == '(' || peek() == '{')) {
        closers += peek() == '(' ? ')' : '}';
        ++at_;
      } else if (c == '\'' && top != '"' && !in_text) {
        closers += '\'';
      } else if (c == '(' && top == ')') {
        closers += ')';
      }
    }
    if (!closers.empty()) return give_up();
    word.text += text_.substr(begin, at_ - begin);
  }

  std::string_view text_;
  std::size_t at_ = 0;
  ShellScript script_;
  ShellCommand command_;
  Link before_ = Link::none;
  bool closed_ = false;  // behind ) } fi done esac: an operator has to follow
  std::vector<Open> open_;
  std::vector<std::pair<std::string, bool>> heredocs_;  // opened on this line
};

}  // namespace

ShellScript read_shell(std::string_view script) {
  return Reader(script).read();
}

}  // namespace slipway
