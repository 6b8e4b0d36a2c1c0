// `slipway build`, from the flags to the image: the whole walk, one step after the other.
#include "build_attestations.hpp"
#include "build_cache.hpp"
#include "build_call.hpp"
#include "build_checks.hpp"
#include "build_explain.hpp"
#include "build_failure.hpp"
#include "build_images.hpp"
#include "build_inputs.hpp"
#include "build_lock.hpp"
#include "build_mounts.hpp"
#include "build_outputs.hpp"
#include "build_plan.hpp"
#include "build_request.hpp"
#include "build_syntax.hpp"
#include "build_time.hpp"
#include "build_verify.hpp"
#include "cache_report.hpp"
#include "command.hpp"
#include "display.hpp"
#include "extra_hosts.hpp"
#include "isolation.hpp"
#include "owned_store.hpp"
#include "print.hpp"
#include "removed_text.hpp"
#include "signals.hpp"

#include <cache/room/room.hpp>
#include <cache/settings.hpp>
#include <executor/sandbox/limits.hpp>
#include <executor/solve/solve.hpp>
#include <frontend/ast_json.hpp>
#include <frontend/checks/settings.hpp>
#include <frontend/parse.hpp>
#include <ir/dump.hpp>
#include <ir/error.hpp>
#include <ir/lower.hpp>
#include <ir/nearest.hpp>
#include <ir/quantities.hpp>
#include <ir/remote_source.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
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

std::vector<Platform> target_platforms(const BuildRequest& request) {
  std::vector<Platform> platforms;
  for (const std::string& text : request.platforms) {
    if (text.empty()) continue;  // a variable of the caller's that has no value, as for docker
    const Platform platform = text == "local" ? host_platform() : parse_platform(text);
    if (std::find(platforms.begin(), platforms.end(), platform) == platforms.end())
      platforms.push_back(platform);
  }
  if (platforms.empty()) platforms.push_back(host_platform());
  return platforms;
}

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
  options.no_cache = request.no_cache || request.verify_reproducible;
  options.no_cache_stages = request.no_cache_filter;
  if (!request.cache_ttl.empty()) {
    options.cache_ttl = read_age(request.cache_ttl);
    if (!options.cache_ttl)
      throw Error("--cache-ttl " + quoted(request.cache_ttl) + " is not a time")
          .hint("write 12h, 7d or 2w (units s, m, h, d, w)");
  }
  options.build_platform = host_platform();
  options.target_platform = target_platforms(request).front();
  if (request.network == "none") {
    options.network = RunProcess::Network::none;
  } else if (request.network == "host") {
    options.network = RunProcess::Network::host;
  } else if (request.network != "default") {
    throw Error("--network=" + quoted(request.network) + " is not known")
        .hint(did_you_mean(request.network, {"default", "none", "host"}, "default, none or host"));
  }
  options.granted = without_build ? every_entitlement() : granted_entitlements(request);
  options.extra_hosts = extra_hosts(request.add_hosts);
  options.shm_size = shm_size_of(request.limits);
  options.ulimits = normal_limits(request.limits.ulimits);
  return options;
}

namespace {

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

// Of several platforms; or of one, where docker's build argument asks for it.
bool is_index(const std::vector<Platform>& platforms, const LowerOptions& options) {
  const auto asked = options.build_args.find("BUILDKIT_MULTI_PLATFORM");
  return platforms.size() > 1 ||
         (asked != options.build_args.end() && read_boolean(asked->second).value_or(false));
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

// At the end of its scope the cache is brought down to what the user has set: whether the build
// went well or not, or what it gave could not be written. That it cannot be is no failure of the
// build.
class RoomAtTheEnd {
 public:
  RoomAtTheEnd(Store& store, bool quiet) : store_(store), quiet_(quiet) {}
  RoomAtTheEnd(const RoomAtTheEnd&) = delete;
  RoomAtTheEnd& operator=(const RoomAtTheEnd&) = delete;
  ~RoomAtTheEnd() {
    try {
      const std::string line =
          eviction_line(store_.make_room(), store_.settings().cache_keep_text());
      if (!quiet_) std::fputs(line.c_str(), stderr);
    } catch (const Error& error) {
      warn(error.diagnostics(), quiet_);
    } catch (const std::exception& error) {
      warn(Error(error.what()).diagnostics(), quiet_);
    }
  }

 private:
  Store& store_;
  const bool quiet_;
};

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
  const ExplainMode explain = parse_explain(request);
  const PlanMode plan_mode = parse_dry_run(request);
  const Call call = parse_call(request);
  const bool without_build = call.method != Call::Method::build;
  LowerOptions options = lower_options(request, without_build);
  const std::vector<Platform> platforms = target_platforms(request);
  options.show_platforms = platforms.size() > 1;
  const ProgressMode mode =
      request.quiet ? ProgressMode::quiet : parse_progress_mode(request.progress);
  const Session session = open_session(request);
  const ResourceLimits limits = resource_limits_of(request.limits);
  SolveOptions solve_options;
  set_time_limits(request, solve_options);
  const ProgramTimeout timeout(solve_options.timeout, request.began);
  const BuildAttestations attestations(request);
  Outputs outputs(request, is_index(platforms, options));
  const OnFailure on_failure = parse_on_failure(request);
  SharedCacheOptions cache_options = shared_cache_options(request);
  const std::optional<SourceLock> lock = open_lock(request);
  const SourceLock* const held = lock ? &*lock : nullptr;
  Notes notes;
  SharedMounts mounts(request, [&notes](const Diagnostic& note) { notes.add(note); });

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

  if (plan_mode != PlanMode::none) {
    require_no_mistakes(parsed.dockerfile, options, std::move(parsed.mistakes));
    return run_plan(plan_mode, explain, request, session, options, platforms, inputs,
                    parsed.dockerfile, place_of(request, inputs), std::move(cache_options), globals.root);
  }

  BuildChecks checks(parsed, options.build_args, request.quiet);
  LoweredPlatforms lowered = checks.show_after([&] {
    require_no_mistakes(parsed.dockerfile, options, std::move(parsed.mistakes));
    // The others can have mistakes of their own: a stage that is named after the platform.
    for (std::size_t i = 1; i < platforms.size(); ++i) {
      LowerOptions other = options;
      other.target_platform = platforms[i];
      require_no_mistakes(parsed.dockerfile, other, {});
    }
    options.findings = &checks.findings();
    options.ignore = inputs.ignore.patterns;
    return lower_platforms(parsed.dockerfile, options, platforms,
                           image_resolver(request, store(), inputs.taken, held));
  });
  if (lock) lowered = lock->hold(std::move(lowered));
  if (!request.print.empty()) {
    std::fputs((request.print == "dot" ? dump_dot(lowered) : dump(lowered)).c_str(), stdout);
    return 0;
  }
  warn(lowered.warnings, request.quiet);

  solve_options.max_parallelism = request.max_parallelism;
  solve_options.keep_going = request.keep_going;
  solve_options.place = place_of(request, inputs);
  open_contexts(inputs, options.contexts, request, session, lowered.graph, store(), solve_options, held);
  solve_options.checksum_hint = checksum_hint(request);
  hand_over(session, solve_options);
  solve_options.failure_hint = failure_hint(on_failure);

  say_whose_ids(opened->rights, request.quiet);
  const RoomAtTheEnd room(store(), request.quiet);  // after all that uses the store
  SandboxOptions sandbox;
  sandbox.grants = {options.granted, devices};
  sandbox.limits = limits;
  sandbox.note = [&notes](const Diagnostic& note) { notes.add(note); };
  const auto runner = make_runner(isolation, std::move(sandbox), opened->rights, lowered.graph,
                                  store(), request.quiet);
  auto display = make_display(mode, lowered.graph);
  bool display_closed = false;
  bool error_shown = false;
  if (on_failure.shell || !on_failure.outputs.empty()) {
    // The failure first: who gets a shell wants to know why.
    solve_options.failed = [&](FailedStep& step, const Error& error) {
      display->close();
      display_closed = true;
      std::fputs(render(error, use_color()).c_str(), stderr);
      show_failure(step, on_failure, request.quiet);
      error_shown = true;
    };
  }
  VertexReports reports;  // also of a build that fails
  solve_options.ended = [&](const VertexReports& ended) {
    reports = ended;
    remember_build(store(), solve_options.place, lowered.graph, ended);
  };
  std::vector<VertexId> roots;
  for (const PlatformImage& image : lowered.images) roots.push_back(image.root);
  const auto caches = open_shared_caches(std::move(cache_options), store(),
                                         [&notes](const Diagnostic& note) { notes.add(note); });
  solve_options.shared = caches.get();
  mounts.hand_over(solve_options, store());
  solve_options.bring_layers = outputs.takes_layers();
  SolveResult result;
  std::string lock_text;
  std::string verify_text;
  std::vector<ResolvedSource> sources;  // all that was taken from outside
  Digest id;
  try {
    {
      const CancelOnSignal cancel;
      result = solve(lowered.graph, roots, store(), *runner, solve_options, *display);
    }
    sources = inputs.taken.with(result.sources);
    if (request.verify_reproducible) {
      display->close();
      if (!request.quiet) std::fputs("building a second time, to compare\n", stderr);
      display = make_display(mode, lowered.graph);
      verify_text =
          verify_reproducible(lowered.graph, roots, result, store(), *runner, solve_options,
                              rewritten_times(request, lowered.epoch), *display);
    }
    if (lock) lock_text = finish_lock(*lock, sources, request);
    std::vector<std::vector<Attestation>> attested;
    if (!attestations.empty() && outputs.takes_layers())
      attested = attestations.make(
          {lowered, options, *inputs.dockerfile, result, sources, outputs.reshapes()}, store(),
          *display, [&notes](const Diagnostic& note) { notes.add(note); });
    id = outputs.write(lowered, result, attested, store(), *display);
  } catch (...) {
    // What was finished is for the others, too.
    if (caches) finish_shared_caches(*caches, *display);
    if (!display_closed) display->close();
    notes.show(request.quiet);
    explain_build(explain, lowered.graph, reports);
    if (error_shown) return 1;
    throw;
  }

  mounts.export_used(lowered.graph, result, *display);
  const int signal = caches ? finish_shared_caches(*caches, *display) : 0;
  display->close();
  notes.show(request.quiet);
  if (const std::string json = mounts.report_json(); !json.empty())
    outputs.add_metadata("slipway.cache_mounts", json);
  outputs.write_files(request, lowered.graph, result, notes.all());
  if (request.built) request.built(id);
  if (request.quiet) {
    std::printf("%s\n", id.text().c_str());
  } else {
    std::fputs(lock_text.c_str(), stderr);
    std::fputs(verify_text.c_str(), stderr);
    std::fputs(cache_report(lowered.graph, result.reports).c_str(), stderr);
    if (caches) std::fputs(shared_cache_report(*caches).c_str(), stderr);
    std::fputs(mounts.report().c_str(), stderr);
    std::fputs(checks.summary().c_str(), stderr);
  }
  explain_build(explain, lowered.graph, result.reports);
  // The image is there, but whoever types Ctrl-C wants the script around the build to end, too.
  return signal == 0 ? 0 : 128 + signal;
}

}  // namespace slipway
