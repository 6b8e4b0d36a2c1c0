// `# syntax=image`: which frontend a Dockerfile asks for.
#pragma once

#include <ir/source.hpp>

#include <map>
#include <memory>
#include <string>

namespace slipway {

// slipway has one frontend, its own, which is that of docker/dockerfile; it pulls and runs no
// other. Says so where the text, or the build argument BUILDKIT_SYNTAX, names an image: a warning
// for another one, at debug level for docker/dockerfile.
void say_frontend(const std::shared_ptr<const SourceFile>& dockerfile,
                  const std::map<std::string, std::string>& build_args, bool debug, bool quiet);

}  // namespace slipway
