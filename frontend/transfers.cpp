// COPY and ADD.
#include <frontend/flags.hpp>
#include <frontend/instructions.hpp>
#include <frontend/json_form.hpp>

#include <grammar/heredocs.hpp>

#include <algorithm>

namespace slipway {
namespace {

std::optional<Word> optional_word(const Flags& flags, std::string_view name,
                                  const Reading& reading) {
  const auto value = flags.value(name);
  if (!value) return std::nullopt;
  return reading.word(*value);
}

void read_files(const Statement& statement, const Flags& flags, const Reading& reading,
                FileTransfer& transfer) {
  transfer.chown = optional_word(flags, "chown", reading);
  transfer.chmod = optional_word(flags, "chmod", reading);
  transfer.link = flags.boolean("link").value_or(false);
  for (const Fragment& pattern : flags.list("exclude")) {
    transfer.exclude.push_back(plain_word(pattern));  // docker expands nothing here
  }
  std::vector<Fragment> words = statement.words;
  const auto form = json_form_of(statement, reading.report);
  std::vector<std::string> values;
  if (form) {
    if (!form->only_strings) return;
    words = form->fragments;
    values = form->values;
  }
  const std::string& keyword = statement.name.text();
  std::vector<Heredoc> heredocs = read_heredocs(statement, true, reading);
  if (words.size() < 2) {
    reading.report.error(words.empty() ? statement.name.span() : words[0].span(),
                         keyword + " needs a source and a destination",
                         words.empty() ? "" : "write the destination behind the source");
    return;
  }
  if (!form && grammar::heredoc_of_word(words.back().text())) {
    reading.report.error(words.back().span(),
                         keyword + " cannot have a heredoc as its destination");
    return;
  }
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto opening = form ? std::nullopt : grammar::heredoc_of_word(words[i].text());
    if (opening) {
      const auto body = std::find_if(heredocs.begin(), heredocs.end(), [&](const Heredoc& each) {
        return each.name == opening->name;
      });
      if (body != heredocs.end()) transfer.heredocs.push_back(*body);
      continue;
    }
    // A JSON string with escapes in it: its value, and for messages its place as a whole.
    Word word = form && values[i] != words[i].text()
                    ? reading.word(Fragment(values[i], words[i].span()))
                    : reading.word(words[i]);
    if (i + 1 == words.size()) {
      transfer.destination = std::move(word);
    } else {
      transfer.sources.push_back(std::move(word));
    }
  }
}

}  // namespace

Copy read_copy(const Statement& statement, const Reading& reading) {
  const Flags flags(statement,
                    {{"from"},
                     {"chown"},
                     {"chmod"},
                     {"link", FlagRule::Kind::boolean},
                     {"parents", FlagRule::Kind::boolean},
                     {"exclude", FlagRule::Kind::list}},
                    reading.escape, reading.report);
  Copy copy;
  read_files(statement, flags, reading, copy);
  if (const auto from = flags.value("from"); from && !from->empty()) {
    copy.from = plain_word(*from);
    // Not expanded: the stages a stage depends on are known before any variable is.
    const Word word = reading.word(*from);
    const auto* text = word.parts.size() == 1 ? std::get_if<Literal>(&word.parts[0]) : nullptr;
    if (!word.parts.empty() && (text == nullptr || text->text != from->text())) {
      reading.report.error(
          from->span(), "--from takes a name as it is, without variables",
          "put ARG NAME before the first FROM, then FROM $NAME AS x, and --from=x");
    }
  }
  copy.parents = flags.boolean("parents").value_or(false);
  return copy;
}

Add read_add(const Statement& statement, const Reading& reading) {
  const Flags flags(statement,
                    {{"chown"},
                     {"chmod"},
                     {"link", FlagRule::Kind::boolean},
                     {"keep-git-dir", FlagRule::Kind::boolean},
                     {"checksum"},
                     {"unpack", FlagRule::Kind::boolean},
                     {"exclude", FlagRule::Kind::list}},
                    reading.escape, reading.report);
  Add add;
  read_files(statement, flags, reading, add);
  add.keep_git_dir = flags.boolean("keep-git-dir");
  add.checksum = optional_word(flags, "checksum", reading);
  add.unpack = flags.boolean("unpack");
  return add;
}

}  // namespace slipway
