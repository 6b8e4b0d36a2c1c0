// What a build reads: its flags, its Dockerfile, its contexts.
#pragma once

#include "build_request.hpp"
#include "session.hpp"

#include <cache/layers/store.hpp>
#include <executor/files/context.hpp>
#include <executor/files/source_tree.hpp>
#include <executor/solve/solve.hpp>
#include <executor/sources/taken_sources.hpp>
#include <frontend/ignore_file.hpp>
#include <ir/entitlements.hpp>
#include <ir/lower.hpp>
#include <ir/source.hpp>

#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace slipway {

class SourceLock;
class Store;

struct BuildInputs {
  std::shared_ptr<const SourceFile> dockerfile;
  // The build context: a directory, or what came on standard input or from elsewhere.
  std::optional<std::filesystem::path> directory;
  IgnoreFile ignore;  // the Dockerfile's own or the directory's; that of a tar does not count
  std::optional<Staging> unpacked;  // holds the tree's files
  std::unique_ptr<SourceTree> tree;
  TakenSources taken;  // what contexts that are elsewhere were made of
};

// No Dockerfile is larger; whatever is was named by mistake.
inline constexpr std::size_t most_text_bytes = std::size_t{64} << 20;

// A whole text file. Nothing if there is none. Throws Error, also for one larger than 64 MiB.
std::optional<std::string> read_text(const std::filesystem::path& path);

// The Dockerfile that -f names on this machine whatever the context: standard input for "-", or an
// absolute path. Null: -f names a file of the context. Throws Error if there is none.
std::shared_ptr<const SourceFile> local_dockerfile(const BuildRequest& request);

// The .dockerignore of a directory.
IgnoreFile find_ignore_file(const std::filesystem::path& directory);

// What the flags say of lowering, with the first of the platforms. `without_build`: nothing is run,
// so everything is allowed. Throws Error.
LowerOptions lower_options(const BuildRequest& request, bool without_build);

// --platform: at least one, each once. Throws Error.
std::vector<Platform> target_platforms(const BuildRequest& request);

// Reads the Dockerfile and finds the context. `store` is called only where a context arrives as a
// tar and has to be put somewhere. Throws Error.
BuildInputs read_build_inputs(const BuildRequest& request, const Session& session,
                              const std::function<Store&()>& store);

// --build-context, by name in lower case.
std::map<std::string, NamedContext> named_contexts(const BuildRequest& request);

// Opens the contexts that the graph reads, and fetches those that are elsewhere, held to `lock`;
// null: there is none. What `inputs` has is moved. Throws Error.
void open_contexts(BuildInputs& inputs, const std::map<std::string, NamedContext>& named,
                   const BuildRequest& request, const Session& session, const Graph& graph,
                   Store& store, SolveOptions& options, const SourceLock* lock);

// --allow, and what --network=host allows. Throws Error.
Entitlements granted_entitlements(const BuildRequest& request);

// "a=1,b=2" with the quoting of CSV, as docker's structured flags have it. Throws Error.
std::vector<std::pair<std::string, std::string>> parse_fields(std::string_view text,
                                                              std::string_view flag);

}  // namespace slipway
