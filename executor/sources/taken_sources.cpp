#include <executor/sources/taken_sources.hpp>

#include <cache/images/facts.hpp>
#include <cache/images/store.hpp>

#include <utility>

namespace slipway {

void TakenSources::add_context(std::vector<ResolvedSource> sources, const std::string& context) {
  for (ResolvedSource& source : sources) {
    source.use =
        context.empty() ? ResolvedSource::Use::build_context : ResolvedSource::Use::named_context;
    source.context = context;
    contexts_.push_back(std::move(source));
  }
}

std::vector<ResolvedSource> TakenSources::with(const std::vector<ResolvedSource>& solved) const {
  std::vector<ResolvedSource> all = contexts_;
  for (const ResolvedSource& source : solved) {
    bool known = false;
    if (source.kind == ResolvedSource::Kind::image) {
      // One vertex may be what several names or platforms have led to.
      for (const ResolvedSource& image : images_) {
        if (image.reference != source.reference || image.id != source.id) continue;
        all.push_back(image);
        known = true;
      }
    }
    if (!known) all.push_back(source);
  }
  make_unique(all);
  return all;
}

ResolvedSource image_source(const ImageFacts& facts, const Image& image, const std::string& name,
                            const Reference& reference, const Platform& platform,
                            const std::optional<Digest>& told) {
  ResolvedSource source;
  source.kind = ResolvedSource::Kind::image;
  source.name = name;
  source.reference = reference.text();
  source.platform = platform;
  source.id = image.id;
  if (reference.digest || told) {
    source.digest = reference.digest ? reference.digest : told;
    source.every_platform = true;
    return source;
  }
  // An index serves every platform, the image's own manifest this one: where both are known, the
  // index is what the name stood for.
  const std::optional<OriginalManifest> manifest = facts.manifest(image.id);
  const std::optional<Digest> own = manifest ? std::optional(sha256(manifest->json)) : std::nullopt;
  // What another repository calls it is no digest to ask this name's for.
  for (const Reference& known : facts.digests(image.id)) {
    if (known.domain != reference.domain || known.repository != reference.repository) continue;
    if (!source.digest || (source.digest == own && known.digest != own))
      source.digest = known.digest;
  }
  source.every_platform = source.digest && own && source.digest != own;
  return source;
}

}  // namespace slipway
