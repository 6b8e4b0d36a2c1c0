#include "mutations.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

namespace slipway::fuzz {
namespace {

bool is_plain(std::string_view text) {
  return !text.empty() &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789") == text.npos;
}

// Two letters swapped, or one doubled where that would change nothing.
std::string misspelt(std::string word) {
  const std::size_t middle = word.size() / 2;
  if (middle > 0 && word[middle - 1] != word[middle]) {
    std::swap(word[middle - 1], word[middle]);
  } else {
    word.insert(middle, 1, word[middle]);
  }
  return word;
}

class Finder {
 public:
  explicit Finder(const Dockerfile& dockerfile)
      : text_(dockerfile.source->text), file_(dockerfile.source.get()) {
    starts_.push_back(text_.starts_with("\xef\xbb\xbf") ? 3 : 0);
    for (std::size_t at = 0; at < text_.size(); ++at)
      if (text_[at] == '\n') starts_.push_back(at + 1);
    for (const Instruction& each : dockerfile.global_args) visit(each);
    for (const Stage& stage : dockerfile.stages) {
      keyword(stage.keyword);
      flag(stage.keyword, stage.text);
      if (on_one_line(stage.span)) dropped(stage.keyword, stage.span);
      for (const Instruction& each : stage.instructions) visit(each);
    }
  }

  const std::map<std::string, std::vector<Mutant>>& found() const { return found_; }

 private:
  // Columns are bytes where a line has ASCII only; others are left alone.
  std::optional<std::size_t> offset(std::uint32_t line, std::uint32_t column) const {
    const std::size_t start = starts_[line - 1];
    const std::size_t end = std::min(text_.find('\n', start), text_.size());
    for (std::size_t at = start; at < end; ++at)
      if (static_cast<unsigned char>(text_[at]) >= 0x80) return std::nullopt;
    return start + column - 1;
  }
  std::string_view rest_of_line(std::size_t at) const {
    return std::string_view(text_).substr(at, std::min(text_.find('\n', at), text_.size()) - at);
  }
  static bool on_one_line(const SourceSpan& span) { return span.line == span.end_line; }

  void add(const char* kind, std::size_t at, std::size_t size, const std::string& with,
           std::uint32_t line, std::uint32_t column) {
    found_[kind].push_back({kind, std::string(text_).replace(at, size, with), line, column});
  }

  void keyword(const Name& name) {
    const auto at = offset(name.span.line, name.span.column);
    if (!at || text_.compare(*at, name.text.size(), name.text) != 0) return;  // over two lines
    add("misspelt keyword", *at, name.text.size(), misspelt(name.text), name.span.line,
        name.span.column);
  }

  // The first thing behind the keyword, on its line, if it is a flag.
  void flag(const Name& name, std::string_view text) {
    const auto keyword = offset(name.span.line, name.span.column);
    // These do not look at flags.
    const bool without = text.starts_with("ARG") || text.starts_with("STOPSIGNAL") ||
                         text.find(" NONE") != text.npos;
    if (!keyword || without) return;
    const std::string_view rest = rest_of_line(*keyword + name.text.size());
    const std::size_t begin = rest.find_first_not_of(" \t");
    if (begin == rest.npos || !rest.substr(begin).starts_with("--")) return;
    const std::string_view flag =
        rest.substr(begin, std::min(rest.find_first_of(" \t\r", begin), rest.size()) - begin);
    // Quotes and escapes would move what is in it, and a mount of which a part stands elsewhere
    // too.
    if (flag.find_first_of("\"'\\`$") != flag.npos) return;
    const std::size_t at = *keyword + name.text.size() + begin;
    const auto column = static_cast<std::uint32_t>(name.span.column + name.text.size() + begin);
    const std::size_t equals = std::min(flag.find('='), flag.size());
    if (equals > 3)
      add("misspelt flag", at + 2, equals - 2, misspelt(std::string(flag.substr(2, equals - 2))),
          name.span.line, column);
    if (flag.starts_with("--mount=")) mount(flag, at, name.span.line, column);
    // What is no plain word is an image, and there is one of every such name.
    if (flag.starts_with("--from=") && flag.size() > 9 && flag.find_first_of(":/@") == flag.npos)
      add("misspelt stage", at + 7, flag.size() - 7, misspelt(std::string(flag.substr(7))),
          name.span.line, column + 7);
  }

  void mount(std::string_view flag, std::size_t at, std::uint32_t line, std::uint32_t column) {
    for (const std::string_view key : {"target=", "sharing=", "readonly="}) {
      const std::size_t place = flag.find("," + std::string(key));
      if (place == flag.npos) continue;
      add("misspelt mount key", at + place + 1, key.size() - 1,
          misspelt(std::string(key.substr(0, key.size() - 1))), line,
          column + static_cast<std::uint32_t>(place) + 1);
    }
    const std::size_t type = flag.find("type=");
    if (type == flag.npos) return;
    const std::size_t begin = type + 5;
    const std::size_t end = std::min(flag.find(',', begin), flag.size());
    add("misspelt mount type", at + begin, end - begin,
        misspelt(std::string(flag.substr(begin, end - begin))), line,
        column + static_cast<std::uint32_t>(begin));
  }

  // A quote or brace is opened in front of a word; nothing behind it may close it.
  void word(const Word& word, const Instruction& instruction) {
    if (!is_plain(word.text) || word.span.file.get() != file_ || !on_one_line(word.span)) return;
    const auto at = offset(word.span.line, word.span.column);
    if (!at || text_.compare(*at, word.text.size(), word.text) != 0) return;
    if (instruction.text.find_first_of("\"'${}\\`[") != std::string::npos) return;
    add("unclosed quote", *at, 0, "\"", word.span.line, word.span.column);
    add("unclosed brace", *at, 0, "${", word.span.line, word.span.column);
  }

  void heredocs(const std::vector<Heredoc>& heredocs, const SourceSpan& span) {
    if (heredocs.empty()) return;
    const Heredoc& last = heredocs.back();
    const std::size_t begin = starts_[span.end_line - 1];
    const std::size_t end = std::min(text_.find('\n', begin), text_.size() - 1) + 1;
    // A later line that ends it is one too many.
    if (text_.find(last.name, end) != std::string::npos || last.span.file.get() != file_) return;
    if (!offset(last.span.line, 1)) return;
    add("unclosed heredoc", begin, end - begin, "", last.span.line, last.span.column);
  }

  void dropped(const Name& name, const SourceSpan& span) {
    const auto at = offset(span.line, span.column);
    if (!at || text_.compare(*at, name.text.size(), name.text) != 0) return;
    std::string_view rest = rest_of_line(*at + name.text.size());
    if (rest.ends_with('\r')) rest.remove_suffix(1);
    add("dropped arguments", *at + name.text.size(), rest.size(), "", span.line, span.column);
  }

  void visit(const Instruction& each) {
    keyword(each.keyword);
    flag(each.keyword, each.text);
    // These may stand alone.
    const bool commands = std::holds_alternative<Run>(each.kind) ||
                          std::holds_alternative<Cmd>(each.kind) ||
                          std::holds_alternative<Entrypoint>(each.kind);
    if (!commands && on_one_line(each.span)) dropped(each.keyword, each.span);
    if (const auto* env = std::get_if<Env>(&each.kind); env != nullptr && !env->old_form) {
      for (const auto& [name, value] : env->pairs) word(value, each);
    } else if (const auto* workdir = std::get_if<Workdir>(&each.kind)) {
      word(workdir->path, each);
    } else if (const auto* user = std::get_if<User>(&each.kind)) {
      word(user->user, each);
    } else if (const auto* copy = std::get_if<Copy>(&each.kind)) {
      for (const Word& source : copy->sources) word(source, each);
      heredocs(copy->heredocs, each.span);
    } else if (const auto* run = std::get_if<Run>(&each.kind)) {
      heredocs(run->command.heredocs, each.span);
    } else if (const auto* expose = std::get_if<Expose>(&each.kind)) {
      for (const Word& port : expose->ports) word(port, each);
    }
  }

  const std::string& text_;
  const SourceFile* file_;
  std::vector<std::size_t> starts_;
  std::map<std::string, std::vector<Mutant>> found_;
};

}  // namespace

std::vector<Mutant> mutants(const Dockerfile& dockerfile, Choices& choices) {
  std::vector<Mutant> chosen;
  const Finder finder(dockerfile);
  for (const auto& [kind, list] : finder.found())
    chosen.push_back(list[choices.below(std::min<std::size_t>(list.size(), 256))]);
  return chosen;
}

}  // namespace slipway::fuzz
