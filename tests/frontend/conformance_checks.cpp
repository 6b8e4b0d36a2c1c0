#include "conformance_checks.hpp"

#include "ir/dockerfiles.hpp"

#include <frontend/checks/check.hpp>

#include <algorithm>
#include <array>
#include <sstream>

namespace slipway::testing {
namespace {

struct Wanted {
  OwnChecks own = OwnChecks::harm;  // as --check
  LowerOptions options = amd64_options();
};

Wanted wanted_by(const std::vector<std::string>& expected) {
  Wanted wanted;
  wanted.options.all_stages = true;
  wanted.options.granted = every_entitlement();
  std::string ignore;
  for (const std::string& line : expected) {
    std::istringstream words(line);
    std::string word;
    words >> word;
    if (word == "ignore") ignore += line.substr(word.size() + 1) + "\n";
    if (word != "check") continue;
    while (words >> word) {
      const std::size_t equals = word.find('=');
      if (word.starts_with("--target=")) {
        wanted.options.target = word.substr(equals + 1);
        wanted.options.all_stages = false;
      } else if (equals != word.npos) {
        wanted.options.build_args[word.substr(0, equals)] = word.substr(equals + 1);
      } else if (word == "all") {
        wanted.own = OwnChecks::taste;
      } else if (word == "build") {
        wanted.own = OwnChecks::none;
        wanted.options.all_stages = false;
      } else {
        throw Error("check does not know " + quoted(word));
      }
    }
  }
  wanted.options.ignore = parse_dockerignore(ignore);
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

CheckOutcome check(const ParsedDockerfile& read, const std::vector<std::string>& expected) {
  const Wanted wanted = wanted_by(expected);
  Checked checked = check_dockerfile(read, wanted.options, wanted.own, images());
  return {as_lines(checked.findings), std::move(checked.mistakes), std::move(checked.warnings)};
}

}  // namespace slipway::testing
