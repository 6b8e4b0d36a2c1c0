#include <ir/lowering/checks.hpp>
#include <ir/lowering/history.hpp>
#include <ir/lowering/names.hpp>
#include <ir/lowering/paths.hpp>
#include <ir/lowering/stage.hpp>

#include <algorithm>
#include <utility>

namespace slipway {
namespace {

constexpr const char* default_path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

ImageConfig empty_config(const Platform& platform) {
  ImageConfig config;
  config.platform = platform;
  config.working_dir = "/";
  return config;
}

bool counts_as_step(const Instruction& instruction) {
  return std::holds_alternative<Run>(instruction.kind) ||
         std::holds_alternative<Copy>(instruction.kind) ||
         std::holds_alternative<Add>(instruction.kind) ||
         std::holds_alternative<Workdir>(instruction.kind);
}

std::size_t count_steps(const StagePlan& plan) {
  if (plan.replaced) return 0;
  const bool from_elsewhere =
      plan.base.kind == Source::Kind::image || plan.base.kind == Source::Kind::context;
  const auto& own = plan.stage->instructions;
  // BuildKit counts every trigger, also one that makes no step.
  return (from_elsewhere ? 1 : 0) + plan.triggers.size() +
         static_cast<std::size_t>(std::count_if(own.begin(), own.end(), counts_as_step));
}

std::optional<IgnoreCache> ignores_cache(const StagePlan& plan, const LowerOptions& options) {
  if (options.no_cache) return IgnoreCache::build;
  const bool named = std::any_of(options.no_cache_stages.begin(), options.no_cache_stages.end(),
                                 [&](std::string name) {
                                   for (char& c : name)
                                     if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
                                   return !name.empty() && name == plan.name;
                                 });
  return named ? std::optional(IgnoreCache::stage) : std::nullopt;
}

// What the build and the instruction say of how long a step's record counts: the strictest does.
void limit_cache(const StageState& stage, const LowerOptions& options, Vertex& vertex) {
  vertex.ignore_cache = stage.ignore_cache;
  if (std::holds_alternative<RunProcess>(vertex.operation)) vertex.cache_ttl = options.cache_ttl;
  if (stage.instruction == nullptr || !stage.instruction->cache) return;
  const CacheRule& rule = *stage.instruction->cache;
  if (rule.never && !vertex.ignore_cache) vertex.ignore_cache = IgnoreCache::directive;
  if (rule.ttl) vertex.cache_ttl = std::min(vertex.cache_ttl.value_or(*rule.ttl), *rule.ttl);
}

// Where the stage starts: root file system, config, and what the base leaves in scope.
void start(Lowering& lowering, std::vector<StageState>& states, StageState& stage) {
  const StagePlan& plan = *stage.plan;
  const SourceSpan& span = plan.stage->span;
  switch (plan.base.kind) {
    case Source::Kind::scratch:
      stage.config = empty_config(plan.platform);
      stage.root = add_vertex(lowering, stage, Scratch{}, {}, span, "FROM scratch");
      break;
    case Source::Kind::stage: {
      StageState& base = states[plan.base.stage];
      stage.root = base.root;
      stage.unknown_base = base.unknown_base;
      stage.unknown_workdir = base.unknown_workdir;
      stage.has_workdir = base.has_workdir;
      if (--base.heirs == 0) {
        stage.config = std::move(base.config);
        stage.environment = std::move(base.environment);
        stage.build_args = std::move(base.build_args);
        stage.env_index = std::move(base.env_index);
      } else {
        stage.config = base.config;
        stage.environment = base.environment;
        stage.build_args = base.build_args;
        stage.env_index = base.env_index;
      }
      stage.environment.restart(stage.config.env, stage.env_index);
      break;
    }
    case Source::Kind::context: {
      // A directory as a base: its files, copied onto nothing.
      stage.config = empty_config(plan.platform);
      const VertexId files = source_vertex(lowering, states, plan.base, plan.platform, span);
      const VertexId nothing = add_vertex(lowering, stage, Scratch{}, {}, span, "FROM scratch");
      CopyFiles copy;
      copy.sources.push_back(CopyFiles::Selection{1, ".", false});
      copy.destination = "/";
      std::string name = next_step_name(stage, "FROM " + plan.base.name);
      stage.root =
          add_vertex(lowering, stage, std::move(copy), {nothing, files}, span, std::move(name));
      break;
    }
    case Source::Kind::image: {
      const ResolvedImage& image = *plan.image;
      stage.config = image.config;
      stage.unknown_base = !image.known;
      if (stage.unknown_base) {
        stage.environment.set_rest_unknown();
        stage.unknown_workdir = true;
      }
      check_platform(lowering, plan);
      stage.config.created.clear();
      if (stage.config.platform.os.empty() && stage.config.platform.architecture.empty())
        stage.config.platform = plan.platform;
      BaseImage base{image.reference, image.id};
      std::string name = next_step_name(stage, "FROM " + image.reference);
      stage.root = add_vertex(lowering, stage, std::move(base), {}, span, std::move(name));
      break;
    }
  }
  // Its triggers are run now, and are not handed on.
  stage.config.on_build.clear();

  if (plan.base.kind != Source::Kind::stage) {
    for (std::size_t i = 0; i < stage.config.env.size(); ++i) {
      const auto [name, value] = split_assignment(stage.config.env[i]);
      stage.env_index.try_emplace(name, i);
      stage.environment.set_of_image(name, value, i);
    }
  }
  if (!stage.env_index.contains("PATH")) set_env(stage, "PATH", default_path);
  if (!stage.config.working_dir.empty() && !stage.config.working_dir.starts_with('/'))
    stage.config.working_dir = rooted(stage.config.working_dir);
}

// What a mistake in the instruction leaves unknown to those behind it.
void forget(StageState& stage, const InstructionKind& kind) {
  if (std::holds_alternative<Workdir>(kind)) {
    stage.has_workdir = true;
    stage.unknown_workdir = true;
  } else if (std::holds_alternative<Arg>(kind) || std::holds_alternative<Env>(kind)) {
    stage.environment.set_rest_unknown();
  }
}

}  // namespace

VertexId add_vertex(Lowering& lowering, const StageState& stage, Operation operation,
                    std::vector<VertexId> inputs, const SourceSpan& origin, std::string name) {
  // A base image is as the store has it; there is nothing to run again.
  const bool runs =
      std::holds_alternative<RunProcess>(operation) || std::holds_alternative<CopyFiles>(operation);
  Vertex vertex;
  vertex.operation = std::move(operation);
  vertex.inputs = std::move(inputs);
  vertex.origin = origin;
  vertex.name = std::move(name);
  vertex.stage = stage.plan->name.empty() ? std::to_string(stage.plan->index) : stage.plan->name;
  // Steps are counted by stage, to find again what they were: those of each platform for themselves.
  if (stage.show_platform) vertex.stage += " for " + stage.plan->platform.text();
  if (runs) limit_cache(stage, lowering.options, vertex);
  return lowering.graph.add(std::move(vertex));
}

VertexId source_vertex(Lowering& lowering, const std::vector<StageState>& states,
                       const Source& source, const Platform& platform, const SourceSpan& span) {
  Vertex vertex;
  vertex.origin = span;
  switch (source.kind) {
    case Source::Kind::stage:
      return states[source.stage].root;
    case Source::Kind::scratch:
      vertex.operation = Scratch{};
      vertex.name = "FROM scratch";
      break;
    case Source::Kind::context:
      vertex.operation = ReadContext{source.name};
      vertex.name = source.name.empty() ? "[internal] load build context"
                                        : "[context " + source.name + "] load from client";
      break;
    case Source::Kind::image: {
      const auto image = lowering.images.get(source.name, platform, span);
      vertex.operation = BaseImage{image->reference, image->id};
      vertex.name = "FROM " + image->reference;
      break;
    }
  }
  return lowering.graph.add(std::move(vertex));
}

void lower_stage(Lowering& lowering, std::vector<StageState>& states, const StagePlan& plan) {
  Mistakes& mistakes = lowering.mistakes;
  StageState& stage = states[plan.index];
  stage.plan = &plan;
  stage.steps = count_steps(plan);
  stage.ignore_cache = ignores_cache(plan, lowering.options);
  stage.show_platform = lowering.options.show_platforms;
  mistakes.attempt(plan.stage->span, [&] { start(lowering, states, stage); });

  const auto lower_all = [&](const std::vector<Instruction>& instructions) {
    for (const Instruction& instruction : instructions) {
      stage.instruction = &instruction;
      mistakes.set_keep(instruction.failed, instruction.guessed);
      const SourceSpan place = instruction.failed ? SourceSpan() : instruction.span;
      const bool whole = mistakes.attempt(place, [&] {
        if (const Run* run = std::get_if<Run>(&instruction.kind)) {
          lower_run(lowering, states, stage, *run, instruction);
        } else if (const Copy* copy = std::get_if<Copy>(&instruction.kind)) {
          lower_copy(lowering, states, stage, *copy, instruction);
        } else if (const Add* add = std::get_if<Add>(&instruction.kind)) {
          lower_add(lowering, stage, *add, instruction);
        } else if (const Workdir* workdir = std::get_if<Workdir>(&instruction.kind)) {
          lower_workdir(lowering, stage, *workdir, instruction);
        } else {
          lower_metadata(lowering, stage, instruction);
        }
      });
      mistakes.set_keep(Mistakes::Keep::all);
      if (!whole || instruction.failed) forget(stage, instruction.kind);
    }
  };
  const std::size_t inherited = stage.config.history.size();
  stage.in_trigger = true;
  lower_all(plan.triggers);
  stage.in_trigger = false;
  if (!plan.replaced) lower_all(plan.stage->instructions);
  if (lowering.settings.epoch) {
    const std::string time = history_time(*lowering.settings.epoch);
    for (std::size_t i = inherited; i < stage.config.history.size(); ++i)
      stage.config.history[i].created = time;
  }
}

}  // namespace slipway
