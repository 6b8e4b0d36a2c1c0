#include "build_images.hpp"

#include "table.hpp"
#include "transfer_lines.hpp"

#include <cache/archive/load.hpp>
#include <cache/registry/pull.hpp>
#include <cache/store.hpp>
#include <frontend/parse.hpp>
#include <ir/error.hpp>
#include <ir/printable.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
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

 private:
  const std::string name_;
  TransferLines transfers_;
  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  std::size_t total_ = 0;
  std::size_t stored_ = 0;
  std::vector<std::uint64_t> bytes_;  // of each layer that came
  std::uint64_t resumed_ = 0;
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
  const ProgressMode mode = parse_progress_mode(request.progress);
  TransferLines::Shown shown =
      TransferLines::by_stderr(request.quiet || mode == ProgressMode::quiet);
  if (shown == TransferLines::Shown::terminal && mode == ProgressMode::plain)
    shown = TransferLines::Shown::lines;
  return [pull_always = request.pull, shown, &store](const ImageRequest& wanted) {
    if (wanted.reference.starts_with(layout_scheme)) {
      return resolved(from_layout(store, wanted), wanted.reference);
    }
    const Reference reference = parse_reference(wanted.reference);
    if (!pull_always)
      if (auto local = find_here(store, reference, wanted.platform, true)) return std::move(*local);
    PullLines lines(reference.familiar(), shown);
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
