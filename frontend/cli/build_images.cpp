#include "build_images.hpp"

#include "build_inputs.hpp"
#include "table.hpp"
#include "transfer_lines.hpp"

#include <cache/archive/load.hpp>
#include <cache/images/facts.hpp>
#include <cache/registry/pull.hpp>
#include <cache/store.hpp>
#include <executor/sources/source_lock.hpp>
#include <executor/sources/taken_sources.hpp>
#include <frontend/parse.hpp>
#include <ir/error.hpp>
#include <ir/printable.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

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
  PullLines(std::string name, TransferLines::Shown shown)
      : name_(std::move(name)), transfers_(shown, "Downloading", false) {}

  void layers(const std::vector<BlobDescriptor>& list) override {
    total_ = list.size();
    std::uint64_t bytes = 0;
    for (const BlobDescriptor& layer : list) bytes += layer.size;
    transfers_.say("pulling " + name_ + ": " + std::to_string(total_) +
                   (total_ == 1 ? " layer, " : " layers, ") + size_text(bytes));
    for (const BlobDescriptor& layer : list) transfers_.add(layer, "Waiting");
    bytes_.resize(total_);
  }
  void resumed(std::size_t position, std::uint64_t bytes) override {
    resumed_ += bytes;
    transfers_.resumed(position, bytes);
  }
  void arrived(std::size_t position, std::uint64_t bytes) override {
    bytes_.at(position) = bytes;
    transfers_.moved(position, bytes);
  }
  void stored(std::size_t position, bool present) override {
    transfers_.ended(position, present ? "Already exists" : "Pull complete");
    if (++stored_ < total_) return;
    std::uint64_t bytes = 0;
    for (const std::uint64_t each : bytes_) bytes += each;
    bytes -= std::min(bytes, resumed_);
    const auto took = std::chrono::steady_clock::now() - began_;
    std::string text = "pulled " + name_;
    // Of what took no time there is nothing to say.
    if (took > std::chrono::seconds(1) && bytes > 0)
      text += ": " + size_text(bytes) + " in " +
              seconds_text(std::chrono::nanoseconds(took).count()) + ", " + rate_text(bytes, took);
    transfers_.say(text);
  }
  void resolved(const Digest& digest) override { digest_ = digest; }
  void warned(const std::string& text) override {
    transfers_.say("warning: registry: " + quoted(text));
  }
  // What the registry has under the name.
  const std::optional<Digest>& digest() const { return digest_; }

 private:
  const std::string name_;
  TransferLines transfers_;
  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  std::size_t total_ = 0;
  std::size_t stored_ = 0;
  std::vector<std::uint64_t> bytes_;  // of each layer that came
  std::uint64_t resumed_ = 0;
  std::optional<Digest> digest_;
};

// By a name or an ID. One that has lost a layer is not there: it is pulled again.
std::optional<Image> find_sound(Store& store, const auto& which, const Platform& platform) {
  try {
    return store.images().find(which, platform);
  } catch (const LostLayer&) {
    return std::nullopt;
  }
}

// A local image of another platform is not what was asked for; a registry may have it.
std::optional<Image> find_here(Store& store, const Reference& reference, const Platform& platform,
                               bool whole) {
  std::optional<Image> local = find_sound(store, reference, platform);
  if (local && whole && !is_whole(*local, store)) return std::nullopt;
  return local;
}

bool is_of(const Reference& digest, const Reference& name) {
  return digest.domain == name.domain && digest.repository == name.repository;
}

// What a lock holds an image to, by whatever name the store has it.
std::optional<Image> find_held(Store& store, const Reference& reference, const LockEntry& held,
                               const Platform& platform, bool whole) {
  const auto good = [&](const std::optional<Image>& image) {
    return image && (!whole || is_whole(*image, store));
  };
  std::optional<Image> image;
  if (held.id) {
    image = find_sound(store, *held.id, platform);
    return good(image) ? image : std::nullopt;
  }
  Reference pinned = reference;
  pinned.digest = held.digest;
  image = find_here(store, pinned, platform, whole);
  if (image) return image;
  // Pulled by a tag that has moved since, or that still stands for it.
  for (const auto& [id, names] : store.image_facts().digests()) {
    const bool same = std::any_of(names.begin(), names.end(), [&](const Reference& name) {
      return is_of(name, reference) && name.digest == held.digest;
    });
    if (!same) continue;
    image = find_sound(store, id, platform);
    if (good(image)) return image;
  }
  return std::nullopt;
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
struct Layout {
  explicit Layout(const std::string& reference) : path(reference.substr(layout_scheme.size())) {
    cut('@');
    cut(':');
  }
  std::string path;
  std::string which;  // with its mark; empty: the only one

 private:
  void cut(char mark) {
    const std::size_t slash = path.rfind('/');
    const std::size_t at = path.find(mark, slash == std::string::npos ? 0 : slash);
    if (at == std::string::npos) return;
    if (which.size() <= 1) which = path.substr(at);
    path.resize(at);
  }
};

// What a layout is called in all that is told: by its context's name, for where it lies on this
// machine is nobody's business, and another machine has it elsewhere. Empty: no context leads
// there.
std::string told_name(const std::string& reference,
                      const std::map<std::string, NamedContext>& contexts) {
  const auto named = std::find_if(contexts.begin(), contexts.end(), [&](const auto& context) {
    return context.second.kind == NamedContext::Kind::image && context.second.value == reference;
  });
  if (named == contexts.end()) return {};
  return std::string(layout_scheme) + named->first + Layout(reference).which;
}

Image from_layout(Store& store, const ImageRequest& wanted) {
  const Layout layout(wanted.reference);
  PullProgress progress;
  return load_layout(store, layout.path, layout.which.substr(layout.which.empty() ? 0 : 1),
                     wanted.platform, progress);
}

}  // namespace

std::optional<ResolvedImage> find_image(Store& store, const ImageRequest& wanted,
                                        const SourceLock* lock) {
  if (wanted.reference.starts_with(layout_scheme)) return std::nullopt;
  Reference reference = parse_reference(wanted.reference);
  const auto held = lock != nullptr ? lock->image(wanted.reference, wanted.platform) : std::nullopt;
  const std::optional<Image> local =
      held ? find_held(store, reference, *held, wanted.platform, false)
           : find_here(store, reference, wanted.platform, false);
  if (!local) return std::nullopt;
  if (held) reference.digest = held->digest;
  return resolved(*local, reference.text());
}

ResolveImage image_resolver(const BuildRequest& request, Store& store, TakenSources& taken,
                            const SourceLock* lock) {
  const ProgressMode mode = parse_progress_mode(request.progress);
  TransferLines::Shown shown =
      TransferLines::by_stderr(request.quiet || mode == ProgressMode::quiet);
  if (shown == TransferLines::Shown::terminal && mode == ProgressMode::plain)
    shown = TransferLines::Shown::lines;
  return [pull_always = request.pull, contexts = named_contexts(request), shown, &store, &taken,
          lock](const ImageRequest& wanted) {
    const bool is_layout = wanted.reference.starts_with(layout_scheme);
    const std::string name = is_layout ? told_name(wanted.reference, contexts) : wanted.reference;
    // A Dockerfile reads no folder of this machine by itself: for it that is no reference.
    if (name.empty()) parse_reference(wanted.reference);
    const auto held = lock != nullptr ? lock->image(name, wanted.platform) : std::nullopt;
    if (is_layout) {
      const Image image = from_layout(store, wanted);
      ResolvedSource source;
      source.name = source.reference = name;
      source.platform = wanted.platform;
      source.id = image.id;
      taken.add_image(std::move(source));
      return resolved(image, name);
    }
    Reference reference = parse_reference(wanted.reference);
    std::optional<Image> image;
    std::optional<Digest> told;
    if (held) {
      image = find_held(store, reference, *held, wanted.platform, true);
      reference.digest = held->digest;
    } else if (!pull_always) {
      image = find_here(store, reference, wanted.platform, true);
      // The digests of today are the registry's to tell; what was made or named here has none.
      if (image && lock != nullptr && lock->mode() == SourceLock::Mode::update) {
        const std::vector<Reference> known = store.image_facts().digests(image->id);
        if (std::any_of(known.begin(), known.end(),
                        [&](const Reference& digest) { return is_of(digest, reference); }))
          image.reset();
      }
    }
    if (!image) {
      PullLines lines(reference.familiar(), shown);
      try {
        image = pull(store, reference, wanted.platform, lines);
      } catch (Error& error) {
        if (held) {
          error.hint("the lock file holds " + quoted(wanted.reference) + " to " + held->value() +
                     "; --update-lock takes what its name stands for now");
          throw;
        }
        const std::string here = platforms_here(store, reference);
        if (!here.empty() && !pull_always)
          error.hint("the store has it for " + here + ", not for " + wanted.platform.text());
        throw;
      }
      told = lines.digest();
      if (held && held->id && *held->id != image->id)
        throw Error("the lock file holds " + quoted(wanted.reference) + " to " + held->value() +
                    ", which is not in this store, and its registry has " + image->id.text())
            .hint("--update-lock takes what is there now");
    }
    ResolvedSource source = image_source(store.image_facts(), *image, wanted.reference, reference,
                                         wanted.platform, told);
    // As the file has it.
    if (held && held->digest) source.every_platform = !held->platform.has_value();
    taken.add_image(std::move(source));
    return resolved(*image, reference.text());
  };
}

}  // namespace slipway
