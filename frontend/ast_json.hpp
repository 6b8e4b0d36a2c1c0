// The syntax tree as JSON: --print=ast --format=json, described by ast.schema.json.
#pragma once

#include <ir/instruction.hpp>

#include <functional>
#include <string_view>

namespace slipway {

enum class AstContent {
  everything,
  // What a build reads: without places, comments, keywords as they were written and whole lines, so
  // that two layouts of one Dockerfile give the same document.
  meaning,
};

// Hands the document to `sink` in pieces. Throws what `sink` throws.
void write_ast_json(const Dockerfile& dockerfile, const std::function<void(std::string_view)>& sink,
                    AstContent content = AstContent::everything);

}  // namespace slipway
