// The heredocs that a line opens, and an instruction with their bodies behind it.
#include "target.hpp"

#include <frontend/parse.hpp>

#include <grammar/heredocs.hpp>

#include <algorithm>
#include <variant>

namespace slipway::fuzz {
namespace {

void require_openings(std::string_view line) {
  std::size_t last = 0;
  for (const grammar::HeredocOpening& each : grammar::heredocs_of(line)) {
    require(last <= each.begin && each.begin < each.end && each.end <= line.size(),
            "openings stand in the line, one behind the other");
    last = each.end;
    const std::string_view word = line.substr(each.begin, each.end - each.begin);
    require(word.find("<<") != std::string_view::npos, "a heredoc is opened by <<");
    const auto alone = grammar::heredoc_of_word(word);
    require(alone && alone->name == each.name && alone->expand == each.expand &&
                alone->strip_tabs == each.strip_tabs,
            "a word opens the same heredoc by itself");
  }
}

// Bodies for all of them: none of their lines is read as an instruction.
void require_bodies(std::string_view line) {
  const std::string instruction = "RUN cat " + std::string(line);
  const auto openings = grammar::heredocs_of(instruction);
  if (openings.empty() || instruction.find_first_of("\n\r\\") != std::string::npos) return;
  std::string text = "FROM a\n" + instruction + "\n";
  for (std::size_t i = 0; i < openings.size(); ++i) {
    text += "body " + std::to_string(i) + "\n" + openings[i].name + "\n";
  }
  const bool one_line = std::all_of(openings.begin(), openings.end(), [](const auto& each) {
    return each.name.find('\n') == std::string::npos && !each.name.starts_with("body ") &&
           !(each.strip_tabs && each.name.starts_with('\t'));
  });
  if (!one_line) return;
  try {
    const ParsedDockerfile parsed = parse_dockerfile(file_of(text));
    require(parsed.dockerfile.stages[0].instructions.size() == 1, "a body holds no instruction");
    const auto& run = std::get<Run>(parsed.dockerfile.stages[0].instructions[0].kind);
    if (!run.command.shell) return;
    require(run.command.heredocs.size() == openings.size(), "every heredoc has a body");
    for (std::size_t i = 0; i < openings.size(); ++i) {
      require(run.command.heredocs[i].content == "body " + std::to_string(i) + "\n",
              "a heredoc's content is what stands above its name");
    }
  } catch (const Error& error) {
    require(!error.diagnostics().empty(), "an error has a mistake");
  }
}

}  // namespace

void try_input(std::string_view input) {
  require_openings(input);
  grammar::may_hold_heredocs(input);
  if (const auto opening = grammar::heredoc_of_word(input)) {
    require(opening->end == input.size(), "a word that opens a heredoc is nothing but that");
  }
  require_bodies(input);
}

}  // namespace slipway::fuzz
