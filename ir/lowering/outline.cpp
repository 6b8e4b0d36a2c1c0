#include <ir/lowering/outline.hpp>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

namespace slipway {
namespace {

// An ARG before the first FROM, and those that its default is made of.
struct GlobalArgument {
  Outline::Argument argument;
  std::set<std::string> parts;
};
using GlobalArguments = std::map<std::string, GlobalArgument, std::less<>>;

// The variables of a word that have a value.
std::set<std::string> read_by(const Expansion& expansion) {
  std::set<std::string> names = expansion.used;
  for (const auto& [name, span] : expansion.unset) names.erase(name);
  return names;
}

GlobalArguments global_arguments(const Lowering& lowering) {
  GlobalArguments arguments;
  const LowerOptions& options = lowering.options;
  Mistakes none;
  Scope scope = global_scope(Dockerfile{}, options, none);
  for (const Instruction& instruction : lowering.dockerfile.global_args) {
    const Arg* arg = std::get_if<Arg>(&instruction.kind);
    if (arg == nullptr) continue;
    for (const Arg::Item& item : arg->items) {
      GlobalArgument found;
      found.argument = {
          item.name, description_of(instruction.comments, item.name), {}, instruction.span};
      std::optional<std::string> value;
      if (const auto given = options.build_args.find(item.name);
          given != options.build_args.end()) {
        value = given->second;
      } else if (item.default_value) {
        none.attempt({}, [&] {
          const Expansion expansion = expand(*item.default_value, scope);
          found.parts = read_by(expansion);
          value = expansion.text;
        });
        // What it was before is what it was made of.
        if (found.parts.erase(item.name) > 0)
          if (const auto before = arguments.find(item.name); before != arguments.end())
            found.parts.insert(before->second.parts.begin(), before->second.parts.end());
      }
      if (value) scope.set(item.name, *value);
      found.argument.value = value.value_or("");
      arguments[item.name] = std::move(found);
    }
  }
  return arguments;
}

// Everything the target is made from, itself first; each stage's base before its other sources.
std::vector<std::size_t> stages_of(const Lowering& lowering, std::size_t target) {
  std::vector<std::size_t> order;
  std::set<std::size_t> seen;
  std::vector<std::size_t> open = {target};
  while (!open.empty()) {
    const std::size_t index = open.back();
    open.pop_back();
    if (!seen.insert(index).second) continue;
    order.push_back(index);
    const StagePlan& plan = lowering.stages.plans()[index];
    std::vector<std::size_t> sources;
    if (plan.base.kind == Source::Kind::stage) sources.push_back(plan.base.stage);
    const auto collect = [&](const std::vector<Instruction>& instructions) {
      for (const Instruction& instruction : instructions) {
        for (const auto& [word, copy] : source_words(instruction)) {
          const Source source =
              copy ? lowering.stages.copy_source(*word) : lowering.stages.mount_source(*word);
          if (source.kind == Source::Kind::stage) sources.push_back(source.stage);
        }
      }
    };
    if (!plan.replaced) {
      collect(plan.triggers);
      collect(plan.stage->instructions);
    }
    open.insert(open.end(), sources.rbegin(), sources.rend());
  }
  return order;
}

// The ARGs that the stage's FROM and its own ARGs read, and what those are made of.
std::set<std::string> arguments_read(const Lowering& lowering, const StagePlan& plan,
                                     const StageState& state, const GlobalArguments& globals) {
  std::set<std::string> names = state.outline.read;
  if (!plan.replaced) {
    names.merge(read_by(expand(plan.stage->from.image, lowering.globals)));
    if (plan.stage->from.platform)
      names.merge(read_by(expand(*plan.stage->from.platform, lowering.globals)));
  }
  std::vector<std::string> open(names.begin(), names.end());
  while (!open.empty()) {
    const std::string name = std::move(open.back());
    open.pop_back();
    if (state.outline.args.contains(name)) continue;
    const auto global = globals.find(name);
    if (global == globals.end()) continue;
    for (const std::string& part : global->second.parts)
      if (names.insert(part).second) open.push_back(part);
  }
  return names;
}

template <class Item>
void sort_by_place(std::vector<Item>& items) {
  std::stable_sort(items.begin(), items.end(), [](const Item& a, const Item& b) {
    return std::tie(a.lines.line, a.lines.column) < std::tie(b.lines.line, b.lines.column);
  });
}

void add_new(std::vector<Outline::Need>& to, const std::vector<Outline::Need>& needs,
             std::set<std::string>& seen) {
  for (const Outline::Need& need : needs)
    if (seen.insert(need.name).second) to.push_back(need);
}

SourceSpan place_of(const StageState& stage) {
  return stage.in_trigger ? stage.plan->stage->span : stage.instruction->span;
}

}  // namespace

std::string description_of(const std::vector<std::string>& comments, std::string_view name) {
  if (name.empty()) return {};
  for (const std::string_view line : comments)
    if (line.size() > name.size() && line.starts_with(name) && line[name.size()] == ' ')
      return std::string(line.substr(name.size() + 1));
  return {};
}

void note_argument(StageState& stage, const Arg::Item& item,
                   const std::optional<std::string>& value, bool inherited) {
  stage.outline.read.insert(item.name);
  if (inherited || stage.instruction == nullptr) return;
  stage.outline.args[item.name] = {item.name,
                                   description_of(stage.instruction->comments, item.name),
                                   value.value_or(""), place_of(stage)};
}

void note_mount(StageState& stage, const RunProcess::Mount& mount) {
  if (stage.instruction == nullptr) return;
  using Type = RunProcess::Mount::Type;
  std::vector<Outline::Need>* to = mount.type == Type::secret  ? &stage.outline.secrets
                                   : mount.type == Type::ssh   ? &stage.outline.ssh
                                   : mount.type == Type::cache ? &stage.outline.caches
                                                               : nullptr;
  if (to != nullptr) to->push_back({mount.unkeyed.id, mount.required, place_of(stage)});
}

Outline outline_of(const Lowering& lowering, const std::vector<StageState>& states,
                   std::size_t target) {
  const GlobalArguments globals = global_arguments(lowering);
  const StagePlan& plan = lowering.stages.plans()[target];
  Outline outline;
  outline.name = plan.name;
  outline.description = description_of(plan.stage->comments, plan.name);
  std::set<std::string> args;
  std::set<std::string> secrets;
  std::set<std::string> agents;
  std::set<std::string> caches;
  for (const std::size_t index : stages_of(lowering, target)) {
    const StageState& state = states[index];
    for (const std::string& name :
         arguments_read(lowering, lowering.stages.plans()[index], state, globals)) {
      const auto own = state.outline.args.find(name);
      const auto global = globals.find(name);
      if (own == state.outline.args.end() && global == globals.end()) continue;
      if (!args.insert(name).second) continue;
      outline.args.push_back(own != state.outline.args.end() ? own->second
                                                             : global->second.argument);
    }
    add_new(outline.secrets, state.outline.secrets, secrets);
    add_new(outline.ssh, state.outline.ssh, agents);
    add_new(outline.caches, state.outline.caches, caches);
  }
  sort_by_place(outline.args);
  sort_by_place(outline.secrets);
  sort_by_place(outline.ssh);
  sort_by_place(outline.caches);
  return outline;
}

}  // namespace slipway
