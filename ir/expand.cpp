#include <ir/code_point.hpp>
#include <ir/error.hpp>
#include <ir/expand.hpp>
#include <ir/glob.hpp>
#include <ir/nearest.hpp>

#include <algorithm>
#include <utility>

namespace slipway {
namespace {

// Deeper nesting than any Dockerfile has, and less than a thread's stack allows.
constexpr std::size_t deepest_nesting = 1000;

// What variables may add to one word, bytes. Ten lines of ARG A=$A$A$A$A would fill any memory; no
// program can be started with a variable of more than 128 KiB.
constexpr std::size_t largest_value = 1 << 20;

void require_bounded(std::size_t size) {
  if (size > largest_value) throw Error("the variables' values are longer than 1 MiB together");
}

// A piece of the result, and whether white space in it separates words.
struct Piece {
  std::string text;
  bool splits = false;
};

class Expander {
 public:
  Expander(const Scope& scope, Expansion& result) : scope_(scope), result_(result) {}

  std::vector<Piece> pieces(const Word& word) {
    if (word.failed) throw UnknownValue();
    std::vector<Piece> pieces;
    pieces.reserve(word.parts.size());
    std::size_t expanded = 0;
    for (const WordPart& part : word.parts) {
      if (const auto* literal = std::get_if<Literal>(&part)) {
        pieces.push_back({literal->text, !literal->quoted});
      } else {
        const auto& variable = std::get<Variable>(part);
        pieces.push_back({value(variable), !variable.quoted});
        expanded += pieces.back().text.size();
        try {
          require_bounded(expanded);
        } catch (Error& error) {
          throw std::move(error.at(variable.span));
        }
      }
    }
    return pieces;
  }

  std::string text(const Word& word) {
    std::string text;
    for (Piece& piece : pieces(word)) text += piece.text;
    return text;
  }

 private:
  // The operand is evaluated whether its value is needed or not, as BuildKit does: a mistake in
  // ${A:-${B:?message}} is one also where A has a value.
  std::string operand(const std::shared_ptr<const Word>& word) {
    return word == nullptr ? std::string() : text(*word);
  }

  std::string value(const Variable& variable) {
    if (++depth_ > deepest_nesting)
      throw Error("variables are nested too deeply").at(variable.span);
    const std::string word = operand(variable.operand);
    const std::string replacement = operand(variable.replacement);
    --depth_;

    if (scope_.is_unknown(variable.name)) throw UnknownValue();
    const std::optional<std::string_view> found = scope_.find(variable.name);
    const std::string current(found.value_or(""));
    const bool missing = !found || (variable.colon && found->empty());
    result_.used.insert(variable.name);
    if (!found) result_.unset.try_emplace(variable.name, variable.span);
    using Operator = Variable::Operator;
    switch (variable.op) {
      case Operator::default_value:
        return missing ? word : current;
      case Operator::alternative:
        return missing ? std::string() : word;
      case Operator::required:
        if (!missing) return current;
        throw Error(variable.name + ": " +
                    (!word.empty() ? word
                     : found       ? "is not allowed to be empty"
                                   : "is not allowed to be unset"))
            .at(variable.span)
            .hint(found ? std::string() : did_you_mean(variable.name, scope_.names()));
      default:
        break;
    }
    if (variable.op == Operator::none) return current;
    try {
      return changed(variable.op, current, word, replacement);
    } catch (Error& error) {
      throw std::move(error.at(variable.span));
    }
  }

  static std::string changed(Variable::Operator op, const std::string& value, std::string pattern,
                             const std::string& replacement) {
    using Operator = Variable::Operator;
    if (op == Operator::replace_first || op == Operator::replace_all)
      return replaced(value, Glob(pattern), replacement, op == Operator::replace_all);

    const bool front = op == Operator::remove_prefix || op == Operator::remove_long_prefix;
    bool longest = op == Operator::remove_long_prefix || op == Operator::remove_long_suffix;
    // A '#' or '%' at the front of the operand's value counts as the operator's second character
    // also where it came out of a variable. So BuildKit reads it.
    if (!longest && pattern.starts_with(front ? '#' : '%')) {
      pattern.erase(0, 1);
      longest = true;
    }
    if (front) return value.substr(Glob(pattern).prefix(value, longest).value_or(0));
    const Glob glob = Glob::of_suffix(pattern);
    return value.substr(0, value.size() - glob.suffix(value, longest).value_or(0));
  }

  // In ${v//p/r} a $ that is left in the replacement counts as in a template of Go's: $0 is what
  // matched, another name nothing, $$ a dollar.
  static std::string filled(std::string_view text, std::string_view match) {
    const auto in_name = [](char c) {
      return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
             (c >= 'A' && c <= 'Z') || static_cast<unsigned char>(c) >= 0x80;
    };
    std::string result;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t dollar = std::min(text.find('$', at), text.size());
      result += text.substr(at, dollar - at);
      if (dollar == text.size()) break;
      at = dollar + 1;
      if (at < text.size() && text[at] == '$') {
        result += '$';
        ++at;
        continue;
      }
      const bool braces = at < text.size() && text[at] == '{';
      const std::size_t begin = at + (braces ? 1 : 0);
      std::size_t end = begin;
      while (end < text.size() && in_name(text[end])) ++end;
      if (end == begin || (braces && (end == text.size() || text[end] != '}'))) {
        result += '$';
        continue;
      }
      if (text.substr(begin, end - begin) == "0") result += match;
      at = end + (braces ? 1 : 0);
    }
    return result;
  }

  static std::string replaced(std::string_view value, const Glob& glob,
                              const std::string& replacement, bool all) {
    std::string result;
    bool after_match = false;  // a match of nothing right behind another one does not count
    for (;;) {
      const auto match = glob.find(value);
      if (!match) break;
      const auto [offset, length] = *match;
      result += value.substr(0, offset);
      if (length != 0 || offset != 0 || !after_match) {
        result += all ? filled(replacement, value.substr(offset, length)) : replacement;
      }
      value.remove_prefix(offset + length);
      require_bounded(result.size());
      after_match = length != 0;
      if (!all) break;
      if (length == 0) {
        if (value.empty()) break;
        const std::size_t one = decode(value).length;
        result += value.substr(0, one);
        value.remove_prefix(one);
      }
    }
    return result += value;
  }

  const Scope& scope_;
  Expansion& result_;
  std::size_t depth_ = 0;
};

bool is_blank(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

}  // namespace

void Scope::set(std::string name, std::string value) {
  unknown_.erase(name);
  values_.insert_or_assign(std::move(name), std::move(value));
}

void Scope::unset(std::string_view name) {
  if (const auto place = values_.find(name); place != values_.end()) values_.erase(place);
}

void Scope::set_unknown(std::string name) {
  values_.erase(name);
  unknown_.insert(std::move(name));
}

bool Scope::is_unknown(std::string_view name) const {
  return unknown_.contains(name) || (rest_unknown_ && !values_.contains(name));
}

std::optional<std::string_view> Scope::find(std::string_view name) const {
  const auto place = values_.find(name);
  if (place == values_.end()) return std::nullopt;
  return place->second;
}

std::vector<std::string> Scope::names() const {
  std::vector<std::string> names;
  names.reserve(values_.size());
  for (const auto& [name, value] : values_) names.push_back(name);
  return names;
}

Expansion expand(const Word& word, const Scope& scope) {
  Expansion result;
  result.text = Expander(scope, result).text(word);
  return result;
}

std::vector<std::string> expand_list(const Word& word, const Scope& scope) {
  Expansion unused;
  std::vector<std::string> words;
  std::string current;
  const auto finish = [&] {
    if (!current.empty()) words.push_back(std::exchange(current, {}));
  };
  for (const Piece& piece : Expander(scope, unused).pieces(word)) {
    for (const char c : piece.text) {
      if (piece.splits && is_blank(c)) {
        finish();
      } else {
        current += c;
      }
    }
  }
  finish();
  return words;
}

}  // namespace slipway
