// The head of a Dockerfile: directives, comments, and what follows them.
#include "dockerfile.hpp"
#include "target.hpp"

#include <frontend/parse.hpp>

#include <algorithm>

namespace slipway::fuzz {

void try_input(std::string_view input) {
  const auto file = file_of(std::string(input) + "\nFROM a\nWORKDIR /`$A\\$A\n");
  try {
    const Dockerfile dockerfile = parse_dockerfile(file).dockerfile;
    require_whole(dockerfile);
    const auto escape = std::find_if(
        dockerfile.directives.begin(), dockerfile.directives.end(),
        [](const Directive& each) { return each.name == "escape"; });
    const bool said = escape != dockerfile.directives.end();
    require(dockerfile.escape == '\\' || (said && escape->value == "`"),
            "only a directive changes the escape character");
    for (std::size_t i = 1; i < dockerfile.directives.size(); ++i) {
      require(dockerfile.directives[i - 1].span.line <= dockerfile.directives[i].span.line,
              "directives keep their order");
    }
    // What the directives say does not depend on what comes behind them.
    const auto alone = file_of(std::string(input) + "\nFROM b\n");
    const Dockerfile other = parse_dockerfile(alone).dockerfile;
    require(other.directives.size() == dockerfile.directives.size(),
            "directives do not depend on what follows them");
  } catch (const Error& error) {
    for (const Diagnostic& each : error.diagnostics()) {
      require(!each.message.empty(), "a mistake has a message");
      require(!render(each, "error", false).empty(), "a mistake can be shown");
    }
  }
}

}  // namespace slipway::fuzz
