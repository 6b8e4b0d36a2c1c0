// The directives at the head of a Dockerfile: what they say, and which of them count.
#pragma once

#include <frontend/fragment.hpp>
#include <frontend/statements.hpp>

#include <ir/instruction.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace slipway {

// The directives of a text that count, in their order. `parsed`: the comments that the parser took
// for directives, of which it obeys `escape` alone; syntax and check are found as BuildKit does
// before it parses: behind a shebang too, but not where they are indented.
std::vector<Directive> directives_of(const Fragment& text, const std::vector<Directive>& parsed);

}  // namespace slipway
