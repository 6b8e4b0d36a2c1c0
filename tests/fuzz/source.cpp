// A whole Dockerfile: text to AST, AST to text, and the graph of it.
#include "dockerfile.hpp"
#include "target.hpp"

#include <frontend/parse.hpp>
#include <ir/dump.hpp>

namespace slipway::fuzz {

void try_input(std::string_view input) {
  const auto file = file_of(input);
  try {
    const ParsedDockerfile parsed = parse_dockerfile(file);
    require_whole(parsed.dockerfile);
    for (const Diagnostic& each : parsed.warnings) require_shown(each, "warning", *file);
    const std::string tree = print_ast(parsed.dockerfile);
    require(tree == print_ast(parse_dockerfile(file).dockerfile), "the same text gives the same tree");
    try_lowering(parsed.dockerfile);
  } catch (const Error& error) {
    require_shown(error, *file);
  }
}

}  // namespace slipway::fuzz
