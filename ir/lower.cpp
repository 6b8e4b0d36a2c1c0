#include <ir/lower.hpp>

#include <ir/lowering/arguments.hpp>
#include <ir/lowering/checks.hpp>
#include <ir/lowering/outline.hpp>
#include <ir/lowering/reachability.hpp>
#include <ir/lowering/stage.hpp>
#include <ir/lowering/stages.hpp>
#include <ir/mistakes.hpp>

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

// What is known of an image before anything is asked for.
ResolvedImage unknown_image(const ImageRequest& request) {
  ResolvedImage unknown;
  unknown.known = false;
  unknown.reference = request.reference;
  return unknown;
}

// All phases, one after the other.
class Phases {
 public:
  Phases(const Dockerfile& dockerfile, const LowerOptions& options, const ResolveImage& resolve)
      : dockerfile_(dockerfile), options_(options), resolve_(resolve) {}

  // Throws Error where a phase found mistakes. The vertices come on top of those of `graph`.
  Lowered lower(Graph graph) {
    graph_ = std::move(graph);
    return run([](const Mistakes& mistakes) { mistakes.throw_if_any(); });
  }
  // Adds those of all phases. Where there are any, a doubtful name is one as well.
  void find_mistakes(Mistakes& mistakes) {
    run([](const Mistakes&) {});
    mistakes.add_elsewhere(mistakes_);
    if (mistakes.empty()) return;
    Mistakes of_names;
    for (const DoubtfulName& each : doubtful_)
      of_names.attempt(each.span, [&] { throw no_such_stage(each.name, each.near); });
    mistakes.add_elsewhere(of_names);
  }

 private:
  template <class Review>
  Lowered run(const Review& review) {
    // 1. The variables that FROM sees.
    check_defaults(dockerfile_, options_);
    Scope globals = global_scope(dockerfile_, options_, mistakes_);
    BuildSettings settings;
    mistakes_.attempt({}, [&] { settings = build_settings(dockerfile_, options_, globals); });
    review(mistakes_);

    // 2. Every name is a stage, a context or an image.
    Stages stages(dockerfile_, options_, globals, mistakes_);
    if (stages.plans().empty()) {
      mistakes_.add({"the Dockerfile has no stage", {}, "it needs a FROM", {}});
      mistakes_.throw_if_any();
    }
    review(mistakes_);

    // 3. The stages that the target needs, with their base images and ONBUILD triggers.
    std::size_t target = stages.plans().size() - 1;
    mistakes_.attempt({}, [&] { target = stages.target(options_.target); });
    Images images(resolve_, stages);
    // A name that is nearly a stage's is most likely misspelt. It is asked for first, so that no
    // other image is pulled for nothing.
    doubtful_ = doubtful(stages, target);
    for (const DoubtfulName& each : doubtful_)
      mistakes_.attempt(each.span, [&] { images.get(each.name, each.platform, each.span); });
    review(mistakes_);
    mark_needed(stages, target, images, options_, mistakes_);
    if (options_.all_stages)
      for (std::size_t i = 0; i < stages.plans().size(); ++i)
        if (!stages.plans()[i].needed) mark_needed(stages, i, images, options_, mistakes_);
    review(mistakes_);

    // 4. Those stages, in their order: a stage is built on earlier ones only.
    Lowering lowering{dockerfile_,
                      options_,
                      globals,
                      stages,
                      images,
                      std::move(settings),
                      proxy_environment(options_.build_args),
                      ignored_sources(options_),
                      std::move(graph_),
                      mistakes_};
    std::vector<StageState> states(stages.plans().size());
    states[target].heirs = 1;
    for (const StagePlan& plan : stages.plans())
      if (plan.needed && plan.base.kind == Source::Kind::stage) ++states[plan.base.stage].heirs;
    for (const StagePlan& plan : stages.plans())
      if (plan.needed) lower_stage(lowering, states, plan);
    review(mistakes_);

    if (options_.outline != nullptr) *options_.outline = outline_of(lowering, states, target);

    // 5. The target is the image.
    Lowered result;
    result.root = states[target].root;
    result.config = std::move(states[target].config);
    finish_config(result.config, options_);
    result.epoch = lowering.settings.epoch;
    result.graph = std::move(lowering.graph);
    result.warnings = unused_build_args(dockerfile_, options_);
    for (Diagnostic& warning : unknown_no_cache_stages(dockerfile_, options_))
      result.warnings.push_back(std::move(warning));
    return result;
  }

  std::vector<DoubtfulName> doubtful(Stages stages, std::size_t target) const {
    const ResolveImage nothing = unknown_image;
    Images unknown(nothing, stages);
    Mistakes told_elsewhere;
    mark_needed(stages, target, unknown, options_, told_elsewhere);
    return doubtful_names(dockerfile_, stages);
  }

  const Dockerfile& dockerfile_;
  LowerOptions options_;  // SOURCE_DATE_EPOCH as build_settings() makes it
  const ResolveImage& resolve_;
  Graph graph_;
  Mistakes mistakes_;
  std::vector<DoubtfulName> doubtful_;
};

}  // namespace

void require_no_mistakes(const Dockerfile& dockerfile, const LowerOptions& options,
                         Mistakes mistakes_of_text) {
  LowerOptions without_findings = options;
  without_findings.findings = nullptr;
  const ResolveImage nothing = unknown_image;
  Mistakes mistakes = std::move(mistakes_of_text);
  if (!dockerfile.stages.empty())
    Phases(dockerfile, without_findings, nothing).find_mistakes(mistakes);
  if (mistakes.empty()) return;
  // Stages that the target does not need fail no build. In one that fails, their mistakes are told
  // with the others: a misspelt name may be all that makes them unneeded.
  without_findings.all_stages = true;
  if (!dockerfile.stages.empty())
    Phases(dockerfile, without_findings, nothing).find_mistakes(mistakes);
  mistakes.throw_if_any();
}

Lowered lower(const Dockerfile& dockerfile, const LowerOptions& options,
              const ResolveImage& resolve) {
  return Phases(dockerfile, options, resolve).lower({});
}

LoweredPlatforms lower_platforms(const Dockerfile& dockerfile, const LowerOptions& options,
                                 const std::vector<Platform>& platforms,
                                 const ResolveImage& resolve) {
  std::map<std::pair<std::string, Platform>, ResolvedImage> asked;
  const ResolveImage once = [&](const ImageRequest& request) {
    const std::pair key(request.reference, request.platform);
    const auto known = asked.find(key);
    if (known != asked.end()) return known->second;
    return asked.emplace(key, resolve(request)).first->second;
  };
  LowerOptions each = options;
  LoweredPlatforms all;
  for (const Platform& platform : platforms) {
    each.target_platform = platform;
    Lowered lowered = Phases(dockerfile, each, once).lower(std::move(all.graph));
    all.graph = std::move(lowered.graph);
    all.epoch = lowered.epoch;
    if (all.images.empty()) all.warnings = std::move(lowered.warnings);
    all.images.push_back({platform, lowered.root, std::move(lowered.config)});
    each.findings = nullptr;
    each.outline = nullptr;
  }
  return all;
}

}  // namespace slipway
