// A whole build without a kernel's help: temporary state, a fake sandbox, no network.
//
//   TestBuild build;
//   build.context().write("app.c", "int main() {}");
//   build.runner.on("cc app.c", [](FakeStep& step) { step.write("/app", "binary"); return 0; });
//   CHECK(build.solve("FROM scratch\nCOPY app.c /\nRUN cc app.c\n") ==
//         Steps{"COPY app.c /", "RUN cc app.c"});
#pragma once

#include "../fake_runner.hpp"

#include <cache/store.hpp>
#include <cache/temporary_folder.hpp>
#include <executor/files/context.hpp>
#include <executor/solve/plan.hpp>
#include <executor/solve/solve.hpp>
#include <frontend/ignore_file.hpp>
#include <frontend/parse.hpp>
#include <ir/lower.hpp>

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace slipway {

// The steps that ran, by the texts of their instructions, in no order of time but of the graph.
using Steps = std::vector<std::string>;

class ContextFolder {
 public:
  explicit ContextFolder(std::filesystem::path path) : path_(std::move(path)) {
    std::filesystem::create_directories(path_);
  }
  const std::filesystem::path& path() const { return path_; }

  void write(const std::string& name, std::string_view text, mode_t mode = 0644) {
    const auto file = path_ / name;
    std::filesystem::create_directories(file.parent_path());
    {
      std::ofstream stream(file, std::ios::binary | std::ios::trunc);
      stream << text;
    }
    if (::chmod(file.c_str(), mode) != 0) throw system_error("chmod", file.string(), errno);
  }
  void remove(const std::string& name) { std::filesystem::remove_all(path_ / name); }
  // As if it had been saved again without a change, an hour later.
  void touch(const std::string& name) {
    const auto file = path_ / name;
    std::filesystem::last_write_time(
        file, std::filesystem::last_write_time(file) + std::chrono::hours(1));
  }

 private:
  std::filesystem::path path_;
};

struct TestBuildOptions {
  std::string target;
  std::map<std::string, std::string> build_args;
  bool no_cache = false;
  std::vector<std::string> no_cache_stages;
  std::optional<std::int64_t> cache_ttl;
  std::string place = "test";  // where the Dockerfile is
  std::size_t max_parallelism = 4;
  bool keep_going = false;
};

class TestBuild {
 public:
  TestBuild() : store_(std::in_place, folder_.path() / "state") {}

  ContextFolder& context() { return context_; }
  Store& store() { return *store_; }
  // The process ended, and another one opens the same store.
  void reopen() {
    store_.reset();
    store_.emplace(folder_.path() / "state");
  }

  // Builds, and gives the steps that ran. Throws what solve() throws.
  Steps solve(const std::string& dockerfile, const TestBuildOptions& options = {}) {
    return solve_for({host_platform()}, dockerfile, options);
  }
  // What that would do.
  std::vector<PlannedStep> plan(const std::string& dockerfile,
                                const TestBuildOptions& options = {}) {
    SolveOptions solve_options = prepare({host_platform()}, dockerfile, options);
    return slipway::plan(lowered->graph, roots(), *store_, solve_options);
  }
  // The same for several platforms.
  Steps solve_for(const std::vector<Platform>& platforms, const std::string& dockerfile,
                  const TestBuildOptions& options = {}) {
    SolveOptions solve_options = prepare(platforms, dockerfile, options);
    Progress quiet;
    result =
        slipway::solve(lowered->graph, roots(), *store_, *runner_in_use, solve_options, quiet);
    Steps ran;
    for (const VertexReport& report : result.reports) {
      if (report.outcome == VertexReport::Outcome::ran) ran.push_back(text_of(report.vertex));
    }
    return ran;
  }

  // "RUN make" of "[build 2/5] RUN make".
  std::string text_of(VertexId id) const {
    const std::string& name = lowered->graph[id].name;
    const auto bracket = name.find("] ");
    return bracket == std::string::npos ? name : name.substr(bracket + 2);
  }

  // Why the step with this text ran.
  std::string reason(const std::string& text) const {
    for (const VertexReport& report : result.reports) {
      if (text_of(report.vertex) == text) return report.reason;
    }
    return "there is no such step";
  }

  // The content of a file in the result; nothing where there is none.
  std::optional<std::string> file(const std::string& path, std::size_t platform = 0) {
    const StackView view = store_->layers().view(result.roots[platform].layers);
    const auto entry = view.find(path);
    if (!entry || entry->type != Entry::Type::file) return std::nullopt;
    const int descriptor = view.open(*entry);
    std::string text(static_cast<std::size_t>(entry->size), '\0');
    const ssize_t got = ::read(descriptor, text.data(), text.size());
    ::close(descriptor);
    CHECK(got == static_cast<ssize_t>(text.size()));
    return text;
  }

  FakeRunner runner;
  ProcessRunner* runner_in_use = &runner;  // where steps run: another one is the caller's
  std::map<std::string, std::string> secrets;  // by id
  std::set<std::string> keyed_secrets;
  std::map<std::string, std::filesystem::path> ssh_agents;  // by id
  SharedCaches* shared = nullptr;  // as SolveOptions has it
  bool bring_layers = true;
  std::optional<LoweredPlatforms> lowered;
  SolveResult result;
  std::function<void(FailedStep&, const Error&)> failed;  // as SolveOptions has it

  // As SolveOptions has it.
  std::function<void(const std::string&, const std::filesystem::path&,
                     const std::function<bool()>&)>
      import_mount;

  // What becomes of the graph before it is solved; empty: nothing.
  std::function<LoweredPlatforms(LoweredPlatforms)> change_graph;

  // Of the last solve.
  const std::string& place() const { return place_; }

 private:
  std::vector<VertexId> roots() const {
    std::vector<VertexId> ids;
    for (const PlatformImage& image : lowered->images) ids.push_back(image.root);
    return ids;
  }
  // Reads and lowers, and opens the context.
  SolveOptions prepare(const std::vector<Platform>& platforms, const std::string& dockerfile,
                       const TestBuildOptions& options) {
    auto source = std::make_shared<SourceFile>();
    source->name = "Dockerfile";
    source->text = dockerfile;
    LowerOptions lower_options;
    lower_options.target = options.target;
    lower_options.build_args = options.build_args;
    lower_options.no_cache = options.no_cache;
    lower_options.no_cache_stages = options.no_cache_stages;
    lower_options.cache_ttl = options.cache_ttl;
    lower_options.build_platform = host_platform();
    lower_options.show_platforms = platforms.size() > 1;
    lower_options.parse_triggers = parse_triggers;
    lowered = lower_platforms(parse_dockerfile(source).dockerfile, lower_options, platforms,
                    [this](const ImageRequest& request) -> ResolvedImage {
                      const auto own = store_->images().find(parse_reference(request.reference),
                                                             request.platform);
                      const Image image = own ? *own : store_->images().get(request.reference);
                      return {.reference = request.reference, .id = image.id, .config = image.config};
                    });
    if (change_graph) lowered = change_graph(std::move(*lowered));
    SolveOptions solve_options;
    solve_options.max_parallelism = options.max_parallelism;
    solve_options.keep_going = options.keep_going;
    place_ = solve_options.place = options.place + "\n" + options.target;
    solve_options.failed = failed;
    solve_options.import_mount = import_mount;
    solve_options.shared = shared;
    solve_options.bring_layers = bring_layers;
    Context::Options context_options;
    context_options.directory = context_.path();
    context_options.name = "build context";
    context_options.state = &store_->state();
    if (std::filesystem::exists(context_.path() / ".dockerignore")) {
      auto rules = std::make_shared<SourceFile>();
      rules->name = ".dockerignore";
      std::ifstream stream(context_.path() / ".dockerignore");
      rules->text.assign(std::istreambuf_iterator<char>(stream), {});
      context_options.ignore = ignore_rules(read_ignore_file(rules));
    }
    solve_options.contexts[""] = Context::open(std::move(context_options));
    solve_options.secret = [this](const std::string& id) -> std::optional<std::string> {
      const auto found = secrets.find(id);
      return found == secrets.end() ? std::nullopt : std::optional(found->second);
    };
    solve_options.keyed_secrets = keyed_secrets;
    solve_options.ssh_agents = ssh_agents;
    return solve_options;
  }

  TemporaryFolder folder_;
  ContextFolder context_{folder_.path() / "context"};
  std::optional<Store> store_;
  std::string place_;
};

}  // namespace slipway
