// What a build took from outside: images, files of the web, commits of git repositories.
#pragma once

#include <ir/digest.hpp>
#include <ir/operation.hpp>
#include <ir/platform.hpp>

#include <optional>
#include <string>
#include <vector>

namespace slipway {

// One of them, as it was asked for and as it was found. Names have no credentials in them, but for
// those that somebody wrote into a URL's query.
struct ResolvedSource {
  enum class Kind { image, http, git };
  Kind kind = Kind::image;
  // Empty: FROM, COPY --from, a mount's from= or ADD named it. Else it is a build context: a named
  // one (--build-context NAME=), or the build's own.
  enum class Use { step, named_context, build_context };
  Use use = Use::step;
  std::string context;  // the named context's name

  // As written, after expansion: "debian:bookworm", a URL, what git takes for a remote.
  std::string name;

  // image: "docker.io/library/debian:bookworm", what it is for, its ID, and the digest of the
  // manifest or index that its registry has; without one no registry is known to have it.
  std::string reference;
  std::optional<Platform> platform;
  Digest id;
  // http: sha256 of the file.
  std::optional<Digest> digest;
  // image: the digest is what the name stands for, whatever platform is asked for.
  bool every_platform = false;

  // git
  std::string ref;       // as written; empty: what the remote calls HEAD
  std::string full_ref;  // "refs/heads/main", where the remote told it
  std::string subdir;
  std::string commit;    // with keep_git_dir of an annotated tag the tag's own object
  bool keep_git_dir = false;

  bool operator==(const ResolvedSource&) const = default;
};

// What a solve has found of a vertex that takes something from outside. `content` is of a FetchHttp:
// the file's sha256; `git` the operation with its commit. Nothing for any other operation. Of an
// image only `reference` and `id` are known here: who resolved it knows the rest.
std::optional<ResolvedSource> resolved_source(const Operation& operation,
                                              const std::optional<Digest>& content,
                                              const std::optional<FetchGit>& git);

// Sorted by kind and name, each once.
void make_unique(std::vector<ResolvedSource>& sources);

}  // namespace slipway
