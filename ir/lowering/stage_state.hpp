// A stage while its instructions are lowered, one after the other.
#pragma once

#include <ir/graph.hpp>
#include <ir/image_config.hpp>
#include <ir/instruction.hpp>
#include <ir/lower.hpp>
#include <ir/lowering/arguments.hpp>
#include <ir/lowering/stages.hpp>
#include <ir/mistakes.hpp>
#include <ir/outline.hpp>
#include <ir/pattern.hpp>

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace slipway {

// What all stages of one lowering share.
struct Lowering {
  const Dockerfile& dockerfile;
  const LowerOptions& options;
  const Scope& globals;
  const Stages& stages;
  Images& images;
  BuildSettings settings;
  std::vector<std::string> proxies;
  std::optional<IgnoreRules> ignored;  // what CopyIgnoredFile looks for; empty: nothing
  Graph graph;
  Mistakes& mistakes;
  std::size_t ports = 0;  // that EXPOSE has named so far
};

// An instruction that another one of its kind makes useless.
struct UsedOnce {
  SourceSpan keyword;
  SourceSpan lines;
};

struct StageState {
  const StagePlan* plan = nullptr;
  VertexId root{};  // the root file system so far
  ImageConfig config;
  std::unordered_map<std::string, std::size_t> env_index;  // of config.env, by name
  Environment environment;
  // The ARGs so far with their values, for RUN's history; those of the base stage first.
  std::vector<std::pair<std::string, std::optional<std::string>>> build_args;
  bool has_cmd = false;  // this stage has a CMD of its own
  std::optional<IgnoreCache> ignore_cache;
  bool show_platform = false;  // in the names of its steps

  // For the checks.
  const Instruction* instruction = nullptr;  // the one that is lowered
  bool unknown_base = false;  // the base image could not be had: its variables are not known
  bool unknown_workdir = false;
  bool has_workdir = false;   // a WORKDIR of this Dockerfile, also in a stage below
  std::optional<UsedOnce> cmd, entrypoint, healthcheck;

  // For the outline.
  struct Noted {
    std::map<std::string, Outline::Argument> args;  // the last ARG of each name
    std::set<std::string> read;                     // the names of all ARGs
    std::vector<Outline::Need> secrets, ssh, caches;
  } outline;

  std::size_t step = 0;   // of `steps`: for "[build 2/5]"
  std::size_t steps = 0;  // that this stage shows; 0: none has a number
  bool in_trigger = false;

  // How many still want what this stage leaves. The last one takes it over: handing on copies would
  // cost a chain of stages, each with the history of all before it, the square of its length.
  std::size_t heirs = 0;

  std::string working_directory() const {
    return config.working_dir.empty() ? "/" : config.working_dir;
  }
};

// The vertex whose files `source` stands for. Throws Error at `span`.
VertexId source_vertex(Lowering& lowering, const std::vector<StageState>& states,
                       const Source& source, const Platform& platform, const SourceSpan& span);

// Adds the instruction's vertex on top of the stage. A vertex of `operation` that is named `name`.
VertexId add_vertex(Lowering& lowering, const StageState& stage, Operation operation,
                    std::vector<VertexId> inputs, const SourceSpan& origin, std::string name);

void lower_run(Lowering& lowering, const std::vector<StageState>& states, StageState& stage,
               const Run& run, const Instruction& instruction);
void lower_copy(Lowering& lowering, const std::vector<StageState>& states, StageState& stage,
                const Copy& copy, const Instruction& instruction);
void lower_add(Lowering& lowering, StageState& stage, const Add& add,
               const Instruction& instruction);
void lower_workdir(Lowering& lowering, StageState& stage, const Workdir& workdir,
                   const Instruction& instruction);

// Instructions that change nothing but the config and the scope.
void lower_metadata(Lowering& lowering, StageState& stage, const Instruction& instruction);

// Sets a variable of the image: in the config and for the instructions that follow.
void set_env(StageState& stage, const std::string& name, const std::string& value);

}  // namespace slipway
