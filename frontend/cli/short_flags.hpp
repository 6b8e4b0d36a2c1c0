// Flags of one letter with an equals sign, as docker's parser (pflag) takes them.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace slipway {

// `-e=A=1` is `-e A=1` and `-i=false` is `--interactive=false`: written so that CLI11, which takes
// the sign for a part of the value, understands them. What stands behind the image of `run` is left
// alone.
void take_equals_signs(const CLI::App& app, std::vector<std::string>& arguments);

}  // namespace slipway
