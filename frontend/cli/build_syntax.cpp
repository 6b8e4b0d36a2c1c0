#include "build_syntax.hpp"

#include "command.hpp"

#include <frontend/parse.hpp>
#include <ir/error.hpp>
#include <ir/reference.hpp>

#include <algorithm>
#include <cstdio>
#include <optional>
#include <string_view>

namespace slipway {
namespace {

struct Wanted {
  std::string image;
  SourceSpan span;
};

// What follows the image behind a blank are arguments for it.
std::string first_word(std::string_view text) {
  return std::string(text.substr(0, text.find(' ')));
}

// As BuildKit: the build argument wins over the text.
std::optional<Wanted> wanted_frontend(const std::shared_ptr<const SourceFile>& dockerfile,
                                      const std::map<std::string, std::string>& build_args) {
  const auto given = build_args.find("BUILDKIT_SYNTAX");
  if (given != build_args.end()) {
    std::string_view text = given->second;
    text.remove_prefix(std::min(text.find_first_not_of(" \t\n\v\f\r"), text.size()));
    return Wanted{first_word(text), {}};
  }
  if (const auto syntax = find_syntax(dockerfile)) {
    return Wanted{first_word(syntax->value), syntax->span};
  }
  return std::nullopt;
}

bool is_docker_dockerfile(const std::string& image) {
  try {
    const Reference reference = parse_reference(image);
    return reference.domain == "docker.io" && reference.repository == "docker/dockerfile";
  } catch (const Error&) {
    return false;  // no name of any image
  }
}

}  // namespace

void say_frontend(const std::shared_ptr<const SourceFile>& dockerfile,
                  const std::map<std::string, std::string>& build_args, bool debug, bool quiet) {
  const auto wanted = wanted_frontend(dockerfile, build_args);
  if (!wanted || quiet) return;
  const std::string prefix = wanted->span ? "" : "--build-arg BUILDKIT_SYNTAX: ";
  if (!is_docker_dockerfile(wanted->image)) {
    const Diagnostic warning{prefix + "the frontend " + quoted(wanted->image) +
                                 " is not used: slipway reads the file as a Dockerfile itself",
                             wanted->span,
                             "write docker/dockerfile:1 or nothing, unless other builders need it",
                             {}};
    std::fputs(render(warning, "warning", use_color()).c_str(), stderr);
  } else if (debug) {
    const Diagnostic note{prefix + "the frontend " + quoted(wanted->image) +
                              " is built in: nothing is pulled or run for it",
                          wanted->span,
                          {},
                          {}};
    std::fputs(render(note, "debug", use_color()).c_str(), stderr);
  }
}

}  // namespace slipway
