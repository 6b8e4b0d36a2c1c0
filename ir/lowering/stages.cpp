#include <ir/lowering/checks.hpp>
#include <ir/letter_case.hpp>
#include <ir/lowering/stages.hpp>
#include <ir/mount.hpp>
#include <ir/nearest.hpp>

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

namespace slipway {
namespace {

// A whole number; nothing for any other text.
std::optional<std::size_t> number(std::string_view text) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// The text of a word that means what is written, or nothing.
std::string constant(const Word& word) {
  if (expand(word, Scope{}).text != word.text) {
    throw Error("--from takes no variables, quotes or escapes")
        .at(word.span)
        .hint("write FROM " + word.text + " AS NAME above, and --from=NAME here");
  }
  return word.text;
}

// BuildKit numbers an only stage's steps without its name, and takes every source that is no stage
// for one more stage; so an only stage with such a source is "stage-0".
bool stands_alone(const Dockerfile& dockerfile) {
  if (dockerfile.stages.size() != 1) return false;
  const std::vector<Instruction>& list = dockerfile.stages.front().instructions;
  return std::none_of(list.begin(), list.end(), [](const Instruction& instruction) {
    const Run* run = std::get_if<Run>(&instruction.kind);
    const Copy* copy = std::get_if<Copy>(&instruction.kind);
    return (run != nullptr && !run->mounts.empty()) || (copy != nullptr && copy->from);
  });
}

}  // namespace

std::vector<SourceWord> source_words(const Instruction& instruction) {
  std::vector<SourceWord> words;
  if (const Copy* copy = std::get_if<Copy>(&instruction.kind)) {
    if (copy->from) words.push_back({&*copy->from, true});
  } else if (const Run* run = std::get_if<Run>(&instruction.kind)) {
    for (const RunMount& mount : run->mounts)
      if (const Word* from = mount_from(mount)) words.push_back({from, false});
  }
  return words;
}

Stages::Stages(const Dockerfile& dockerfile, const LowerOptions& options, const Scope& globals,
               Mistakes& mistakes)
    : options_(options) {
  const FromChecks checks(dockerfile, options, globals);
  const bool alone = stands_alone(dockerfile);
  plans_.reserve(dockerfile.stages.size());
  for (std::size_t i = 0; i < dockerfile.stages.size(); ++i) {
    const Stage& stage = dockerfile.stages[i];
    StagePlan plan;
    plan.stage = &stage;
    plan.index = i;
    if (stage.from.alias) plan.name = lower_case(stage.from.alias->text);
    plan.label = !plan.name.empty() ? plan.name : "stage-" + std::to_string(i);
    if (alone) plan.label.clear();
    plan.platform = options.target_platform;

    mistakes.set_keep(stage.failed, stage.guessed);
    plan.unknown = !mistakes.attempt(stage.from.image.span, [&] {
      const Expansion base_value = expand(stage.from.image, globals);
      checks.arguments(stage, base_value);
      plan.base_text = base_value.text;
      if (plan.base_text.empty()) {
        throw Error("base name " + slipway::quoted(stage.from.image.text) + " is empty")
            .hint("give the ARG a default before the first FROM");
      }
      std::optional<Platform> platform;
      if (stage.from.platform) {
        const Expansion value = expand(*stage.from.platform, globals);
        checks.arguments(stage, value);
        checks.platform(stage, value);
        try {
          platform = parse_platform(value.text);
        } catch (Error& error) {
          // More likely than a wrong platform is a misspelt variable.
          for (const auto& [name, span] : value.unset) {
            const std::string near = nearest(name, globals.names());
            error.hint("no ARG before the first FROM gives " + name + " a value" +
                       (near.empty() ? "" : "; did you mean " + near + "?"));
          }
          throw std::move(error.at(stage.from.platform->span));
        }
      }
      // A context with the stage's own name takes its place (--build-context NAME=...).
      const auto replaced = plan.name.empty() ? std::nullopt : context_source(plan.name);
      const auto base = by_name_.find(plan.base_text);
      if (replaced) {
        plan.base = *replaced;
        plan.replaced = true;
      } else if (base != by_name_.end()) {
        plan.base = {Source::Kind::stage, base->second, {}};
      } else if (plan.base_text == "scratch") {
        plan.base = {Source::Kind::scratch, 0, {}};
      } else if (auto context = context_source(plan.base_text)) {
        plan.base = *context;
      } else {
        plan.base = {Source::Kind::image, 0, plan.base_text};
      }
      if (plan.base.kind == Source::Kind::stage && plan.base.stage >= i)
        throw Error("stage " + slipway::quoted(plan.name) + " is built on one that comes after it");
      if (plan.base.kind == Source::Kind::stage) {
        plan.platform = plans_[plan.base.stage].platform;
      } else if (platform && plan.base.kind != Source::Kind::scratch) {
        plan.platform = *platform;
      }
    });
    mistakes.set_keep(Mistakes::Keep::all);
    // As if it were an image that is not looked at.
    if (plan.unknown) plan.base = {Source::Kind::image, 0, plan.base_text};
    if (!plan.name.empty()) by_name_[plan.name] = i;
    plans_.push_back(std::move(plan));
  }

  for (const Stage& stage : dockerfile.stages) {
    for (const Instruction& instruction : stage.instructions) {
      mistakes.set_keep(instruction.failed, instruction.guessed);
      for (const SourceWord& source : source_words(instruction)) {
        mistakes.attempt(source.word->span, [&] {
          source.copy ? copy_source(*source.word) : mount_source(*source.word);
        });
      }
    }
  }
  mistakes.set_keep(Mistakes::Keep::all);
}

std::size_t Stages::target(const std::string& name) const {
  if (name.empty()) return plans_.size() - 1;
  if (const auto place = by_name_.find(lower_case(name)); place != by_name_.end())
    return place->second;
  if (const auto index = number(name); index && *index < plans_.size()) return *index;
  Error error("target stage " + slipway::quoted(name) + " does not exist");
  if (const std::string near = nearest_name(name); !near.empty())
    error.hint("did you mean " + slipway::quoted(near) + "?");
  throw std::move(error);
}

Source Stages::copy_source(const Word& from) const {
  const std::string name = constant(from);
  if (const auto index = number(name)) {
    if (*index >= plans_.size()) {
      throw Error("there is no stage " + name)
          .at(from.span)
          .hint("stages are numbered from 0 to " + std::to_string(plans_.size() - 1));
    }
    return {Source::Kind::stage, *index, {}};
  }
  return named_source(name);
}

Source Stages::mount_source(const Word& from) const {
  return named_source(from.text);
}

Source Stages::named_source(const std::string& name) const {
  if (const auto place = by_name_.find(lower_case(name)); place != by_name_.end())
    return {Source::Kind::stage, place->second, {}};
  if (auto context = context_source(name)) return *context;
  if (name == "scratch" || name.empty()) return {Source::Kind::scratch, 0, {}};
  return {Source::Kind::image, 0, name};
}

std::optional<Source> Stages::context_source(std::string_view name) const {
  std::string key = lower_case(name);
  // The build context itself and scratch can't be replaced.
  if (key == "scratch" || key == "context") return std::nullopt;
  auto found = options_.contexts.find(key);
  if (found == options_.contexts.end()) {
    // The same image, written out in full or less so.
    for (const std::string_view prefix : {"docker.io/", "library/"})
      if (key.starts_with(prefix)) key.erase(0, prefix.size());
    if (key.ends_with(":latest")) key.erase(key.size() - std::string_view(":latest").size());
    found = options_.contexts.find(key);
  }
  if (found == options_.contexts.end()) return std::nullopt;
  switch (found->second.kind) {
    case NamedContext::Kind::directory:
      return Source{Source::Kind::context, 0, found->first};
    case NamedContext::Kind::image:
      if (found->second.value == "scratch") return Source{Source::Kind::scratch, 0, {}};
      return Source{Source::Kind::image, 0, found->second.value};
    case NamedContext::Kind::stage:
      break;
  }
  const auto stage = by_name_.find(lower_case(found->second.value));
  if (stage == by_name_.end()) {
    throw Error("stage " + slipway::quoted(found->second.value) + ", which the context " +
                slipway::quoted(found->first) + " names, does not exist before this place");
  }
  return Source{Source::Kind::stage, stage->second, {}};
}

std::string Stages::nearest_name(std::string_view name) const {
  std::vector<std::string> names;
  for (const auto& [stage, index] : by_name_) names.push_back(stage);
  for (const auto& [context, value] : options_.contexts) names.push_back(context);
  return nearest(name, names);
}

Error no_such_stage(const std::string& name, const std::string& near) {
  return Error("stage " + slipway::quoted(name) + " does not exist")
      .hint("did you mean " + slipway::quoted(near) + "?");
}

std::shared_ptr<const ResolvedImage> Images::get(const std::string& reference,
                                                 const Platform& platform, const SourceSpan& span) {
  auto& known = known_[{reference, platform}];
  if (known) return known;
  try {
    known = std::make_shared<const ResolvedImage>(resolve_({reference, platform, span}));
  } catch (Error& error) {
    // One plain word may be an image or a stage. It is no image, so if a stage is near, that was
    // meant.
    const bool plain = reference.find_first_of("/:@") == std::string::npos;
    const std::string near = plain ? stages_.nearest_name(reference) : std::string();
    if (near.empty()) throw std::move(error.at(span));
    throw no_such_stage(reference, near).at(span);
  }
  return known;
}

}  // namespace slipway
