#include <frontend/format/instruction.hpp>

#include <frontend/json_form.hpp>

#include <ir/letter_case.hpp>

#include <grammar/characters.hpp>

#include <algorithm>
#include <optional>

namespace slipway::format {
namespace {

using Kind = Token::Kind;

constexpr std::string_view indentation = "    ";
constexpr std::string_view white = " \t\v\f\r";

bool is_white(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const grammar::CodePoint point = grammar::decode(text, at);
    if (point.stray || !grammar::is_space(point.value)) return false;
    at += point.length;
  }
  return true;
}

// As the reader of statements takes it away: Unicode's white space too.
std::string_view without_white_end(std::string_view text) {
  std::size_t end = 0;
  for (std::size_t at = 0; at < text.size();) {
    const grammar::CodePoint point = grammar::decode(text, at);
    at += point.length;
    if (point.stray || !grammar::is_space(point.value)) end = at;
  }
  return text.substr(0, end);
}

class InstructionWriter {
 public:
  InstructionWriter(std::string_view text, std::span<const Token> tokens, char escape)
      : text_(text), tokens_(tokens), escape_(escape) {}

  InstructionText write() {
    if (keyword_goes_on()) {
      as_it_is();
    } else {
      head();
      arguments();
    }
    keep_escape_from_the_end();
    out_ += '\n';
    result_.text = std::move(out_);
    return std::move(result_);
  }

 private:
  std::string_view slice(const Token& token) const {
    return text_.substr(token.begin, token.end - token.begin);
  }

  // An escape character with other white space behind it than blanks and tabs, \v for one, is no
  // continuation. Without that white space it would be.
  void keep_escape_from_the_end() {
    if (!out_.ends_with(escape_) || out_.ends_with(std::string(2, escape_))) return;
    const std::size_t begin = tokens_.front().begin;
    std::string_view tail = text_.substr(begin, tokens_.back().end - begin);
    std::size_t escape = tail.rfind(escape_);
    // Those with a line break behind them are continuations.
    while (escape > 0 && tail.find('\n', escape) != std::string_view::npos) {
      tail = tail.substr(0, escape);
      escape = tail.rfind(escape_);
      if (escape == std::string_view::npos) return;
    }
    out_ += tail.substr(escape + 1);
  }

  // RU\ and N in the next line: one keyword, which the lexer does not see as such.
  bool keyword_goes_on() const {
    std::size_t next = 1;
    while (next < tokens_.size() && tokens_[next].kind == Kind::continuation) ++next;
    return next > 1 && next < tokens_.size() && tokens_[next].kind != Kind::blank;
  }
  void as_it_is() {
    const std::size_t begin = tokens_.front().begin;
    for (const char c : text_.substr(begin, tokens_.back().end - begin)) {
      if (c == '\n') out_.erase(out_.find_last_not_of('\r') + 1);
      out_ += c;
    }
    out_.erase(out_.find_last_not_of(white) + 1);
  }

  // The keyword, the flags, and the type of a HEALTHCHECK.
  void head() {
    keyword_ = upper_case(slice(tokens_.front()));
    out_ += keyword_;
    for (next_ = 1; next_ < tokens_.size(); ++next_) {
      const Token& token = tokens_[next_];
      if (token.kind == Kind::continuation) {
        gap_.add(slice(token));
      } else if (token.kind == Kind::flag) {
        separate();
        pieces(slice(token));
      } else if (token.kind == Kind::flags_end) {
        separate();
        out_ += "--";
      } else if (token.kind == Kind::type) {
        separate();
        out_ += upper_case(slice(token));
      } else if (token.kind != Kind::blank) {
        return;
      }
    }
  }

  void arguments() {
    const std::span<const Token> rest = tokens_.subspan(next_);
    if (!rest.empty()) {
      const std::string_view raw =
          text_.substr(rest.front().begin, rest.back().end - rest.front().begin);
      if (rest.front().kind == Kind::bracket && takes_json() && is_json(raw)) {
        json(without_white_end(raw));
      } else if (!takes_words()) {
        running_text(raw);
      } else if (is_old_form(rest)) {
        old_form(raw);
      } else {
        words(rest);
      }
    }
    // Behind the last word: the lines that a continuation without a successor brought in.
    result_.comments = std::move(gap_.comments);
  }

  bool takes_words() const {
    static constexpr std::string_view names[] = {"FROM",   "COPY", "ADD", "EXPOSE",
                                                 "VOLUME", "ARG",  "ENV", "LABEL"};
    return std::find(std::begin(names), std::end(names), keyword_) != std::end(names);
  }
  bool takes_json() const {
    static constexpr std::string_view names[] = {"COPY", "ADD",        "VOLUME", "RUN",
                                                 "CMD",  "ENTRYPOINT", "SHELL",  "HEALTHCHECK"};
    return std::find(std::begin(names), std::end(names), keyword_) != std::end(names);
  }
  bool is_json(std::string_view raw) const {
    std::string joined;
    Gap last;
    for (const Line& line : lines_of(text_, raw, escape_, last)) joined += line.text;
    return read_json_form(Fragment(std::string(without_white_end(joined)), SourceSpan{}))
        .has_value();
  }
  // ENV name any value: no = in the first word.
  bool is_old_form(std::span<const Token> rest) const {
    if (keyword_ != "ENV" && keyword_ != "LABEL") return false;
    std::string first;
    for (const Token& token : rest) {
      if (token.kind == Kind::white_space) break;
      if (token.kind == Kind::continuation) continue;
      Gap last;
      for (const Line& line : lines_of(text_, slice(token), escape_, last)) first += line.text;
    }
    return first.find('=') == std::string::npos;
  }

  // What parts two words: one blank, or the line break that stood there.
  void separate() {
    if (!gap_.broken) {
      out_ += ' ';
      return;
    }
    out_ += ' ';
    break_line(gap_);
    out_ += indentation;
    gap_ = {};
  }
  void break_line(const Gap& gap) {
    out_ += escape_;
    out_ += '\n';
    for (const std::string_view comment : gap.comments) {
      out_ += indentation;
      out_ += comment;
      out_ += '\n';
    }
  }

  // A word, with the continuations inside it: the lines stay as they are, for blanks at their
  // beginning would be part of the word.
  void pieces(std::string_view raw) {
    Gap last;
    for (const Line& line : lines_of(text_, raw, escape_, last)) {
      if (line.before.broken) break_line(line.before);
      out_ += line.text;
    }
    gap_.add(last);
  }

  void words(std::span<const Token> rest) {
    const std::optional<Token> as = keyword_ == "FROM" ? word_as(rest) : std::nullopt;
    const bool heredocs = keyword_ == "COPY" || keyword_ == "ADD";
    bool separated = true;  // from what stands before
    std::string_view blanks;
    for (const Token& token : rest) {
      if (token.kind == Kind::white_space || token.kind == Kind::blank) {
        separated = true;
        // Behind << an escaped blank is part of a heredoc's name, and so may be those that follow.
        if (heredocs && out_.ends_with('\\')) blanks = slice(token);
      } else if (token.kind == Kind::continuation) {
        gap_.add(slice(token));
      } else {
        if (separated && !gap_.broken && !blanks.empty()) {
          out_ += blanks;
        } else if (separated) {
          separate();
        } else if (gap_.broken) {
          break_line(gap_);
          gap_ = {};
        }
        separated = false;
        blanks = {};
        if (as && as->begin <= token.begin && token.begin < as->end) {
          out_ += upper_case(slice(token));
        } else {
          pieces(slice(token));
        }
      }
    }
  }
  // The first token of the AS in `FROM image AS name`, where it is in one piece.
  std::optional<Token> word_as(std::span<const Token> rest) const {
    std::vector<Token> words;
    bool separated = true;
    for (const Token& token : rest) {
      if (token.kind == Kind::white_space) {
        separated = true;
      } else if (separated && token.kind != Kind::continuation) {
        words.push_back(token);
        separated = false;
      } else if (!separated) {
        words.back().end = token.end;
      }
    }
    if (words.size() != 3 || upper_case(slice(words[1])) != "AS") return std::nullopt;
    return words[1];
  }

  // name, white space, and a value in which every blank counts.
  void old_form(std::string_view raw) {
    Gap last;
    const std::vector<Line> lines = lines_of(text_, raw, escape_, last);
    std::size_t value = 0;  // its line
    std::string_view first;
    bool in_name = true;
    for (; value < lines.size(); ++value) {
      std::string_view text = lines[value].text;
      if (value > 0) gap_.add(lines[value].before);
      if (in_name) {
        const std::size_t end = std::min(text.find_first_of(white), text.size());
        if (value == 0) {
          separate();
        } else if (end > 0) {
          break_line(gap_);
          gap_ = {};
        }
        out_ += text.substr(0, end);
        in_name = end == text.size();
        text.remove_prefix(end);
      }
      first = text.substr(std::min(text.find_first_not_of(white), text.size()));
      if (!first.empty()) break;
    }
    if (value == lines.size()) return;
    running_text({first.data(), static_cast<std::size_t>(raw.data() + raw.size() - first.data())});
  }
  // Text that is handed on joined, where no blank may come or go. But it may change sides: of the
  // blanks around a line break one stays before it, and the others indent the next line.
  void running_text(std::string_view raw) {
    Gap last;
    std::vector<Line> lines = lines_of(text_, raw, escape_, last);
    // White space at the end does not count.
    std::size_t count = lines.size();
    while (count > 0 && is_white(lines[count - 1].text)) --count;
    Gap trailing;
    for (std::size_t i = count; i < lines.size(); ++i) trailing.add(lines[i].before);
    trailing.add(last);
    lines.resize(count);
    // Nor at the beginning, where there is some behind a lone --.
    std::size_t begin = 0;
    while (begin < count && lines[begin].text.find_first_not_of(white) == std::string_view::npos) {
      ++begin;
    }
    for (std::size_t i = 0; i <= begin && i < count; ++i) gap_.add(lines[i].before);
    if (begin == count) {
      gap_.add(trailing);
      return;
    }
    lines.erase(lines.begin(), lines.begin() + static_cast<std::ptrdiff_t>(begin));
    lines.front().before = {};
    lines.front().text.remove_prefix(lines.front().text.find_first_not_of(white));
    lines.back().text = without_white_end(lines.back().text);

    separate();
    std::string blanks;
    Gap gap;
    bool first = true;
    for (const Line& line : lines) {
      gap.add(line.before);
      std::string_view text = line.text;
      if (!first) {
        const std::size_t indent = std::min(text.find_first_not_of(" \t"), text.size());
        blanks += text.substr(0, indent);
        text.remove_prefix(indent);
        if (text.empty()) continue;
        out_ += blanks.substr(0, 1);
        break_line(gap);
        out_ += blanks.substr(std::min<std::size_t>(1, blanks.size()));
        gap = {};
      }
      const std::size_t end = text.find_last_not_of(" \t") + 1;
      out_ += text.substr(0, end);
      blanks = text.substr(end);
      first = false;
    }
    gap_ = std::move(trailing);
  }

  // An array that is known to be valid: its strings as they are, one blank behind each comma.
  void json(std::string_view raw) {
    Gap last;
    bool in_string = false;
    bool escaped = false;
    char before = 0;  // the latest character outside of strings
    for (const Line& line : lines_of(text_, raw, escape_, last)) {
      if (line.before.broken && in_string) {
        break_line(line.before);
      } else {
        gap_.add(line.before);
      }
      for (const char c : line.text) {
        if (in_string) {
          out_ += c;
          in_string = escaped || c != '"';
          escaped = !escaped && c == '\\';
          continue;
        }
        if (white.find(c) != std::string_view::npos) continue;
        if (before == 0 || before == ',' || gap_.broken) separate();
        out_ += c;
        before = c;
        in_string = c == '"';
      }
    }
    gap_.add(last);
  }

  std::string_view text_;
  std::span<const Token> tokens_;
  char escape_;
  std::string keyword_;
  std::size_t next_ = 0;  // the first token that is not written yet
  Gap gap_;               // the line breaks behind what was written
  std::string out_;
  InstructionText result_;
};

}  // namespace

InstructionText format_instruction(std::string_view text, std::span<const Token> tokens,
                                   char escape) {
  return InstructionWriter(text, tokens, escape).write();
}

}  // namespace slipway::format
