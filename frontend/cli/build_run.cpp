// `slipway build`, from the flags to the image: the whole walk, one step after the other.
#include "build_call.hpp"
#include "build_checks.hpp"
#include "build_images.hpp"
#include "build_inputs.hpp"
#include "build_request.hpp"
#include "build_syntax.hpp"
#include "build_time.hpp"
#include "cache_report.hpp"
#include "command.hpp"
#include "display.hpp"
#include "isolation.hpp"
#include "owned_store.hpp"
#include "print.hpp"
#include "signals.hpp"

#include <executor/export/export.hpp>
#include <executor/sandbox/limits.hpp>
#include <executor/solve/image.hpp>
#include <executor/solve/solve.hpp>
#include <frontend/ast_json.hpp>
#include <frontend/checks/settings.hpp>
#include <frontend/parse.hpp>
#include <ir/dump.hpp>
#include <ir/error.hpp>
#include <ir/lower.hpp>
#include <ir/nearest.hpp>
#include <ir/remote_source.hpp>

#include <sys/stat.h>
#include <nlohmann/json.hpp>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace slipway {
namespace {

std::pair<std::string, std::string> name_and_value(const std::string& text, std::string_view flag) {
  const auto equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw Error(std::string(flag) + " " + quoted(text) + " is not NAME=VALUE");
  }
  return {text.substr(0, equals), text.substr(equals + 1)};
}

}  // namespace

LowerOptions lower_options(const BuildRequest& request, bool without_build) {
  LowerOptions options;
  options.parse_triggers = parse_triggers;
  options.target = request.target;
  for (const std::string& text : request.build_args) {
    // Without a value: the environment's, and if it has none, as if it had not been given.
    if (text.find('=') == std::string::npos && !text.empty()) {
      if (const char* value = std::getenv(text.c_str())) options.build_args[text] = value;
      continue;
    }
    const auto [name, value] = name_and_value(text, "--build-arg");
    options.build_args[name] = value;
  }
  // As buildx, for builds of tools that set it for everything they start.
  if (const char* epoch = std::getenv("SOURCE_DATE_EPOCH"); epoch != nullptr && *epoch != '\0') {
    options.build_args.try_emplace("SOURCE_DATE_EPOCH", epoch);
  }
  for (const std::string& text : request.labels) {
    if (text.find('=') == std::string::npos && !text.empty()) {
      options.labels[text] = "";
      continue;
    }
    const auto [name, value] = name_and_value(text, "--label");
    options.labels[name] = value;
  }
  options.contexts = named_contexts(request);
  options.no_cache = request.no_cache;
  options.no_cache_stages = request.no_cache_filter;
  options.build_platform = host_platform();
  options.target_platform = host_platform();
  if (!request.platform.empty()) {
    options.target_platform = parse_platform(request.platform);
    if (!without_build && !matches(options.target_platform, host_platform())) {
      throw Error("this slipway builds for " + host_platform().text() + " only, not for " +
                  options.target_platform.text());
    }
  }
  if (request.network == "none") {
    options.network = RunProcess::Network::none;
  } else if (request.network == "host") {
    options.network = RunProcess::Network::host;
  } else if (request.network != "default") {
    throw Error("--network=" + quoted(request.network) + " is not known")
        .hint(did_you_mean(request.network, {"default", "none", "host"}, "default, none or host"));
  }
  options.granted = without_build ? every_entitlement() : granted_entitlements(request);
  for (const std::string& text : request.add_hosts) {
    const auto separator = text.find_first_of("=:");
    if (separator == std::string::npos || separator == 0 || separator + 1 == text.size()) {
      throw Error("--add-host " + quoted(text) + " is not NAME:ADDRESS");
    }
    std::string address = text.substr(separator + 1);
    if (address.starts_with('[') && address.ends_with(']')) {
      address = address.substr(1, address.size() - 2);
    }
    options.extra_hosts.emplace_back(text.substr(0, separator), std::move(address));
  }
  options.shm_size = shm_size_of(request.limits);
  options.ulimits = normal_limits(request.limits.ulimits);
  return options;
}

namespace {

void write_file(const std::string& path, const std::string& text) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
    // /dev/null or a pipe is written to as it is: a rename would put a file in its place.
    std::ofstream device(path, std::ios::binary);
    device << text;
    device.close();
    if (!device) throw system_error("write", path, errno);
    return;
  }
  // Aside first: who reads it never finds half of it.
  const std::string aside = path + ".slipway-new";
  std::ofstream file(aside, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (!file || std::rename(aside.c_str(), path.c_str()) != 0) {
    const int error = errno;
    std::remove(aside.c_str());
    throw system_error("write", path, error);
  }
}

// A name with a digest says what it holds, so it is nothing to choose: what a later build pins by
// that digest would be this image.
Reference name_to_give(const std::string& text) {
  Reference name = parse_reference(text);
  if (name.digest) {
    throw Error("an image cannot be named " + quoted(text) + ": a digest is not for choosing")
        .hint("give NAME[:TAG]");
  }
  return name;
}

// The same Dockerfile in the same place, built for the same target, is what the next build
// compares itself with.
std::string place_of(const BuildRequest& request, const BuildInputs& inputs) {
  std::error_code ignored;
  const auto directory = inputs.directory
                             ? std::filesystem::weakly_canonical(*inputs.directory, ignored)
                             : std::filesystem::path(without_credentials(request.context));
  return directory.string() + "\n" + inputs.dockerfile->name + "\n" + request.target;
}

// What the sandbox has to say of this machine, from whichever thread: shown when the display, which
// draws over its lines, is closed.
class Notes {
 public:
  void add(const Diagnostic& note) {
    const std::lock_guard lock(mutex_);
    notes_.push_back(note);
  }
  std::vector<Diagnostic> all() const {
    const std::lock_guard lock(mutex_);
    return notes_;
  }
  void show(bool quiet) const {
    for (const Diagnostic& note : all()) {
      if (!quiet) std::fputs(render(note, "note", use_color()).c_str(), stderr);
    }
  }

 private:
  mutable std::mutex mutex_;  // guards notes_, which a thread of the sandbox's adds to
  std::vector<Diagnostic> notes_;
};

std::string metadata(const Digest& id, const std::vector<Reference>& names, const Graph& graph,
                     const SolveResult& result, const Notes& notes) {
  nlohmann::ordered_json data;
  data["containerimage.config.digest"] = id.text();
  std::string joined;
  for (const Reference& name : names) joined += (joined.empty() ? "" : ",") + name.text();
  if (!joined.empty()) data["image.name"] = joined;
  data["slipway.cache"] = nlohmann::ordered_json::parse(cache_report_json(graph, result));
  for (const Diagnostic& note : notes.all()) {
    data["slipway.notes"].push_back({{"message", note.message}, {"hint", note.hint}});
  }
  return data.dump(2) + "\n";
}

void warn(const std::vector<Diagnostic>& warnings, bool quiet) {
  if (quiet) return;
  for (const Diagnostic& warning : warnings) {
    std::fputs(render(warning, "warning", use_color()).c_str(), stderr);
  }
}

// A user with one id can build, but not all is as for root.
void say_whose_ids(const UserNamespace& rights, bool quiet) {
  if (quiet || rights.ids != Ids::own) return;
  const Diagnostic note{"only your own user id is available: " + rights.missing +
                            "; other owners are recorded in layers, and in RUN all users are one",
                        {},
                        "install uidmap, and have root add ranges (usermod --add-subuids "
                        "100000-165535 --add-subgids 100000-165535 "
                        "USER)",
                        {}};
  std::fputs(render(note, "note", use_color()).c_str(), stderr);
}

}  // namespace

int run_build(const BuildRequest& request, const Globals& globals) {
  const Isolation isolation = parse_isolation(request.isolation);
  std::optional<OwnedStore> opened;
  const auto store = [&]() -> Store& {
    if (!opened) opened.emplace(globals.root, isolation != Isolation::chroot);
    return opened->store;
  };

  // What can be refused is refused before anything is read or opened.
  if (!request.format.empty() && request.print.empty()) {
    throw Error("--format is about what --print prints").hint("add --print=ast");
  }
  if (request.format == "json" && request.print != "ast") {
    throw Error("--print=" + request.print + " has no JSON form").hint("--print=ast has one");
  }
  const Call call = parse_call(request);
  const bool without_build = call.method != Call::Method::build;
  LowerOptions options = lower_options(request, without_build);
  const ProgressMode mode =
      request.quiet ? ProgressMode::quiet : parse_progress_mode(request.progress);
  const Session session = open_session(request);
  const ResourceLimits limits = resource_limits_of(request.limits);
  SolveOptions solve_options;
  set_time_limits(request, solve_options);
  const ProgramTimeout timeout(solve_options.timeout, request.began);
  std::vector<Reference> names;
  for (const std::string& tag : request.tags) names.push_back(name_to_give(tag));
  std::vector<ExportSpec> outputs;
  for (const std::string& text : request.outputs) outputs.push_back(parse_export(text));

  const DeviceRegistry devices(DeviceRegistry::default_folders());
  if (!without_build) {
    options.find_devices = [&devices, granted = options.granted](const std::string& name,
                                                                 bool required) {
      return devices.allowed(name, required, granted);
    };
  }

  BuildInputs inputs = read_build_inputs(request, session, store);
  say_frontend(inputs.dockerfile, options.build_args, globals.debug, request.quiet);
  if (without_build) return run_call(call, request, std::move(options), inputs, globals.root);
  ParsedDockerfile parsed = read_dockerfile(inputs.dockerfile);
  if (request.print == "ast") {
    parsed.mistakes.throw_if_any();
    if (request.format == "json") {
      write_ast_json(parsed.dockerfile, print);
    } else {
      print(print_ast(parsed.dockerfile));
    }
    return 0;
  }
  // Settings of the checks are part of the file, and a mistake in them is one of its mistakes.
  std::vector<Diagnostic> told_by_checks;
  if (!parsed.mistakes.attempt(
          {}, [&] { check_settings(parsed.dockerfile, options.build_args, told_by_checks); }))
    require_no_mistakes(parsed.dockerfile, options, std::move(parsed.mistakes));
  warn(parsed.warnings, request.quiet);

  BuildChecks checks(parsed, options.build_args, request.quiet);
  const Lowered lowered = checks.show_after([&] {
    require_no_mistakes(parsed.dockerfile, options, std::move(parsed.mistakes));
    options.findings = &checks.findings();
    options.ignore = inputs.ignore.patterns;
    return lower(parsed.dockerfile, options, image_resolver(request, store()));
  });
  if (!request.print.empty()) {
    std::fputs((request.print == "dot" ? dump_dot(lowered) : dump(lowered)).c_str(), stdout);
    return 0;
  }
  warn(lowered.warnings, request.quiet);

  solve_options.max_parallelism = request.max_parallelism;
  solve_options.keep_going = request.keep_going;
  solve_options.place = place_of(request, inputs);
  open_contexts(inputs, options.contexts, request, session, lowered.graph, store(), solve_options);
  hand_over(session, solve_options);

  say_whose_ids(opened->rights, request.quiet);
  Notes notes;
  SandboxOptions sandbox;
  sandbox.grants = {options.granted, devices};
  sandbox.limits = limits;
  sandbox.note = [&notes](const Diagnostic& note) { notes.add(note); };
  const auto runner = make_runner(isolation, std::move(sandbox), opened->rights, lowered.graph,
                                  store(), request.quiet);
  const auto display = make_display(mode, lowered.graph);
  SolveResult result;
  try {
    const CancelOnSignal cancel;
    result = solve(lowered.graph, lowered.root, store(), *runner, solve_options, *display);
  } catch (...) {
    display->close();
    notes.show(request.quiet);
    throw;
  }

  const std::string config = write_image_config(finish_config(lowered.config, result));
  const Digest id = sha256(config);
  // As buildx: an output of another kind takes the place of an image in the store.
  bool keep_image = outputs.empty();
  for (const ExportSpec& output : outputs) keep_image |= output.kind == ExportSpec::Kind::image;
  std::vector<std::string> done;
  if (keep_image) {
    for (const ExportSpec& output : outputs) {
      for (const std::string& name : output.names) names.push_back(name_to_give(name));
    }
    store().images().put(config);
    done.push_back("writing image " + id.text());
    for (const Reference& name : names) {
      store().images().tag(name, id);
      done.push_back("naming to " + name.text());
    }
    display->note("exporting to image", done);
  }
  for (const ExportSpec& output : outputs) {
    if (output.kind == ExportSpec::Kind::image) continue;
    export_result(output, config, result.layers, names, store());
    display->note("exporting to " + output.text(), {output.destination});
  }
  display->close();
  notes.show(request.quiet);

  if (!request.iidfile.empty()) write_file(request.iidfile, id.text());
  if (!request.metadata_file.empty()) {
    write_file(request.metadata_file, metadata(id, names, lowered.graph, result, notes));
  }
  if (request.quiet) {
    std::printf("%s\n", id.text().c_str());
  } else {
    std::fputs(cache_report(lowered.graph, result).c_str(), stderr);
    std::fputs(checks.summary().c_str(), stderr);
  }
  return 0;
}

}  // namespace slipway
