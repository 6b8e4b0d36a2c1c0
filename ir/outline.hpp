// What a build of a stage can be given: --call=outline.
#pragma once

#include <ir/source.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace slipway {

struct Outline {
  struct Argument {
    std::string name;
    std::string description;
    std::string value;  // in this build; empty: none
    SourceSpan lines;   // of the ARG
  };
  // A secret or an SSH agent that a RUN asks for.
  struct Need {
    std::string name;
    bool required = false;
    SourceSpan lines;  // of the RUN
  };

  std::string name;  // of the stage, in lower case; empty: it has none
  std::string description;
  // Each sorted by place, and each name once: as the stage has it, else what it is made from.
  std::vector<Argument> args;
  std::vector<Need> secrets;
  std::vector<Need> ssh;
  std::vector<Need> caches;
};

// What the comment above an ARG or a stage says about `name`: the rest of the first line that
// begins with it. Empty if none does.
std::string description_of(const std::vector<std::string>& comments, std::string_view name);

}  // namespace slipway
