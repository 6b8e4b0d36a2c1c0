// Which heredocs a line opens (docs/reference.md of moby/buildkit, "Here-documents").
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::grammar {

struct HeredocOpening {
  std::string name;         // what the terminating line says, quotes and escapes taken away
  bool strip_tabs = false;  // <<-
  bool expand = true;       // nothing in the name was quoted
  std::size_t begin = 0;    // bytes of the word in its line: <<NAME, with digits before it
  std::size_t end = 0;

  bool operator==(const HeredocOpening&) const = default;
};

// True for a line whose instruction can have heredocs: RUN, COPY, ADD, one of them behind ONBUILD,
// and unknown ones.
bool may_hold_heredocs(std::string_view line);

// The heredocs of a line of RUN, COPY or ADD, continuations already joined. Like docker's, a line
// whose quotes or substitutions do not end opens none.
std::vector<HeredocOpening> heredocs_of(std::string_view line);

// The heredoc that one word opens, if it does.
std::optional<HeredocOpening> heredoc_of_word(std::string_view word);

}  // namespace slipway::grammar
