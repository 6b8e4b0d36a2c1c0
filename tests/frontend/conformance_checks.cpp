#include "conformance_checks.hpp"

#include "ir/dockerfiles.hpp"

#include <frontend/checks/settings.hpp>
#include <frontend/checks/text.hpp>
#include <frontend/parse.hpp>
#include <ir/checks/findings.hpp>
#include <ir/lower.hpp>

#include <algorithm>
#include <array>
#include <sstream>

namespace slipway::testing {
namespace {

struct Wanted {
  bool own = true;  // slipway's rules too, in all stages; as --check
  bool taste = false;
  LowerOptions options = amd64_options();
  std::string ignore;
};

Wanted wanted_by(const std::vector<std::string>& expected) {
  Wanted wanted;
  for (const std::string& line : expected) {
    std::istringstream words(line);
    std::string word;
    words >> word;
    if (word == "ignore") wanted.ignore += line.substr(word.size() + 1) + "\n";
    if (word != "check") continue;
    while (words >> word) {
      const std::size_t equals = word.find('=');
      if (equals != word.npos) {
        wanted.options.build_args[word.substr(0, equals)] = word.substr(equals + 1);
      } else if (word == "all") {
        wanted.taste = true;
      } else if (word == "build") {
        wanted.own = false;
      } else {
        throw Error("check does not know " + quoted(word));
      }
    }
  }
  wanted.options.all_stages = wanted.own;
  wanted.options.ignore = parse_dockerignore(wanted.ignore);
  wanted.options.parse_triggers = parse_triggers;
  return wanted;
}

ResolveImage images() {
  auto shelf = std::make_shared<ImageShelf>();
  shelf->put("debian").put("debian:bookworm").put("alpine").put("busybox");
  return [shelf, has = shelf->resolver()](const ImageRequest& request) {
    if (shelf->images.contains(request.reference)) return has(request);
    ResolvedImage unknown;
    unknown.known = false;
    return unknown;
  };
}

std::vector<std::string> as_lines(const std::vector<Finding>& findings) {
  const auto text = [](std::uint32_t number) { return std::to_string(number); };
  std::vector<std::string> lines;
  for (const Finding& finding : findings) {
    const SourceSpan& span = finding.span;
    lines.push_back("finding " + std::string(finding.rule->name) + " " + text(span.line) + ":" +
                    text(span.column) + "-" + text(span.end_line) + ":" + text(span.end_column) +
                    " " + finding.message);
    const SourceSpan& whole = finding.lines;
    if (whole.line != span.line || whole.end_line != span.end_line)
      lines.push_back("lines " + text(whole.line) + "-" + text(whole.end_line));
    if (!finding.hint.empty()) lines.push_back("hint " + finding.hint);
  }
  return lines;
}

}  // namespace

bool is_check_word(std::string_view word) {
  return word == "check" || word == "ignore";
}

bool asks_for_checks(const std::vector<std::string>& expected) {
  return std::any_of(expected.begin(), expected.end(), [](const std::string& line) {
    const std::string word = line.substr(0, line.find(' '));
    return word == "finding" || is_check_word(word);
  });
}

Checked check(const Dockerfile& dockerfile, const std::vector<std::string>& expected) {
  Wanted wanted = wanted_by(expected);
  Checked checked;
  CheckSettings settings = check_settings(dockerfile, wanted.options.build_args, checked.warnings);
  settings.own = wanted.own;
  settings.taste = wanted.taste;
  Findings findings(settings);
  check_instructions(dockerfile, findings);
  check_file(dockerfile, findings);
  wanted.options.findings = &findings;
  lower(dockerfile, wanted.options, images());
  checked.found = as_lines(findings.take());
  return checked;
}

}  // namespace slipway::testing
