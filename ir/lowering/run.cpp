#include <ir/lowering/checks.hpp>
#include <ir/lowering/history.hpp>
#include <ir/lowering/names.hpp>
#include <ir/lowering/outline.hpp>
#include <ir/lowering/paths.hpp>
#include <ir/lowering/stage_state.hpp>
#include <ir/mount.hpp>

#include <algorithm>
#include <set>
#include <utility>

namespace slipway {
namespace {

std::string trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  const std::size_t first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(blanks) - first + 1));
}

// Whether a command is one heredoc and nothing else: "<<EOF", "0<<-'EOF'".
bool is_heredoc_alone(std::string_view command, const Heredoc& heredoc) {
  std::string text = trimmed(command);
  text.erase(0, std::min(text.find_first_not_of("0123456789"), text.size()));
  if (!text.starts_with("<<")) return false;
  text.erase(0, text.starts_with("<<-") ? 3 : 2);
  std::string name = trimmed(text);
  std::erase_if(name, [](char c) { return c == '"' || c == '\'' || c == '\\'; });
  return name == heredoc.name;
}

// The first line of a heredoc, for the step's name.
std::string summary(std::string_view content) {
  const std::string text = trimmed(content);
  const std::size_t end = text.find('\n');
  if (end == std::string::npos) return text;
  return trimmed(text.substr(0, end)) + "...";
}

using Mount = RunProcess::Mount;

// The mounts of a RUN, with the vertices they need added to `inputs`.
class MountLowering {
 public:
  MountLowering(Lowering& lowering, const std::vector<StageState>& states, const StageState& stage,
                std::vector<VertexId>& inputs)
      : lowering_(lowering), states_(states), stage_(stage), inputs_(inputs) {}

  // Throws Error with every mistake of the mount, and UnknownValue.
  Mount lower(const RunMount& mount) {
    std::vector<Diagnostic> mistakes;
    bool known = true;
    const auto value = [&](const Word& word) -> std::optional<std::string> {
      try {
        return value_of(lowering_, stage_, word);
      } catch (const UnknownValue&) {
        known = false;
        return std::nullopt;
      }
    };
    const MountValues values = mount_values(mount, value, mistakes);
    if (!mistakes.empty()) throw Error(std::move(mistakes));
    if (!known) throw UnknownValue();
    const Word* const from = mount_from(mount);
    Mount result;
    result.type = values.type;
    result.sharing = values.sharing;
    result.required = values.required;
    result.size = values.size.value_or(0);
    result.uid = values.uid.value_or(0);
    result.gid = values.gid.value_or(0);

    switch (values.type) {
      case Mount::Type::bind:
        result.read_only = values.read_only.value_or(true);
        result.source = rooted(values.source);
        result.target = absolute_target(values.target);
        result.input = input(source_of(from), from == nullptr ? mount.span : from->span);
        break;
      case Mount::Type::cache:
        result.read_only = values.read_only.value_or(false);
        result.source = rooted(values.source);
        result.target = absolute_target(values.target);
        if (from != nullptr) result.input = input(source_of(from), from->span);
        result.mode = values.mode.value_or(0755);
        // Named after the place where it is mounted, whatever the working directory is.
        result.unkeyed.id = !values.id.empty()               ? values.id
                            : values.target.starts_with('/') ? rooted(values.target)
                                                             : rooted(values.target).substr(1);
        if (const std::string& name_space = lowering_.settings.cache_namespace; !name_space.empty())
          result.unkeyed.id.insert(0, name_space + "/");
        break;
      case Mount::Type::tmpfs:
        result.read_only = values.read_only.value_or(false);
        result.target = absolute_target(values.target);
        break;
      case Mount::Type::secret:
        lower_secret(values, result);
        break;
      case Mount::Type::ssh:
        result.read_only = true;
        result.mode = values.mode.value_or(0600);
        result.unkeyed.id = values.id.empty() ? "default" : values.id;
        result.target = values.target.empty()
                            ? "/run/buildkit/ssh_agent." + std::to_string(agents_)
                            : joined(stage_.working_directory(), values.target);
        if (agents_++ == 0) first_agent_ = result.target;
        break;
    }
    return result;
  }

  // Where the first agent's socket is; empty where no mount is one.
  const std::string& first_agent() const { return first_agent_; }

 private:
  Source source_of(const Word* from) const {
    if (from == nullptr) return {Source::Kind::context, 0, {}};
    return lowering_.stages.mount_source(*from);
  }

  std::uint32_t input(const Source& source, const SourceSpan& span) {
    const VertexId vertex = source_vertex(lowering_, states_, source, stage_.plan->platform, span);
    // Input 0 is the root file system; a mount of the same files is an input of its own.
    for (std::size_t i = 1; i < inputs_.size(); ++i)
      if (inputs_[i] == vertex) return static_cast<std::uint32_t>(i);
    inputs_.push_back(vertex);
    return static_cast<std::uint32_t>(inputs_.size() - 1);
  }

  std::string absolute_target(const std::string& target) const {
    const std::string result = joined(stage_.working_directory(), target);
    if (stage_.unknown_workdir && !target.starts_with('/')) return result;
    if (result == "/") throw Error("a mount can't have the target \"/\"");
    return result;
  }

  void lower_secret(const MountValues& values, Mount& result) const {
    result.read_only = true;
    result.mode = values.mode.value_or(0400);
    result.env = values.env.value_or("");
    if (values.env && result.env.empty()) throw Error("env= of a secret mount is empty");
    result.unkeyed.id = !values.source.empty() ? values.source
                        : !values.id.empty()   ? values.id
                                               : last_name(values.target);
    if (!values.target.empty()) {
      result.target = joined(stage_.working_directory(), values.target);
    } else if (!values.env) {
      result.target = joined("/run/secrets", last_name(result.unkeyed.id));
    }
  }

  Lowering& lowering_;
  const std::vector<StageState>& states_;
  const StageState& stage_;
  std::vector<VertexId>& inputs_;
  std::size_t agents_ = 0;
  std::string first_agent_;
};

RunProcess::Network network_of(const Run& run, RunProcess::Network otherwise) {
  if (!run.network || run.network->text == "default") return otherwise;
  if (run.network->text == "none") return RunProcess::Network::none;
  if (run.network->text == "host") return RunProcess::Network::host;
  throw Error("network mode " + slipway::quoted(run.network->text) + " does not exist")
      .at(run.network->span)
      .hint("it is default, none or host");
}

RunProcess::Security security_of(const Run& run) {
  if (!run.security || run.security->text == "sandbox") return RunProcess::Security::sandbox;
  if (run.security->text == "insecure") return RunProcess::Security::insecure;
  throw Error("security mode " + slipway::quoted(run.security->text) + " does not exist")
      .at(run.security->span)
      .hint("it is sandbox or insecure");
}

// As found, so that the step's key says which it had.
void add_device(Lowering& lowering, const RunDevice& device, RunProcess& process) {
  const FindDevices& find = lowering.options.find_devices;
  if (!find) {
    process.devices.push_back({device.name, device.required});
    return;
  }
  lowering.mistakes.attempt(device.span, [&] {
    for (std::string& name : find(device.name, device.required)) {
      const RunProcess::Device found{std::move(name), true};
      if (std::find(process.devices.begin(), process.devices.end(), found) == process.devices.end())
        process.devices.push_back(found);
    }
  });
}

// What is executed. Scripts go where the arguments say they are.
std::vector<std::string> arguments_of(const Run& run, std::vector<RunProcess::Script>& scripts,
                                      std::string& shown) {
  const CommandLine& command = run.command;
  if (command.heredocs.empty()) return command.arguments;
  const std::string text = command.arguments.empty() ? "" : command.arguments.front();
  const Heredoc& first = command.heredocs.front();
  if (command.heredocs.size() == 1 && is_heredoc_alone(text, first)) {
    shown += " (" + summary(first.content) + ")";
    if (!first.content.starts_with("#!")) return {first.content};
    scripts.push_back({first.name, first.content});
    return {"/dev/pipes/" + first.name};
  }
  // The shell reads its heredocs itself.
  std::string whole = text;
  for (const Heredoc& heredoc : command.heredocs) whole += "\n" + heredoc.content + heredoc.name;
  return {whole};
}

}  // namespace

void lower_run(Lowering& lowering, const std::vector<StageState>& states, StageState& stage,
               const Run& run, const Instruction& instruction) {
  const LowerOptions& options = lowering.options;
  const Scope& scope = stage.environment.scope();
  RunProcess process;
  std::string shown = instruction.text;
  process.arguments = arguments_of(run, process.scripts, shown);
  if (run.command.shell) {
    std::vector<std::string> shell = stage.config.shell;
    if (shell.empty()) shell = {"/bin/sh", "-c"};
    std::string text;
    for (const std::string& argument : process.arguments)
      text += (text.empty() ? "" : " ") + argument;
    shell.push_back(std::move(text));
    process.arguments = std::move(shell);
  }
  if (process.arguments.empty()) throw Error("RUN has nothing to run");

  std::vector<VertexId> inputs = {stage.root};
  std::set<std::string> secrets;
  MountLowering mounts(lowering, states, stage, inputs);
  for (const RunMount& mount : run.mounts) {
    lowering.mistakes.attempt(mount.span, [&] {
      process.mounts.push_back(mounts.lower(mount));
      note_mount(stage, process.mounts.back());
      if (!process.mounts.back().env.empty()) secrets.insert(process.mounts.back().env);
    });
  }
  for (const RunDevice& device : run.devices) add_device(lowering, device, process);

  process.environment = stage.environment.list();
  if (!mounts.first_agent().empty() && !scope.find("SSH_AUTH_SOCK")) {
    process.environment.push_back("SSH_AUTH_SOCK=" + mounts.first_agent());
  }
  process.working_directory = rooted(stage.working_directory());
  process.user = stage.config.user;
  process.network = network_of(run, options.network);
  process.security = security_of(run);
  lowering.mistakes.attempt(run.network ? run.network->span : instruction.span,
                            [&] { require_granted(options.granted, process.network); });
  lowering.mistakes.attempt(run.security ? run.security->span : instruction.span,
                            [&] { require_granted(options.granted, process.security); });
  process.hostname = lowering.settings.hostname;
  process.extra_hosts = options.extra_hosts;
  process.shm_size = options.shm_size;
  process.ulimits = options.ulimits;
  process.platform = stage.plan->platform;
  process.unkeyed.proxies = lowering.proxies;
  process.unkeyed.shell = stage.config.shell.empty() ? "/bin/sh" : stage.config.shell.front();

  for (const auto& [name, value] : stage.build_args)
    if (value && !stage.env_index.contains(name)) process.unkeyed.build_arguments.push_back(name);

  add_history(stage.config, "RUN " + run_text(stage, process.arguments) + " # buildkit", true);
  std::string name = next_step_name(stage, shown_text(shown, scope, secrets));
  stage.root = add_vertex(lowering, stage, std::move(process), std::move(inputs), instruction.span,
                          std::move(name));
}

}  // namespace slipway
