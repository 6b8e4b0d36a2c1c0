#include "dockerfile.hpp"

#include "target.hpp"

#include <frontend/parse.hpp>
#include <ir/dump.hpp>

#include <algorithm>
#include <cctype>
#include <utility>

namespace slipway::fuzz {
namespace {

bool is_keyword(std::string_view keyword, std::string_view text) {
  return !keyword.empty() && text.size() >= keyword.size() &&
         std::equal(keyword.begin(), keyword.end(), text.begin(), [](char written, char capital) {
           return std::toupper(static_cast<unsigned char>(written)) == capital;
         });
}

void require_instruction(const Name& keyword, const std::string& text, const SourceSpan& span,
                         const SourceFile& file) {
  require_inside(span, file);
  require_inside(keyword.span, file);
  require(keyword.span.line == span.line && keyword.span.column == span.column,
          "an instruction begins with its keyword");
  require(is_keyword(keyword.text, text), "an instruction's text begins with its keyword in capitals");
}

// An image for every name, with something in it that a stage inherits.
ResolvedImage image_of(const ImageRequest& request) {
  ResolvedImage image;
  image.reference = "registry.example/" + request.reference;
  image.id = sha256(request.reference);
  image.config.platform = request.platform;
  image.config.env = {"PATH=/usr/bin:/bin", "BASE=of the image"};
  image.config.working_dir = "/base";
  image.config.cmd = {"run"};
  return image;
}

}  // namespace

void require_whole(const Dockerfile& dockerfile) {
  const SourceFile& file = *dockerfile.source;
  require(!dockerfile.stages.empty(), "a Dockerfile has a stage");
  for (const Directive& each : dockerfile.directives) {
    require_inside(each.span, file);
    require(!each.name.empty() && !each.value.empty(), "a directive has a name and a value");
  }
  auto last = std::pair<std::uint32_t, std::uint32_t>(0, 0);
  const auto require_next = [&](const Instruction& each) {
    require_instruction(each.keyword, each.text, each.span, file);
    require(last <= std::pair(each.span.line, each.span.column), "instructions keep their order");
    last = {each.span.end_line, each.span.end_column};
  };
  for (const Instruction& each : dockerfile.global_args) require_next(each);
  for (const Stage& stage : dockerfile.stages) {
    require_instruction(stage.keyword, stage.text, stage.span, file);
    last = {stage.span.end_line, stage.span.end_column};
    for (const Instruction& each : stage.instructions) require_next(each);
  }
}

Lowered lower_anywhere(const Dockerfile& dockerfile) {
  LowerOptions options;
  options.build_platform = {"linux", "amd64", ""};
  options.target_platform = {"linux", "amd64", ""};
  options.parse_triggers = parse_triggers;
  options.granted = every_entitlement();
  return lower(dockerfile, options, image_of);
}

std::optional<Lowered> try_lowering(const Dockerfile& dockerfile) {
  try {
    Lowered lowered = lower_anywhere(dockerfile);
    require(dump(lowered) == dump(lower_anywhere(dockerfile)), "the same tree gives the same graph");
    return lowered;
  } catch (const Error& error) {
    for (const Diagnostic& each : error.diagnostics()) {
      require(!each.message.empty(), "a mistake has a message");
      require(!render(each, "error", false).empty(), "a mistake can be shown");
      // One in a trigger stands in the trigger's text.
      if (each.span.file == dockerfile.source) require_inside(each.span, *dockerfile.source);
    }
    return std::nullopt;
  }
}

}  // namespace slipway::fuzz
