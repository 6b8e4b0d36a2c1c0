// A Dockerfile in its one canonical form; README.md says which it is.
#pragma once

#include <ir/error.hpp>
#include <ir/instruction.hpp>
#include <ir/source.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

struct FormattedDockerfile {
  // A comment, an instruction, blank lines: whole lines of the old text, and what became of them.
  // Each ends where the next one begins, in both texts.
  struct Piece {
    std::size_t before = 0;  // the bytes at which it begins
    std::size_t after = 0;
  };
  std::string text;
  std::vector<Piece> pieces;
};

// Throws Error with every mistake of the text, as parse_dockerfile() does, and where what was made
// of it would not read to the same. Time and memory are proportional to the text's size.
FormattedDockerfile format_dockerfile(const std::shared_ptr<const SourceFile>& source);

// Throws Error unless `after` reads to what `before` does, and has the same comments in the same
// order: format_dockerfile() gives nothing out that has not been through here.
void require_same_meaning(const Dockerfile& before, std::string_view after);

// What formatting changes, as `diff -u` writes it; empty where nothing is. Linear, because the
// pieces say which lines belong to each other.
std::string unified_diff(const SourceFile& before, const FormattedDockerfile& after);

}  // namespace slipway
