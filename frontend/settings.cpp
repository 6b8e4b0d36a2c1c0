// WORKDIR, USER, EXPOSE, VOLUME, STOPSIGNAL and MAINTAINER: what only changes the image's config.
#include <frontend/flags.hpp>
#include <frontend/instructions.hpp>
#include <frontend/json_form.hpp>

namespace slipway {
namespace {

// The rest of the line as one argument.
const Fragment& one_argument(const Statement& statement, std::string_view what,
                             const Reading& reading) {
  if (statement.rest.empty()) {
    reading.report.error(statement.name.span(),
                         statement.name.text() + " needs " + std::string(what));
  }
  return statement.rest;
}

Word one_word(const Statement& statement, std::string_view what, const Reading& reading) {
  Word word = reading.word(one_argument(statement, what, reading));
  word.failed = word.failed || statement.rest.empty();
  return word;
}

}  // namespace

Workdir read_workdir(const Statement& statement, const Reading& reading) {
  refuse_flags(statement, reading.escape, reading.report);
  return {one_word(statement, "a path", reading)};
}

User read_user(const Statement& statement, const Reading& reading) {
  refuse_flags(statement, reading.escape, reading.report);
  return {one_word(statement, "a user", reading)};
}

StopSignal read_stopsignal(const Statement& statement, const Reading& reading) {
  ignore_flags(statement, reading.report);
  return {one_word(statement, "a signal", reading)};
}

Maintainer read_maintainer(const Statement& statement, const Reading& reading) {
  refuse_flags(statement, reading.escape, reading.report);
  return {one_argument(statement, "a name", reading).text()};
}

Expose read_expose(const Statement& statement, const Reading& reading) {
  refuse_flags(statement, reading.escape, reading.report);
  Expose expose;
  if (statement.words.empty()) {
    reading.report.error(statement.name.span(), "EXPOSE needs a port");
  }
  bool open = false;  // a quote or brace that does not end reaches into the words behind it
  for (const Fragment& port : statement.words) {
    Word word = open ? plain_word(port) : reading.word(port);
    word.failed = open = open || word.failed;
    expose.ports.push_back(std::move(word));
  }
  return expose;
}

Volume read_volume(const Statement& statement, const Reading& reading) {
  refuse_flags(statement, reading.escape, reading.report);
  Volume volume;
  const auto form = json_form_of(statement, reading.report);
  if (form && !form->only_strings) return volume;
  const std::vector<Fragment>& paths = form ? form->fragments : statement.words;
  if (paths.empty()) {
    reading.report.error(statement.name.span(), "VOLUME needs a path");
  }
  for (std::size_t i = 0; i < paths.size(); ++i) {
    const Fragment path = paths[i].trimmed();
    if (path.empty()) {
      reading.report.error(paths[i].span(), "the path of a VOLUME cannot be empty");
    } else if (form && form->values[i] != paths[i].text()) {
      volume.paths.push_back(reading.word(Fragment(form->values[i], path.span())));
    } else {
      volume.paths.push_back(reading.word(path));
    }
  }
  return volume;
}

}  // namespace slipway
