#include "buildkit_dump.hpp"

#include "cases.hpp"

#include <frontend/flags.hpp>
#include <frontend/instructions.hpp>
#include <frontend/json_form.hpp>
#include <grammar/characters.hpp>

#include <array>
#include <cstdio>
#include <string_view>
#include <vector>

namespace slipway::testing {
namespace {

std::string hex(const char* format, unsigned value) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), format, value);
  return text.data();
}

// Go's strconv.Quote. Of what is not printable beyond ASCII, white space is told apart and no more.
std::string go_quoted(std::string_view text) {
  std::string out = "\"";
  for (std::size_t at = 0; at < text.size();) {
    const grammar::CodePoint point = grammar::decode(text, at);
    static constexpr std::string_view named = "\a\b\f\n\r\t\v\"\\";
    static constexpr std::string_view names = "abfnrtv\"\\";
    const char32_t value = point.value;
    const std::size_t name = value < 0x80 ? named.find(static_cast<char>(value)) : named.npos;
    if (point.stray || (value < 0x20 && name == named.npos) || value == 0x7f) {
      out += hex("\\x%02x", value);
    } else if (name != named.npos) {
      out += '\\';
      out += names[name];
    } else if (value >= 0x80 && (grammar::is_space(value) || value == 0xfeff)) {
      out += hex("\\u%04x", value);
    } else {
      out += text.substr(at, point.length);
    }
    at += point.length;
  }
  return out + '"';
}

std::string lower(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return text;
}

// ENV and LABEL: each name, its value, and what stands between them.
std::vector<std::string> pairs_of(const Statement& statement) {
  std::vector<std::string> found;
  if (statement.words.empty()) return found;
  if (statement.words[0].text().find('=') == std::string::npos) {
    const std::string& rest = statement.rest.text();
    const std::size_t name = std::min(rest.find_first_of(" \t\v\f\r"), rest.size());
    const std::size_t value = std::min(rest.find_first_not_of(" \t\v\f\r", name), rest.size());
    return {rest.substr(0, name), rest.substr(value), ""};
  }
  for (const Fragment& word : statement.words) {
    const std::string& text = word.text();
    const std::size_t equals = std::min(text.find('='), text.size());
    found.insert(found.end(), {text.substr(0, equals),
                               equals < text.size() ? text.substr(equals + 1) : "", "="});
  }
  return found;
}

std::vector<std::string> arguments_of(const Statement& statement, Report& report) {
  std::vector<std::string> found;
  const auto add_words = [&] {
    for (const Fragment& word : statement.words) found.push_back(word.text());
  };
  const auto add_rest = [&] {
    if (!statement.rest.empty()) found.push_back(statement.rest.text());
  };
  switch (statement.keyword) {
    case Keyword::unknown:
      return {""};
    case Keyword::env:
    case Keyword::label:
      return pairs_of(statement);
    case Keyword::from:
    case Keyword::expose:
    case Keyword::arg:
      add_words();
      return found;
    case Keyword::workdir:
    case Keyword::user:
    case Keyword::stopsignal:
    case Keyword::maintainer:
      add_rest();
      return found;
    default:
      break;
  }
  if (statement.keyword == Keyword::healthcheck && !statement.type.empty()) {
    found.push_back(statement.type.text());
  }
  if (const auto form = json_form_of(statement, report)) {
    found.insert(found.end(), form->values.begin(), form->values.end());
  } else if (statement.keyword == Keyword::copy || statement.keyword == Keyword::add ||
             statement.keyword == Keyword::volume) {
    add_words();
  } else {
    add_rest();
  }
  return found;
}

std::string dump(const Statement& statement, char escape, Report& report) {
  std::string out = "(" + lower(statement.name.text());
  std::string flags;
  for (const Fragment& flag : statement.flags) {
    const std::string text = unquoted_flag(flag, escape).text();
    if (text != "--") flags += (flags.empty() ? "" : " ") + go_quoted(text);
  }
  if (!flags.empty()) out += " [" + flags + "]";
  if (statement.keyword == Keyword::onbuild) {
    if (!statement.rest.empty())
      out += " " + dump(read_line(statement.rest, escape), escape, report);
  } else {
    for (const std::string& each : arguments_of(statement, report)) out += " " + go_quoted(each);
  }
  return out + ")";
}

}  // namespace

BuildkitOutcome buildkit_dump(std::string dockerfile) {
  const Fragment text = whole_text(source(std::move(dockerfile)));
  Report report;
  const Statements statements = read_statements(text, report);
  std::string all;
  for (const Statement& statement : statements.list) {
    // As in a trigger: what the parser lets pass is no mistake here.
    report.set_in_trigger(true);
    read_instruction(statement, {statements.escape, report});
    Report again;
    all += dump(statement, statements.escape, again) + "\n";
  }
  if (!report.errors().empty()) return {true, report.errors().front().message};
  if (statements.list.empty()) return {true, "the file has no instructions"};
  return {false, all};
}

}  // namespace slipway::testing
