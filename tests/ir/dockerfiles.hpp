// Dockerfiles, built by hand, for tests of lower() that need no parser; and a store of images.
#pragma once

#include "words.hpp"

#include <ir/instruction.hpp>
#include <ir/lower.hpp>

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace slipway::testing {

// A place that messages can be told apart by.
inline SourceSpan at_line(std::uint32_t line) {
  static const auto file = std::make_shared<const SourceFile>(SourceFile{"Dockerfile", ""});
  return {file, line, 1, line, 2};
}

inline Word placed(Word word, std::uint32_t line = 1) {
  word.span = at_line(line);
  return word;
}

class DockerfileBuilder {
 public:
  DockerfileBuilder& global_arg(std::string name, std::optional<Word> value = std::nullopt) {
    dockerfile_.global_args.push_back({Arg{{{std::move(name), std::move(value), {}}}}, "ARG", {}});
    return *this;
  }
  DockerfileBuilder& from(Word image, std::string alias = "") {
    Stage stage;
    stage.from.image = placed(std::move(image), ++line_);
    if (!alias.empty()) stage.from.alias = Name{std::move(alias), at_line(line_)};
    stage.span = at_line(line_);
    dockerfile_.stages.push_back(std::move(stage));
    return *this;
  }
  DockerfileBuilder& add(InstructionKind kind, std::string text) {
    dockerfile_.stages.back().instructions.push_back(
        {std::move(kind), std::move(text), at_line(++line_)});
    return *this;
  }
  DockerfileBuilder& run(const std::string& command) {
    Run run;
    run.command.arguments = {command};
    return add(std::move(run), "RUN " + command);
  }
  DockerfileBuilder& env(Word name, Word value) {
    return add(Env{{{std::move(name), std::move(value)}}}, "ENV");
  }
  DockerfileBuilder& arg(std::string name, std::optional<Word> value = std::nullopt) {
    return add(Arg{{{std::move(name), std::move(value), {}}}}, "ARG");
  }
  DockerfileBuilder& copy(std::vector<Word> sources, Word destination,
                          std::optional<Word> from = std::nullopt) {
    Copy copy;
    copy.sources = std::move(sources);
    copy.destination = std::move(destination);
    if (from) copy.from = placed(*from, line_ + 1);
    return add(std::move(copy), "COPY");
  }
  const Dockerfile& get() const { return dockerfile_; }
  Dockerfile& get() { return dockerfile_; }

 private:
  Dockerfile dockerfile_;
  std::uint32_t line_ = 0;
};

// Images by reference, and who asked for what.
struct ImageShelf {
  std::map<std::string, ResolvedImage> images;
  std::vector<std::string> asked;

  ImageShelf& put(const std::string& reference, ImageConfig config = {}) {
    ResolvedImage image;
    image.reference = "docker.io/library/" + reference;
    image.config = std::move(config);
    images[reference] = std::move(image);
    return *this;
  }
  ResolveImage resolver() {
    return [this](const ImageRequest& request) {
      asked.push_back(request.reference);
      const auto found = images.find(request.reference);
      if (found == images.end())
        throw Error("image " + slipway::quoted(request.reference) + " does not exist");
      // Every image is there for every platform, and is another one on each.
      ResolvedImage image = found->second;
      image.id = sha256(request.reference + " " + request.platform.text());
      image.config.platform = request.platform;
      return image;
    };
  }
};

inline LowerOptions amd64_options() {
  LowerOptions options;
  options.build_platform = {"linux", "amd64", ""};
  options.target_platform = {"linux", "amd64", ""};
  return options;
}

}  // namespace slipway::testing
