#include <ir/lowering/reachability.hpp>

#include <algorithm>
#include <cstddef>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace slipway {
namespace {

std::vector<std::string> triggers_of(const Stage& stage) {
  std::vector<std::string> triggers;
  for (const Instruction& instruction : stage.instructions)
    if (const Onbuild* onbuild = std::get_if<Onbuild>(&instruction.kind);
        onbuild != nullptr && !instruction.failed)
      triggers.push_back(onbuild->trigger);
  return triggers;
}

}  // namespace

void mark_needed(Stages& stages, std::size_t target, Images& images, const LowerOptions& options,
                 Mistakes& mistakes) {
  std::vector<StagePlan>& plans = stages.plans();
  std::vector<std::size_t> open;  // needed, and not looked at yet
  const auto need = [&](std::size_t index) {
    if (!std::exchange(plans[index].needed, true)) open.push_back(index);
  };
  need(target);
  while (!open.empty()) {
    StagePlan& plan = plans[open.back()];
    open.pop_back();
    const SourceSpan& from = plan.stage->from.image.span;

    mistakes.attempt(from, [&] {
      if (plan.unknown) {
        plan.image = std::make_shared<const ResolvedImage>(ResolvedImage{.known = false});
      } else if (plan.base.kind == Source::Kind::image) {
        plan.image = images.get(plan.base.name, plan.platform, from);
        if (!plan.replaced) plan.triggers = plan.image->triggers;
      } else if (plan.base.kind == Source::Kind::stage) {
        const Stage& base = *plans[plan.base.stage].stage;
        const std::vector<std::string> triggers = triggers_of(base);
        if (!triggers.empty() && !plan.replaced && options.parse_triggers)
          plan.triggers = options.parse_triggers(triggers, plan.base_text);
        need(plan.base.stage);
      }
    });

    const auto need_sources = [&](const std::vector<Instruction>& instructions) {
      for (const Instruction& instruction : instructions) {
        for (const auto& [word, copy] : source_words(instruction)) {
          mistakes.set_keep(instruction.failed, instruction.guessed);
          mistakes.attempt(word->span, [&, word = word, copy = copy] {
            const Source source = copy ? stages.copy_source(*word) : stages.mount_source(*word);
            if (source.kind != Source::Kind::stage) return;
            if (source.stage == plan.index)
              throw Error("stage " + slipway::quoted(word->text) + " takes files from itself");
            if (source.stage > plan.index) {
              throw Error("stage " + slipway::quoted(word->text) + " comes after this instruction")
                  .hint("move its FROM in front of this stage");
            }
            need(source.stage);
          });
          mistakes.set_keep(Mistakes::Keep::all);
        }
      }
    };
    if (plan.replaced) continue;
    need_sources(plan.triggers);
    need_sources(plan.stage->instructions);
  }
}

std::vector<DoubtfulName> doubtful_names(const Dockerfile& dockerfile, const Stages& stages) {
  // Comparisons of names: enough for any Dockerfile that was written by a person.
  constexpr std::size_t most_work = 1 << 20;
  std::vector<DoubtfulName> found;
  std::size_t work = 0;
  std::set<std::string> bases;
  // An ENV of nothing is an instruction that nobody could tell: it may have been a FROM.
  const auto may_be_from = [](const Instruction& instruction) {
    return instruction.guessed && std::holds_alternative<Env>(instruction.kind);
  };
  const auto any_may_be = [&](const std::vector<Instruction>& instructions) {
    return std::any_of(instructions.begin(), instructions.end(), may_be_from);
  };
  if (any_may_be(dockerfile.global_args)) return {};
  for (const StagePlan& plan : stages.plans()) {
    if ((plan.stage->failed || plan.stage->guessed) && !plan.stage->from.alias) return {};
    if (any_may_be(plan.stage->instructions)) return {};
  }

  const auto look_at = [&](const std::string& name, const StagePlan& plan, const SourceSpan& span) {
    if (name.empty() || name.find_first_of("/:@") != std::string::npos) return;
    work += stages.plans().size();
    if (work > most_work || found.size() == most_mistakes) return;
    std::string near = stages.nearest_name(name);
    const auto here = stages.plans().begin() + static_cast<std::ptrdiff_t>(plan.index);
    // FROM takes earlier stages only. (Of COPY --from the others say so themselves.)
    const bool earlier = std::any_of(stages.plans().begin(), here,
                                     [&](const StagePlan& each) { return each.name == near; });
    if (!near.empty() && earlier) found.push_back({name, std::move(near), plan.platform, span});
  };
  for (const StagePlan& plan : stages.plans()) {
    // What one FROM takes for an image is one for the others, and for COPY --from.
    const bool image = plan.base.kind == Source::Kind::image && !plan.unknown;
    const bool first = image && bases.insert(plan.base.name).second;
    if (!plan.needed || plan.replaced) continue;
    if (first) look_at(plan.base.name, plan, plan.stage->from.image.span);
    for (const Instruction& instruction : plan.stage->instructions) {
      if (instruction.guessed) continue;
      for (const auto& [word, copy] : source_words(instruction)) {
        Mistakes known_already;
        known_already.attempt(word->span, [&, word = word, copy = copy] {
          const Source source = copy ? stages.copy_source(*word) : stages.mount_source(*word);
          if (source.kind == Source::Kind::image && !bases.contains(source.name))
            look_at(source.name, plan, word->span);
        });
      }
    }
  }
  return found;
}

}  // namespace slipway
