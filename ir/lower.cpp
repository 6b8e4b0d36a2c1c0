#include <ir/lower.hpp>

#include <ir/lowering/arguments.hpp>
#include <ir/lowering/checks.hpp>
#include <ir/lowering/mistakes.hpp>
#include <ir/lowering/reachability.hpp>
#include <ir/lowering/stage.hpp>
#include <ir/lowering/stages.hpp>

#include <utility>

namespace slipway {
namespace {

// What the command line says about the image, over what the Dockerfile says.
void finish_config(ImageConfig& config, const LowerOptions& options) {
  for (const auto& [name, value] : options.labels) config.labels[name] = value;
  // A platform that was asked for is the image's, whatever its base says. (With none asked for,
  // the base knows better: FROM --platform=linux/arm64 gives an arm64 image.)
  const Platform& target = options.target_platform;
  if (target != options.build_platform) config.platform = target;
}

}  // namespace

Lowered lower(const Dockerfile& dockerfile, const LowerOptions& options,
              const ResolveImage& resolve) {
  Mistakes mistakes;

  // 1. The variables that FROM sees.
  check_defaults(dockerfile, options);
  Scope globals;
  mistakes.attempt({}, [&] { globals = global_scope(dockerfile, options); });
  mistakes.throw_if_any();

  // 2. Every name is a stage, a context or an image.
  Stages stages(dockerfile, options, globals, mistakes);
  if (stages.plans().empty()) throw Error("the Dockerfile has no stage").hint("it needs a FROM");
  mistakes.throw_if_any();

  // 3. The stages that the target needs, with their base images and ONBUILD triggers.
  const std::size_t target = stages.target(options.target);
  Images images(resolve, stages);
  mark_needed(stages, target, images, options, mistakes);
  if (options.all_stages)
    for (std::size_t i = 0; i < stages.plans().size(); ++i)
      if (!stages.plans()[i].needed) mark_needed(stages, i, images, options, mistakes);
  mistakes.throw_if_any();

  // 4. Those stages, in their order: a stage is built on earlier ones only.
  Lowering lowering{dockerfile, options, globals, stages, images,
                    proxy_environment(options.build_args), ignored_sources(options), {}};
  std::vector<StageState> states(stages.plans().size());
  states[target].heirs = 1;
  for (const StagePlan& plan : stages.plans())
    if (plan.needed && plan.base.kind == Source::Kind::stage) ++states[plan.base.stage].heirs;
  for (const StagePlan& plan : stages.plans())
    if (plan.needed) lower_stage(lowering, states, plan, mistakes);
  mistakes.throw_if_any();

  // 5. The target is the image.
  Lowered result;
  result.root = states[target].root;
  result.config = std::move(states[target].config);
  finish_config(result.config, options);
  result.graph = std::move(lowering.graph);
  result.warnings = unused_build_args(dockerfile, options);
  return result;
}

}  // namespace slipway
