#include "config_changes.hpp"

#include <frontend/parse.hpp>
#include <ir/error.hpp>
#include <ir/lower.hpp>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

namespace slipway {
namespace {

// What an image's config can take from an instruction. The others would need a build.
bool is_change(const Instruction& instruction) {
  return std::visit(
      []<class Kind>(const Kind&) {
        return std::is_same_v<Kind, Cmd> || std::is_same_v<Kind, Entrypoint> ||
               std::is_same_v<Kind, Env> || std::is_same_v<Kind, Expose> ||
               std::is_same_v<Kind, Healthcheck> || std::is_same_v<Kind, Label> ||
               std::is_same_v<Kind, Onbuild> || std::is_same_v<Kind, Shell> ||
               std::is_same_v<Kind, StopSignal> || std::is_same_v<Kind, User> ||
               std::is_same_v<Kind, Volume> || std::is_same_v<Kind, Workdir>;
      },
      instruction.kind);
}

// The line put in front of the changes.
constexpr std::string_view beginning = "FROM image\n";

// With places that count from the first change on.
Error placed_in_changes(const Error& error, const std::shared_ptr<const SourceFile>& source) {
  auto changes = std::make_shared<SourceFile>(*source);
  changes->text.erase(0, beginning.size());
  std::vector<Diagnostic> diagnostics = error.diagnostics();
  for (Diagnostic& each : diagnostics) {
    SourceSpan& span = each.span;
    if (span.file != source) continue;
    if (span.line < 2) {
      span = {};  // of what the user has not written
      continue;
    }
    span.file = changes;
    --span.line;
    if (span.end_line > 1) --span.end_line;
  }
  return Error(std::move(diagnostics), error.omitted());
}

ImageConfig lowered_at(const ImageConfig& base, const std::shared_ptr<const SourceFile>& source) {
  const ParsedDockerfile parsed = parse_dockerfile(source);
  if (parsed.dockerfile.stages.size() != 1) {
    throw Error("--change takes no FROM")
        .at(parsed.dockerfile.stages[1].span)
        .hint("it changes the one image that is made");
  }
  for (const Instruction& instruction : parsed.dockerfile.stages.front().instructions) {
    if (is_change(instruction)) continue;
    throw Error("--change cannot do this")
        .at(instruction.span)
        .hint(
            "CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, SHELL, STOPSIGNAL, USER, "
            "VOLUME and WORKDIR can be given");
  }
  LowerOptions options;
  options.build_platform = host_platform();
  options.target_platform = base.platform;
  ImageConfig config = lower(parsed.dockerfile, options, [&base](const ImageRequest& wanted) {
                         ResolvedImage image;
                         image.reference = wanted.reference;
                         image.config = base;
                         return image;
                       }).config;
  config.platform = base.platform;
  return config;
}

ImageConfig lowered(const ImageConfig& base, const std::vector<std::string>& changes) {
  auto source = std::make_shared<SourceFile>();
  source->name = "--change";
  source->text = beginning;
  for (const std::string& change : changes) source->text += change + "\n";
  try {
    return lowered_at(base, source);
  } catch (const Error& error) {
    throw placed_in_changes(error, source);
  }
}

}  // namespace

ImageConfig changed_config(const ImageConfig& config, const std::vector<std::string>& changes) {
  ImageConfig changed = lowered(config, changes);
  // A build gives an image a PATH if it has none; docker's `import` and `commit` do not.
  for (const std::string& added : lowered(config, {}).env) {
    if (std::find(config.env.begin(), config.env.end(), added) == config.env.end())
      std::erase(changed.env, added);
  }
  return changed;
}

std::int64_t creation_time() {
  const char* const text = std::getenv("SOURCE_DATE_EPOCH");
  if (text == nullptr || *text == '\0') return std::time(nullptr);
  const std::string_view digits(text);
  std::int64_t time = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), time);
  if (error != std::errc() || end != digits.data() + digits.size() || time < 0) {
    throw Error("SOURCE_DATE_EPOCH=" + quoted(digits) + " is no number of seconds");
  }
  return time;
}

}  // namespace slipway
