#include <ir/checks/findings.hpp>
#include <ir/letter_case.hpp>
#include <ir/lowering/arguments.hpp>
#include <ir/lowering/checks.hpp>
#include <ir/lowering/history.hpp>
#include <ir/lowering/paths.hpp>
#include <ir/reference.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace slipway {
namespace {

// No environment that anybody wrote is larger; looking through all of one for each misspelt
// variable takes the square of a hostile file's length.
constexpr std::size_t most_options = 500;

// A finding of the instruction that the stage is at, at `span`.
void add(const Lowering& lowering, const StageState& stage, std::string_view rule,
         std::string message, const SourceSpan& span, std::string hint = {}) {
  Findings* findings = lowering.options.findings;
  if (findings == nullptr || stage.instruction == nullptr) return;
  const Instruction& instruction = *stage.instruction;
  Finding finding{nullptr, std::move(message), span, instruction.span, std::move(hint)};
  if (stage.in_trigger) {
    // Where it stands is not in this file: what brings it in is.
    finding.lines = stage.plan->stage->span;
    finding.span = stage.plan->stage->from.image.span;
    finding.hint = "in the ONBUILD trigger " + slipway::quoted(instruction.text) + " of the base";
  }
  findings->add(rule, instruction.comments, std::move(finding));
}

bool is_declared(const StageState& stage, std::string_view name) {
  return std::any_of(stage.build_args.begin(), stage.build_args.end(),
                     [&](const auto& arg) { return arg.first == name; });
}

// Whether a word of the name, which "_" divides, is one of `words`.
template <std::size_t count>
bool has_word(std::string_view name, const std::array<std::string_view, count>& words) {
  const std::string lower = lower_case(name);
  for (std::size_t start = 0; start <= lower.size();) {
    const std::size_t end = std::min(lower.find('_', start), lower.size());
    const std::string_view word = std::string_view(lower).substr(start, end - start);
    if (std::find(words.begin(), words.end(), word) != words.end()) return true;
    start = end + 1;
  }
  return false;
}

// Whether distribution/reference takes the text; it knows more kinds of digests than images have.
bool is_image_name(std::string_view text) {
  if (const std::size_t at = text.find('@'); at != text.npos) {
    const std::string_view digest = text.substr(at + 1);
    for (const auto& [algorithm, digits] :
         {std::pair<std::string_view, std::size_t>{"sha384:", 96}, {"sha512:", 128}})
      if (digest.starts_with(algorithm) && digest.size() == algorithm.size() + digits &&
          digest.find_first_not_of("0123456789abcdef", algorithm.size()) == digest.npos)
        text = text.substr(0, at);
  }
  try {
    parse_reference(text);
    return true;
  } catch (const Error&) {
    return false;
  }
}

// "a//b/../c" as Go's filepath.Clean has it, for a path that begins where the context does.
std::string cleaned(std::string_view path) {
  if (path.starts_with('/')) return rooted(path);
  std::size_t above = 0;
  std::vector<std::string_view> names;
  for (std::size_t start = 0; start <= path.size();) {
    const std::size_t end = std::min(path.find('/', start), path.size());
    const std::string_view name = path.substr(start, end - start);
    start = end + 1;
    if (name.empty() || name == ".") continue;
    if (name != "..") {
      names.push_back(name);
    } else if (!names.empty()) {
      names.pop_back();
    } else {
      ++above;
    }
  }
  std::string result;
  for (std::size_t i = 0; i < above; ++i) result += result.empty() ? ".." : "/..";
  for (const std::string_view name : names) {
    if (!result.empty()) result += '/';
    result += name;
  }
  return result.empty() ? "." : result;
}

}  // namespace

std::string value_of(const Lowering& lowering, const StageState& stage, const Word& word) {
  Expansion expansion = expand(word, stage.environment.scope());
  if (stage.unknown_base || lowering.options.findings == nullptr) return std::move(expansion.text);
  for (const auto& [name, span] : expansion.unset) {
    if (is_no_variable(name)) continue;
    if (is_declared(stage, name)) continue;
    const std::string near = stage.environment.size() > most_options
                                 ? std::string()
                                 : suggestion(name, stage.environment.names());
    std::string message = "Usage of undefined variable '$" + name + "'";
    if (!near.empty()) message += " (did you mean $" + near + "?)";
    add(lowering, stage, "UndefinedVar", std::move(message), span);
  }
  return std::move(expansion.text);
}

void check_old_form(const Lowering& lowering, const StageState& stage, bool old_form) {
  if (!old_form || stage.instruction == nullptr) return;
  const Name& keyword = stage.instruction->keyword;
  add(lowering, stage, "LegacyKeyValueFormat",
      "\"" + keyword.text + " key=value\" should be used instead of legacy \"" + keyword.text +
          " key value\" format",
      keyword.span);
}

void check_secret(const Lowering& lowering, const StageState& stage, const std::string& instruction,
                  std::string_view name, const SourceSpan& span) {
  static constexpr std::array<std::string_view, 10> secrets = {
      "apikey",   "auth",  "credential", "credentials", "key",
      "password", "pword", "passwd",     "secret",      "token"};
  static constexpr std::array<std::string_view, 3> harmless = {"public", "file", "version"};
  if (lowering.options.findings == nullptr) return;
  if (!has_word(name, secrets) || has_word(name, harmless)) return;
  add(lowering, stage, "SecretsUsedInArgOrEnv",
      "Do not use ARG or ENV instructions for sensitive data (" + instruction + " " +
          go_quoted(name) + ")",
      span, "RUN --mount=type=secret,env=" + std::string(name) + " has it in no layer");
}

void check_used_once(const Lowering& lowering, const StageState& stage,
                     std::optional<UsedOnce>& before) {
  if (stage.instruction == nullptr) return;
  const Instruction& instruction = *stage.instruction;
  Findings* findings = lowering.options.findings;
  if (before && findings != nullptr) {
    findings->add("MultipleInstructionsDisallowed", instruction.comments,
                  {nullptr,
                   "Multiple " + instruction.keyword.text +
                       " instructions should not be used in the same stage because only the last "
                       "one will be used",
                   before->keyword, before->lines, ""});
  }
  const SourceSpan& from = stage.plan->stage->span;
  before = stage.in_trigger ? UsedOnce{from, from}
                            : UsedOnce{instruction.keyword.span, instruction.span};
}

void check_json_form(const Lowering& lowering, const StageState& stage,
                     const CommandLine& command) {
  if (!command.shell || !stage.config.shell.empty() || stage.instruction == nullptr) return;
  add(lowering, stage, "JSONArgsRecommended",
      "JSON arguments recommended for " + stage.instruction->keyword.text +
          " to prevent unintended behavior related to OS signals",
      command.span);
}

void check_workdir(const Lowering& lowering, StageState& stage, const std::string& path,
                   const SourceSpan& span) {
  if (std::exchange(stage.has_workdir, true) || path.starts_with('/')) return;
  add(lowering, stage, "WorkdirRelativePath",
      "Relative workdir " + go_quoted(path) +
          " can have unexpected results if the base image changes",
      span);
}

void check_port(const Lowering& lowering, const StageState& stage, const std::string& port,
                const SourceSpan& span) {
  const std::string_view text = port;
  const std::size_t colon = text.rfind(':');
  const std::string_view container = colon == text.npos ? text : text.substr(colon + 1);
  const std::size_t slash = container.find('/');
  const std::string_view protocol =
      slash == container.npos ? std::string_view() : container.substr(slash + 1);
  const std::string lower = lower_case(protocol);
  // What is no port at all is a mistake, and not worth a finding on top.
  if (container.substr(0, slash).empty()) return;
  if (!lower.empty() && lower != "tcp" && lower != "udp" && lower != "sctp") return;
  if (lower != protocol) {
    add(lowering, stage, "ExposeProtoCasing",
        "Defined protocol '" + port + "' in EXPOSE instruction should be lowercase", span);
  }
  if (colon != text.npos && text.substr(0, colon).find_first_not_of(':') != text.npos) {
    add(lowering, stage, "ExposeInvalidFormat",
        "EXPOSE instruction should not define an IP address or host-port mapping, found '" + port +
            "'",
        span, "publish ports when the container is run: -p " + port);
  }
}

std::optional<IgnoreRules> ignored_sources(const LowerOptions& options) {
  const std::vector<std::string>& patterns = options.ignore;
  if (options.findings == nullptr || patterns.empty()) return std::nullopt;
  for (const std::string& pattern : patterns)
    if (pattern.starts_with('!')) return std::nullopt;
  try {
    return IgnoreRules(patterns);
  } catch (const Error&) {
    return std::nullopt;  // whoever reads the context says what is wrong with it
  }
}

void check_copy_source(const Lowering& lowering, const StageState& stage, std::string_view path,
                       const SourceSpan& span) {
  if (!lowering.ignored || stage.instruction == nullptr) return;
  const std::string clean = cleaned(path);
  bool ignored = false;
  if (clean == "." || clean == "/") {
    // The context itself cannot be excluded, but all that is in it can.
    const std::vector<std::string>& patterns = lowering.options.ignore;
    ignored = std::any_of(patterns.begin(), patterns.end(), [](const std::string& pattern) {
      return pattern == "*" || pattern == "**" || pattern == "**/*";
    });
  } else {
    ignored = lowering.ignored->excluded(clean);
  }
  if (!ignored) return;
  const bool copy = std::holds_alternative<Copy>(stage.instruction->kind);
  add(lowering, stage, "CopyIgnoredFile",
      std::string("Attempting to ") + (copy ? "Copy" : "Add") + " file " + go_quoted(clean) +
          " that is excluded by .dockerignore",
      span);
}

void check_platform(const Lowering& lowering, const StagePlan& plan) {
  Findings* findings = lowering.options.findings;
  const ResolvedImage& image = *plan.image;
  // A context that stands in for the image is what it is.
  if (findings == nullptr || !image.known || plan.replaced || plan.base.name != plan.base_text)
    return;
  const Platform& actual = image.config.platform;
  if (actual.os == plan.platform.os && actual.architecture == plan.platform.architecture) return;
  // An image without layers is as good as scratch.
  const auto& history = image.config.history;
  if (image.config.diff_ids.empty() &&
      std::all_of(history.begin(), history.end(),
                  [](const HistoryEntry& entry) { return entry.empty_layer; }))
    return;
  const Stage& stage = *plan.stage;
  findings->add(
      "InvalidBaseImagePlatform", {},
      {nullptr,
       "Base image " + plan.base_text + " was pulled with platform " + go_quoted(actual.text()) +
           ", expected " + go_quoted(plan.platform.text()) + " for current build",
       stage.from.image.span, stage.span, ""});
}

void check_defaults(const Dockerfile& dockerfile, const LowerOptions& options) {
  if (options.findings == nullptr) return;
  try {
    Mistakes mistakes;
    const Scope defaults = default_scope(dockerfile, options, mistakes);
    if (!mistakes.empty()) return;
    for (const Stage& stage : dockerfile.stages) {
      const Word& image = stage.from.image;
      if (is_image_name(expand(image, defaults).text)) continue;
      options.findings->add(
          "InvalidDefaultArgInFrom", {},
          {nullptr,
           "Default value for ARG " + image.text + " results in empty or invalid base image name",
           image.span, stage.span, "give every ARG of it a default that makes an image's name"});
    }
  } catch (const Error&) {
    // What has no value with defaults alone may have one in this build; if not, it is a mistake.
  } catch (const UnknownValue&) {
  }
}

FromChecks::FromChecks(const Dockerfile& dockerfile, const LowerOptions& options,
                       const Scope& globals)
    : findings_(options.findings), globals_(globals), declared_(globals.names()) {
  if (findings_ == nullptr) return;
  for (const Instruction& instruction : dockerfile.global_args)
    if (const Arg* arg = std::get_if<Arg>(&instruction.kind))
      for (const Arg::Item& item : arg->items) declared_.push_back(item.name);
  std::sort(declared_.begin(), declared_.end());
  declared_.erase(std::unique(declared_.begin(), declared_.end()), declared_.end());
}

void FromChecks::arguments(const Stage& stage, const Expansion& value) const {
  if (findings_ == nullptr) return;
  for (const auto& [name, span] : value.unset) {
    if (std::binary_search(declared_.begin(), declared_.end(), name)) continue;
    const std::string near =
        declared_.size() > most_options ? std::string() : suggestion(name, declared_);
    std::string message = "FROM argument '" + name + "' is not declared";
    if (!near.empty()) message += " (did you mean " + near + "?)";
    findings_->add("UndefinedArgInFrom", stage.comments,
                   {nullptr, std::move(message), span, stage.span,
                    near.empty() ? "declare it before the first FROM: ARG " + name : ""});
  }
}

void FromChecks::platform(const Stage& stage, const Expansion& value) const {
  if (findings_ == nullptr || !stage.from.platform) return;
  const Word& word = *stage.from.platform;
  const auto add = [&](std::string_view rule, std::string message, std::string hint) {
    findings_->add(rule, stage.comments,
                   {nullptr, std::move(message), word.span, stage.span, std::move(hint)});
  };
  constexpr std::string_view target = "TARGETPLATFORM";
  if (value.unset.empty() && value.used.size() == 1 && value.used.contains(std::string(target)) &&
      globals_.find(target) == value.text) {
    add("RedundantTargetPlatform",
        "Setting platform to predefined " + word.text +
            " in FROM is redundant as this is the default behavior",
        "leave --platform out");
  }
  if (!value.used.empty()) return;
  Platform platform;
  try {
    platform = parse_platform(value.text);
  } catch (const Error&) {
    return;  // a mistake, and told as one
  }
  // A stage that is called after its platform is meant for that one.
  const std::string name = stage.from.alias ? lower_case(stage.from.alias->text) : "";
  if (name.find(platform.os) != name.npos || name.find(platform.architecture) != name.npos) return;
  add("FromPlatformFlagConstDisallowed",
      "FROM --platform flag should not use constant value " + go_quoted(value.text),
      "use $BUILDPLATFORM for a stage that only builds, and no --platform for the others");
}

}  // namespace slipway
