// ARG, ENV and LABEL.
#include <frontend/flags.hpp>
#include <frontend/instructions.hpp>

#include <algorithm>

namespace slipway {
namespace {

// name=value ..., or the old form: one name, white space, and all the rest of the line.
// `Pairs` is Env or Label, which hold the same.
template <class Pairs>
Pairs read_pairs(const Statement& statement, const Reading& reading) {
  refuse_flags(statement, reading.escape, reading.report);
  Pairs result;
  auto& pairs = result.pairs;
  const std::string& keyword = statement.name.text();
  if (statement.words.empty()) {
    reading.report.error(statement.name.span(), keyword + " needs a name and a value",
                         "write " + keyword + " NAME=VALUE");
    return result;
  }
  if (statement.words[0].text().find('=') == std::string::npos) {
    const std::string& text = statement.rest.text();
    const std::size_t name_end = text.find_first_of(" \t\v\f\r");
    if (name_end == std::string::npos) {
      reading.report.syntax(statement.rest.span(),
                            keyword + " needs a value for " + quoted(statement.rest.text()),
                            "write " + keyword + " NAME=VALUE");
      return result;
    }
    const std::size_t value = text.find_first_not_of(" \t\v\f\r", name_end);
    result.old_form = true;
    pairs.emplace_back(reading.word(statement.rest.slice(0, name_end)),
                       reading.word(statement.rest.slice(value, text.size())));
    return result;
  }
  for (const Fragment& word : statement.words) {
    const std::size_t equals = word.text().find('=');
    if (equals == std::string::npos) {
      // A brace that does not end reaches into the words behind it.
      if (!pairs.empty() && pairs.back().second.failed) continue;
      reading.report.syntax(word.span(), "there is no = in " + quoted(word.text()),
                            "write NAME=VALUE, and put a value with blanks into quotes");
      continue;
    }
    if (equals == 0) {
      reading.report.error(word.span(), "the name before = is missing");
      continue;
    }
    pairs.emplace_back(reading.word(word.slice(0, equals)),
                       reading.word(word.slice(equals + 1, word.size())));
  }
  return result;
}

}  // namespace

Arg read_arg(const Statement& statement, const Reading& reading) {
  ignore_flags(statement, reading.report);
  Arg arg;
  if (statement.words.empty()) {
    reading.report.error(statement.name.span(), "ARG needs a name");
  }
  for (const Fragment& word : statement.words) {
    const std::size_t equals = std::min(word.text().find('='), word.size());
    if (equals == 0) {
      reading.report.error(word.span(), "the name before = is missing");
      continue;
    }
    Arg::Item item{word.text().substr(0, equals), std::nullopt, word.span()};
    if (equals < word.size()) {
      item.default_value = reading.word(word.slice(equals + 1, word.size()));
    }
    arg.items.push_back(std::move(item));
  }
  return arg;
}

Env read_env(const Statement& statement, const Reading& reading) {
  return read_pairs<Env>(statement, reading);
}

Label read_label(const Statement& statement, const Reading& reading) {
  return read_pairs<Label>(statement, reading);
}

}  // namespace slipway
