#include <ir/lowering/reachability.hpp>

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

}  // namespace slipway
