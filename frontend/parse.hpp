// From a Dockerfile's text to typed instructions.
#pragma once

#include <ir/error.hpp>
#include <ir/instruction.hpp>
#include <ir/mistakes.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

struct ParsedDockerfile {
  Dockerfile dockerfile;
  std::vector<Diagnostic> warnings;
  Mistakes mistakes;  // of the text; while there are any, the Dockerfile is not whole
};

// Reads what can be read, also around mistakes, and never throws because of the text: what to build
// shows all its mistakes at once, with those of values (require_no_mistakes() of ir/lower.hpp).
// Takes time proportional to the text. Thread-safe.
ParsedDockerfile read_dockerfile(std::shared_ptr<const SourceFile> source);

// The same, but throws Error with every mistake of the text, in its order.
ParsedDockerfile parse_dockerfile(std::shared_ptr<const SourceFile> source);

// The image that a text names as the frontend that reads it: `# syntax=image`, the same behind `//`,
// or {"syntax": "image"} where the text is JSON. Its value may go on behind a blank. Looked for
// before anything is parsed, because the rest may be no Dockerfile.
std::optional<Directive> find_syntax(const std::shared_ptr<const SourceFile>& source);

// The ONBUILD triggers of an image, each one instruction; `image` is for messages.
std::vector<Instruction> parse_triggers(const std::vector<std::string>& triggers,
                                        std::string_view image);

// The syntax tree as text, one node a line with its span: --print=ast.
std::string print_ast(const Dockerfile& dockerfile);

// The patterns of a .dockerignore, comments and blank lines taken out, cleaned as docker does.
// ignore_file.hpp has them with their places.
std::vector<std::string> parse_dockerignore(std::string_view text);

}  // namespace slipway
