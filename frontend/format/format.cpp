#include <frontend/format/format.hpp>

#include <frontend/ast_json.hpp>
#include <frontend/format/instruction.hpp>
#include <frontend/format/tokens.hpp>
#include <frontend/parse.hpp>

#include <grammar/directive.hpp>

#include <ir/digest.hpp>

#include <algorithm>
#include <set>
#include <span>
#include <utility>

namespace slipway {
namespace {

using format::Token;
using Kind = Token::Kind;

std::string_view without_mark(std::string_view text) {
  constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
  return text.starts_with(byte_order_mark) ? text.substr(byte_order_mark.size()) : text;
}

class FileWriter {
 public:
  FileWriter(const SourceFile& source, const Dockerfile& dockerfile)
      : text_(without_mark(source.text)),
        mark_(source.text.size() - text_.size()),
        tokens_(format::tokens_of(text_)) {
    for (const Directive& directive : dockerfile.directives)
      directives_.insert(directive.span.line);
    has_lookalikes_ = find_lookalikes();
  }

  FormattedDockerfile write() {
    for (at_ = 0; at_ < tokens_.list.size();) {
      const Token& token = tokens_.list[at_];
      switch (token.kind) {
        case Kind::line_end:
          blank_lines();
          break;
        case Kind::blank:
          indentation_ = slice(token);
          ++at_;
          break;
        case Kind::comment:
          begin_piece(token.begin);
          comment(token);
          ++at_;
          break;
        case Kind::continuation:
          lone_continuation(token);
          ++at_;
          break;
        case Kind::keyword:
          begin_piece(token.begin);
          instruction();
          break;
        default:
          heredoc(token);
          ++at_;
          break;
      }
    }
    for (FormattedDockerfile::Piece& piece : result_.pieces) piece.before += mark_;
    if (!result_.pieces.empty()) result_.pieces.front().before = 0;
    return std::move(result_);
  }

 private:
  std::string_view slice(const Token& token) const {
    return text_.substr(token.begin, token.end - token.begin);
  }

  // Where the text, without its line break, stands among the lines: counted as they pass.
  std::uint32_t line_at(std::size_t byte) {
    line_ += static_cast<std::uint32_t>(
        std::count(text_.begin() + static_cast<std::ptrdiff_t>(counted_),
                   text_.begin() + static_cast<std::ptrdiff_t>(byte), '\n'));
    counted_ = byte;
    return line_;
  }

  // Comments before the first instruction that would be directives if they stood elsewhere.
  bool find_lookalikes() const {
    std::uint32_t line = 1;
    for (const Token& token : tokens_.list) {
      if (token.kind == Kind::keyword) return false;
      const std::string_view text = slice(token);
      if (token.kind == Kind::comment && !directives_.contains(line) &&
          grammar::directive_of(format::trimmed(text))) {
        return true;
      }
      line += static_cast<std::uint32_t>(std::count(text.begin(), text.end(), '\n'));
    }
    return false;
  }

  // The blank lines before it, of which one is kept, are a piece of their own.
  void begin_piece(std::size_t begin) {
    if (open_) return;
    if (pending_blank_) result_.text += '\n';
    pending_blank_ = false;
    result_.pieces.push_back({begin - indentation_.size(), result_.text.size()});
    open_ = true;
  }
  void end_piece() {
    open_ = false;
    indentation_ = {};
  }

  void blank_lines() {
    if (!pending_blank_) {
      result_.pieces.push_back(
          {tokens_.list[at_].begin - indentation_.size(), result_.text.size()});
    }
    // At the top there is nothing to part, unless what follows would become a directive there.
    pending_blank_ = !result_.text.empty() || has_lookalikes_;
    indentation_ = {};
    ++at_;
  }

  void comment(const Token& token) {
    const std::string_view text = format::trimmed(slice(token));
    const bool in_head = !seen_instruction_;
    if (in_head && has_lookalikes_) {
      result_.text += indentation_;
      result_.text += text;
    } else if (in_head && directives_.contains(line_at(token.begin))) {
      directive(text);
    } else {
      result_.text += text;
    }
    result_.text += '\n';
    end_piece();
  }
  void directive(std::string_view text) {
    const auto found = grammar::directive_of(text);
    if (!found || format::trimmed(found->value).empty()) {
      result_.text += text;
      return;
    }
    result_.text += "# " + found->name + "=";
    result_.text += found->value;
  }

  // A line with nothing but the escape character. The comments behind it are not those above the
  // instruction that follows, and none of them is a directive.
  void lone_continuation(const Token& token) {
    format::Gap gap;
    gap.add(slice(token));
    if (!gap.comments.empty()) begin_piece(token.begin);
    indentation_ = {};
    if (gap.comments.empty()) return;
    result_.text += tokens_.escape;
    result_.text += '\n';
    for (const std::string_view each : gap.comments) {
      result_.text += "    ";
      result_.text += each;
      result_.text += '\n';
    }
  }

  void instruction() {
    seen_instruction_ = true;
    const auto begin = tokens_.list.begin() + static_cast<std::ptrdiff_t>(at_);
    const auto end = std::find_if(begin, tokens_.list.end(), [](const Token& token) {
      return token.kind == Kind::instruction_end;
    });
    const format::InstructionText written =
        format::format_instruction(text_, std::span(begin, end), tokens_.escape);
    result_.text += written.text;
    for (const std::string_view each : written.comments) {
      result_.text += each;
      result_.text += '\n';
    }
    at_ =
        static_cast<std::size_t>(end - tokens_.list.begin()) + (end == tokens_.list.end() ? 0 : 1);
    if (at_ == tokens_.list.size() || !is_heredoc(tokens_.list[at_])) end_piece();
  }
  static bool is_heredoc(const Token& token) {
    return token.kind == Kind::heredoc_line || token.kind == Kind::heredoc_end;
  }

  // Lines belong to a program or a file: they are as they are, carriage returns too.
  void heredoc(const Token& token) {
    if (token.kind == Kind::heredoc_line) {
      result_.text += slice(token);
      return;
    }
    std::string_view line = slice(token);
    while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
    result_.text += line;
    result_.text += '\n';
    if (at_ + 1 == tokens_.list.size() || !is_heredoc(tokens_.list[at_ + 1])) end_piece();
  }

  std::string_view text_;
  std::size_t mark_;
  format::Tokens tokens_;
  std::set<std::uint32_t> directives_;  // their lines
  bool has_lookalikes_ = false;
  std::size_t at_ = 0;
  bool seen_instruction_ = false;
  bool pending_blank_ = false;
  bool open_ = false;  // a piece has begun
  std::string_view indentation_;
  std::uint32_t line_ = 1;
  std::size_t counted_ = 0;
  FormattedDockerfile result_;
};

struct Meaning {
  Digest tree;
  Digest comments;
  bool operator==(const Meaning&) const = default;
};

// A tree is many times as large as its text, so what is compared are hashes.
Meaning meaning_of(const Dockerfile& dockerfile) {
  Hasher tree;
  write_ast_json(
      dockerfile, [&](std::string_view piece) { tree.update(piece); }, AstContent::meaning);
  Hasher comments;
  const std::string_view text = without_mark(dockerfile.source->text);
  for (const Token& token : format::tokens_of(text).list) {
    const std::string_view slice = text.substr(token.begin, token.end - token.begin);
    format::Gap gap;
    if (token.kind == Kind::comment) {
      std::string_view line = slice;
      if (const auto directive = grammar::directive_of(format::trimmed(slice))) {
        line = directive->value;
      }
      gap.comments.push_back(format::trimmed(line));
    } else if (token.kind != Kind::heredoc_line && token.kind != Kind::heredoc_end &&
               slice.find('\n') != std::string_view::npos) {
      format::Gap last;
      for (const format::Line& line : format::lines_of(text, slice, dockerfile.escape, last)) {
        gap.add(line.before);
      }
      gap.add(last);
    }
    for (const std::string_view each : gap.comments) {
      comments.update(each);
      comments.update("\n");
    }
  }
  return {tree.finish(), comments.finish()};
}

}  // namespace

void require_same_meaning(const Dockerfile& before, std::string_view after) {
  const std::string& name = before.source->name;
  std::string detail;
  try {
    const ParsedDockerfile parsed =
        parse_dockerfile(std::make_shared<const SourceFile>(SourceFile{name, std::string(after)}));
    if (meaning_of(before) == meaning_of(parsed.dockerfile)) return;
  } catch (const Error& error) {
    detail = render(error, false);
  }
  throw Error("slipway failed unexpectedly: formatting would change what " + quoted(name) +
              " means")
      .hint("nothing was written; this is a mistake in slipway")
      .detail(std::move(detail));
}

FormattedDockerfile format_dockerfile(const std::shared_ptr<const SourceFile>& source) {
  const ParsedDockerfile parsed = parse_dockerfile(source);
  FormattedDockerfile formatted = FileWriter(*source, parsed.dockerfile).write();
  if (formatted.text != source->text) require_same_meaning(parsed.dockerfile, formatted.text);
  return formatted;
}

}  // namespace slipway
