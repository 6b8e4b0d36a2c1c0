#include <executor/sources/resolved_source.hpp>

#include <ir/remote_source.hpp>

#include <algorithm>
#include <tuple>
#include <utility>
#include <variant>

namespace slipway {

std::optional<ResolvedSource> resolved_source(const Operation& operation,
                                              const std::optional<Digest>& content,
                                              const std::optional<FetchGit>& git) {
  ResolvedSource source;
  if (const auto* image = std::get_if<BaseImage>(&operation)) {
    source.kind = ResolvedSource::Kind::image;
    source.name = source.reference = image->reference;
    source.id = image->config;
    return source;
  }
  if (const auto* http = std::get_if<FetchHttp>(&operation)) {
    if (!content) return std::nullopt;
    source.kind = ResolvedSource::Kind::http;
    source.name = without_credentials(http->url);
    source.digest = content;
    return source;
  }
  if (const auto* fetch = std::get_if<FetchGit>(&operation)) {
    if (!git) return std::nullopt;
    source.kind = ResolvedSource::Kind::git;
    source.name = without_credentials(fetch->remote);
    source.ref = fetch->ref;
    source.full_ref = git->ref.starts_with("refs/") ? git->ref : std::string();
    source.subdir = fetch->subdir;
    source.commit = git->commit;
    source.keep_git_dir = fetch->keep_git_dir;
    return source;
  }
  return std::nullopt;
}

void make_unique(std::vector<ResolvedSource>& sources) {
  const auto order = [](const ResolvedSource& source) {
    return std::make_tuple(source.kind, source.name, source.ref, source.subdir,
                           source.keep_git_dir, source.platform, source.use, source.context,
                           source.commit, source.id, source.digest);
  };
  std::sort(sources.begin(), sources.end(), [&](const auto& left, const auto& right) {
    return order(left) < order(right);
  });
  sources.erase(std::unique(sources.begin(), sources.end()), sources.end());
}

}  // namespace slipway
