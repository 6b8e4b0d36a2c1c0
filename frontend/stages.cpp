// FROM and ONBUILD.
#include <frontend/flags.hpp>
#include <frontend/instructions.hpp>

#include <ir/letter_case.hpp>


namespace slipway {
namespace {

bool valid_stage_name(const std::string& name) {
  if (name.empty() || name[0] < 'a' || name[0] > 'z') return false;
  return name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_.") == std::string::npos;
}

SourceSpan span_of(const std::vector<Fragment>& words, std::size_t from) {
  SourceSpan span = words[from].span();
  const SourceSpan last = words.back().span();
  span.end_line = last.end_line;
  span.end_column = last.end_column;
  return span;
}

}  // namespace

From read_from(const Statement& statement, const Reading& reading) {
  const Flags flags(statement, {{"platform"}}, reading.escape, reading.report);
  From from;
  if (const auto platform = flags.value("platform")) from.platform = reading.word(*platform);
  const std::vector<Fragment>& words = statement.words;
  if (words.empty()) {
    reading.report.error(statement.name.span(), "FROM needs the name of an image or a stage");
    return from;
  }
  from.image = reading.word(words[0]);
  if (words.size() == 1) return from;
  const bool as = lower_case(words[1].text()) == "as";
  if (words.size() != 3 || !as) {
    if (words.size() == 2 && as) {
      reading.report.error(words[1].span(), "the name of the stage is missing behind AS");
    } else if (words.size() > 3 && as) {
      reading.report.error(span_of(words, 3), "nothing may follow the name of the stage");
    } else {
      reading.report.error(span_of(words, 1), "FROM takes an image, and perhaps AS and a name",
                           "write FROM IMAGE AS NAME");
    }
    return from;
  }
  from.as = Name{words[1].text(), words[1].span()};
  from.alias = Name{words[2].text(), words[2].span()};
  if (!valid_stage_name(lower_case(from.alias->text))) {
    reading.report.error(words[2].span(),
                         "invalid name for a stage: " + quoted(from.alias->text),
                         "it begins with a letter; letters, digits, - _ and . may follow");
  }
  return from;
}

Onbuild read_onbuild(const Statement& statement, const Reading& reading) {
  refuse_flags(statement, reading.escape, reading.report);
  Onbuild onbuild;
  if (statement.rest.empty()) {
    reading.report.error(statement.name.span(), "ONBUILD needs an instruction");
    return onbuild;
  }
  Statement trigger = read_line(statement.rest, reading.escape);
  trigger.bodies = statement.bodies;
  switch (trigger.keyword) {
    case Keyword::onbuild:
      reading.report.error(trigger.name.span(), "ONBUILD cannot hold another ONBUILD");
      return onbuild;
    case Keyword::from:
    case Keyword::maintainer:
      reading.report.error(trigger.name.span(),
                           trigger.name.text() + " is not allowed as an ONBUILD trigger");
      return onbuild;
    default:
      break;
  }
  // Docker stores most mistakes and only meets them in the next build: they are warnings here.
  reading.report.set_in_trigger(true);
  read_instruction(trigger, reading);
  reading.report.set_in_trigger(false);

  onbuild.trigger = statement.rest.text();
  const bool has_heredocs = trigger.keyword == Keyword::run || trigger.keyword == Keyword::copy ||
                            trigger.keyword == Keyword::add;
  if (has_heredocs && !trigger.bodies.empty()) {
    const auto heredocs = read_heredocs(trigger, false, {reading.escape, reading.report});
    for (std::size_t i = 0; i < heredocs.size(); ++i) {
      onbuild.trigger += "\n" + trigger.bodies[i].content.text() + heredocs[i].name;
    }
  }
  return onbuild;
}

}  // namespace slipway
