// A Dockerfile's statements in the form in which BuildKit's parser prints its own tree.
#pragma once

#include <string>

namespace slipway::testing {

struct BuildkitOutcome {
  bool refused = false;  // by the parser: what later stages find does not count
  std::string text;      // the dump, or the first mistake
};

// One line an instruction: `(run ["--network=none"] "apt-get update")`. Flags and words are shown
// without and with their quotes, strings quoted as Go does.
BuildkitOutcome buildkit_dump(std::string dockerfile);

}  // namespace slipway::testing
