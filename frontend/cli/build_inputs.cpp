#include "build_inputs.hpp"

#include "build_plan.hpp"
#include "context_text.hpp"
#include "git_context.hpp"
#include "http_context.hpp"
#include "stdin_context.hpp"

#include <cache/store.hpp>
#include <frontend/parse.hpp>
#include <ir/error.hpp>
#include <ir/graph.hpp>
#include <ir/letter_case.hpp>
#include <ir/nearest.hpp>
#include <ir/remote_source.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <set>
#include <utility>

namespace slipway {
namespace {

namespace fs = std::filesystem;

// For a directory that is not there.
std::string meant_directory(const fs::path& path) {
  std::vector<std::string> names;
  std::error_code error;
  std::error_code ignored;
  const fs::path parent = path.parent_path();
  for (fs::directory_iterator at(parent.empty() ? "." : parent, error), end; !error && at != end;
       at.increment(error))
    if (at->is_directory(ignored)) names.push_back(at->path().filename().string());
  return did_you_mean(path.filename().string(), names, "CONTEXT is a directory, a URL or -",
                      parent.empty() ? "" : (parent / "").string());
}

IgnoreFile ignore_file_at(const fs::path& path) {
  std::optional<std::string> text = read_text(path);
  if (!text) return {};
  auto source = std::make_shared<SourceFile>();
  source->name = path.lexically_normal().string();
  source->text = std::move(*text);
  return read_ignore_file(std::move(source));
}

// An image's name as short as people write it: that of --build-context
// docker.io/library/debian:latest stands for FROM debian too.
std::string short_name(std::string name) {
  for (const std::string_view prefix : {"docker.io/", "library/"})
    if (name.starts_with(prefix)) name.erase(0, prefix.size());
  constexpr std::string_view latest = ":latest";
  if (name.ends_with(latest)) name.erase(name.size() - latest.size());
  return name;
}

void find_dockerfile(const BuildRequest& request, BuildInputs& inputs) {
  fs::path path = request.file.empty() ? *inputs.directory / "Dockerfile" : fs::path(request.file);
  std::optional<std::string> text = read_text(path);
  if (!text && path.filename() == "Dockerfile") {
    // As docker: the lower-case name does where the usual one is missing.
    const fs::path lower = path.parent_path() / "dockerfile";
    if ((text = read_text(lower))) path = lower;
  }
  if (!text) {
    throw Error("there is no " + quoted(path.string()))
        .hint(request.file.empty() ? "name the file with -f FILE, or give another context"
                                   : "-f is relative to the current directory");
  }
  auto source = std::make_shared<SourceFile>();
  source->name = path.lexically_normal().string();
  source->text = std::move(*text);
  inputs.dockerfile = std::move(source);

  // The Dockerfile's own ignore file wins, even an empty one.
  inputs.ignore = ignore_file_at(path.string() + ".dockerignore");
  if (!inputs.ignore.source) inputs.ignore = find_ignore_file(*inputs.directory);
}

}  // namespace

std::optional<std::string> read_text(const fs::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    throw system_error("open", path.string(), errno);
  }
  std::string text;
  char buffer[65536];
  ssize_t got = 0;
  while ((got = ::read(descriptor, buffer, sizeof buffer)) > 0) {
    text.append(buffer, static_cast<std::size_t>(got));
    if (text.size() > most_text_bytes) {
      ::close(descriptor);
      throw Error(quoted(path.string()) + " is larger than 64 MiB");
    }
  }
  const int error = errno;
  ::close(descriptor);
  if (got < 0) throw system_error("read", path.string(), error);
  return text;
}

std::shared_ptr<const SourceFile> local_dockerfile(const BuildRequest& request) {
  if (request.file == "-") return std::make_shared<SourceFile>(SourceFile{"-", read_stdin_text()});
  const fs::path path(request.file);
  if (!path.is_absolute()) return nullptr;
  std::optional<std::string> text = read_text(path);
  if (!text) throw Error("there is no " + quoted(request.file));
  return std::make_shared<SourceFile>(SourceFile{request.file, std::move(*text)});
}

IgnoreFile find_ignore_file(const fs::path& directory) {
  return ignore_file_at(directory / ".dockerignore");
}

BuildInputs read_build_inputs(const BuildRequest& request, const Session& session,
                              const std::function<Store&()>& store) {
  BuildInputs inputs;
  if (is_http_context(request.context)) {
    read_http_context(inputs, request, session, store());
    return inputs;
  }
  if (is_git_context(request.context)) {
    read_git_context(inputs, request, session, store());
    return inputs;
  }
  if (request.context == "-") {
    if (request.file == "-") throw Error("the context and the Dockerfile cannot both be stdin");
    read_stdin_context(inputs, request.file, store);
    return inputs;
  }
  struct stat status {};
  if (::stat(request.context.c_str(), &status) != 0) {
    if (errno != ENOENT && errno != ENOTDIR) throw system_error("stat", request.context, errno);
    throw Error("the build context " + quoted(request.context) + " does not exist")
        .hint(meant_directory(request.context));
  }
  if (!S_ISDIR(status.st_mode)) {
    throw Error("the build context " + quoted(request.context) + " is not a directory")
        .hint("to name a Dockerfile, use -f FILE; to build a tar, slipway build - < FILE");
  }
  inputs.directory = request.context;
  if (request.file == "-") {
    inputs.dockerfile = local_dockerfile(request);
    inputs.ignore = find_ignore_file(*inputs.directory);
    return inputs;
  }
  find_dockerfile(request, inputs);
  return inputs;
}

std::map<std::string, NamedContext> named_contexts(const BuildRequest& request) {
  constexpr std::string_view image_scheme = "docker-image://";
  std::map<std::string, NamedContext> contexts;
  for (const std::string& text : request.build_contexts) {
    const auto equals = text.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) {
      throw Error("--build-context " + quoted(text) + " is not NAME=VALUE")
          .hint("--build-context src=../src or base=docker-image://debian:bookworm");
    }
    const std::string name = short_name(lower_case(text.substr(0, equals)));
    std::string value = text.substr(equals + 1);
    NamedContext context;
    if (value.starts_with(image_scheme)) {
      context = {NamedContext::Kind::image, value.substr(image_scheme.size())};
    } else if (value.starts_with("oci-layout://")) {
      context = {NamedContext::Kind::image, value};
    } else if (value.starts_with("target:")) {
      context = {NamedContext::Kind::stage, value.substr(7)};
    } else if (is_http_context(value) || is_git_context(value)) {
      context = {NamedContext::Kind::directory, value};  // fetched if something needs it
    } else if (struct stat status{}; ::stat(value.c_str(), &status) == 0) {
      if (!S_ISDIR(status.st_mode)) throw Error(quoted(value) + " is not a directory");
      context = {NamedContext::Kind::directory, value};
    } else {
      // No such directory: the name of a stage, as `docker buildx bake` writes it.
      context = {NamedContext::Kind::stage, value};
    }
    contexts[name] = std::move(context);
  }
  return contexts;
}

void open_contexts(BuildInputs& inputs, const std::map<std::string, NamedContext>& named,
                   const BuildRequest& request, const Session& session, const Graph& graph,
                   Store& store, SolveOptions& options, const SourceLock* lock) {
  std::set<std::string> read;
  for (std::uint32_t i = 0; i < graph.size(); ++i) {
    if (const auto* context = std::get_if<ReadContext>(&graph[VertexId{i}].operation)) {
      read.insert(context->name);
    }
  }
  for (const std::string& name : read) {
    Context::Options opened;
    opened.state = &store.state();
    if (name.empty()) {
      if (inputs.tree) options.trees[name] = std::move(inputs.tree);
      if (!inputs.directory) continue;
      opened.directory = *inputs.directory;
      opened.name = "build context";
      opened.ignore = ignore_rules(inputs.ignore);
      opened.rule_places = rule_places(inputs.ignore);
    } else {
      const auto found = named.find(name);
      if (found == named.end()) continue;
      const std::string& value = found->second.value;
      opened.name = "build context " + name;
      // A plan fetches nothing; the steps that need it are not known then.
      const bool elsewhere = is_http_context(value) || is_git_context(value);
      if (elsewhere && parse_dry_run(request) != PlanMode::none) continue;
      if (is_http_context(value)) {
        HttpContext fetched =
            fetch_http_context(value, "[context " + name + "]", without_credentials(value),
                               opened.name, request, session, store, lock);
        options.trees[name] = std::move(fetched.tree);
        inputs.taken.add_context(std::move(fetched.sources), name);
        continue;
      }
      if (is_git_context(value)) {
        GitContext fetched =
            fetch_git_context(value, false, opened.name, request, session, store, lock);
        options.trees[name] = std::move(fetched.tree);
        inputs.taken.add_context(std::move(fetched.sources), name);
        continue;
      }
      opened.directory = value;
      const IgnoreFile ignore = find_ignore_file(opened.directory);
      opened.ignore = ignore_rules(ignore);
      opened.rule_places = rule_places(ignore);
    }
    options.contexts[name] = Context::open(std::move(opened));
  }
}

}  // namespace slipway
