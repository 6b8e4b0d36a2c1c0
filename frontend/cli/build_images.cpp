#include "build_images.hpp"

#include <cache/archive/load.hpp>
#include <cache/registry/pull.hpp>
#include <cache/store.hpp>
#include <frontend/parse.hpp>
#include <ir/error.hpp>
#include <ir/printable.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <utility>

namespace slipway {
namespace {

ResolvedImage resolved(const Image& image, std::string reference) {
  ResolvedImage result;
  result.triggers = parse_triggers(image.config.on_build, reference);
  result.reference = std::move(reference);
  result.id = image.id;
  result.config = image.config;
  return result;
}

// Whether the layers are there, not only their rows: what somebody deleted is pulled again.
bool is_whole(const Image& image, Store& store) {
  return std::all_of(image.layers.begin(), image.layers.end(), [&store](const LayerRef& layer) {
    return store.layers().find(layer.diff_id).has_value();
  });
}

// Says on stderr what arrives: the build's own display begins when the graph is known.
class PullLines : public PullProgress {
 public:
  PullLines(std::string name, bool quiet) : name_(std::move(name)), quiet_(quiet) {}

  void layers(const std::vector<BlobDescriptor>& list) override {
    total_ = list.size();
    std::uint64_t bytes = 0;
    for (const BlobDescriptor& layer : list) bytes += layer.size;
    char size[32];
    std::snprintf(size, sizeof size, "%.1f MB", static_cast<double>(bytes) / 1e6);
    say("pulling " + name_ + ": " + std::to_string(total_) + " layers, " + size);
  }
  void stored(std::size_t, bool) override {
    if (++stored_ == total_) say("pulled " + name_);
  }

 private:
  void say(const std::string& text) const {
    if (!quiet_) std::fputs((text + "\n").c_str(), stderr);
  }

  std::string name_;
  bool quiet_;
  std::size_t total_ = 0;
  std::size_t stored_ = 0;
};

// A local image of another platform is not what was asked for; a registry may have it.
std::optional<ResolvedImage> find_here(Store& store, const Reference& reference,
                                       const Platform& platform, bool whole) {
  const std::optional<Image> local = store.images().find(reference, platform);
  if (!local) return std::nullopt;
  if (whole && !is_whole(*local, store)) return std::nullopt;
  return resolved(*local, reference.text());
}

// "linux/amd64, linux/arm64"; empty: the store has no image of this name.
std::string platforms_here(Store& store, const Reference& reference) {
  std::string list;
  for (const Platform& platform : store.images().platforms(reference))
    list += (list.empty() ? "" : ", ") + printable(platform.text());
  return list;
}

constexpr std::string_view layout_scheme = "oci-layout://";

// "oci-layout://PATH", with ":TAG" or "@DIGEST" behind it; of both the digest counts.
Image from_layout(Store& store, const ImageRequest& wanted) {
  std::string path = wanted.reference.substr(layout_scheme.size());
  std::string which;
  const auto cut = [&](char mark) {
    const std::size_t slash = path.rfind('/');
    const std::size_t at = path.find(mark, slash == std::string::npos ? 0 : slash);
    if (at == std::string::npos) return;
    if (which.empty()) which = path.substr(at + 1);
    path.resize(at);
  };
  cut('@');
  cut(':');
  PullProgress progress;
  return load_layout(store, path, which, wanted.platform, progress);
}

}  // namespace

std::optional<ResolvedImage> find_image(Store& store, const ImageRequest& wanted) {
  if (wanted.reference.starts_with(layout_scheme)) return std::nullopt;
  return find_here(store, parse_reference(wanted.reference), wanted.platform, false);
}

ResolveImage image_resolver(const BuildRequest& request, Store& store) {
  const bool quiet = request.quiet || request.progress == "quiet" || request.progress == "none";
  return [pull_always = request.pull, quiet, &store](const ImageRequest& wanted) {
    if (wanted.reference.starts_with(layout_scheme)) {
      return resolved(from_layout(store, wanted), wanted.reference);
    }
    const Reference reference = parse_reference(wanted.reference);
    if (!pull_always)
      if (auto local = find_here(store, reference, wanted.platform, true)) return std::move(*local);
    PullLines lines(reference.familiar(), quiet);
    try {
      return resolved(pull(store, reference, wanted.platform, lines), reference.text());
    } catch (Error& error) {
      const std::string here = platforms_here(store, reference);
      if (!here.empty() && !pull_always)
        error.hint("the store has it for " + here + ", not for " + wanted.platform.text());
      throw;
    }
  };
}

}  // namespace slipway
