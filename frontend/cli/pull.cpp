// slipway pull: an image from a registry.
#include "command.hpp"
#include "owned_store.hpp"
#include "print.hpp"
#include "table.hpp"
#include "transfer_lines.hpp"

#include <cache/registry/pull.hpp>
#include <ir/error.hpp>
#include <ir/printable.hpp>

#include <CLI/CLI.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {
namespace {

struct Request {
  std::string image;
  std::string platform;
  bool all_tags = false;
  bool quiet = false;
};

class Lines : public PullProgress {
 public:
  explicit Lines(bool quiet) : transfers_(TransferLines::by_stderr(quiet), "Downloading") {}

  void resolved(const Digest& digest) override { digest_ = digest; }
  void layers(const std::vector<BlobDescriptor>& layers) override {
    layers_ = layers;
    for (const BlobDescriptor& layer : layers) transfers_.add(layer, "Waiting");
  }
  void resumed(std::size_t position, std::uint64_t bytes) override {
    transfers_.resumed(position, bytes);
  }
  void arrived(std::size_t position, std::uint64_t bytes) override {
    transfers_.moved(position, bytes);
  }
  void stored(std::size_t position, bool present) override {
    transfers_.ended(position, present ? "Already exists"
                                       : "Pull complete, " + size_text(layers_.at(position).size));
  }
  void warned(const std::string& text) override { say("warning: registry: " + quoted(text)); }
  void say(const std::string& text) { transfers_.say(text); }
  const std::optional<Digest>& digest() const { return digest_; }

 private:
  TransferLines transfers_;
  std::optional<Digest> digest_;
  std::vector<BlobDescriptor> layers_;
};

// One that has lost a layer is not: this is what brings it back.
std::optional<Image> find_here(Store& store, const Reference& name, const Platform& platform) {
  try {
    return store.images().find(name, platform);
  } catch (const LostLayer&) {
    return std::nullopt;
  }
}

// True: the name stands for another image than before.
bool pull_one(Store& store, const Reference& name, const Platform& platform, Lines& lines) {
  const std::optional<Image> before = find_here(store, name, platform);
  lines.say((name.digest ? name.digest->text() : name.tag) + ": Pulling from " + name.repository);
  const Image image = pull(store, name, platform, lines);
  if (lines.digest()) lines.say("Digest: " + lines.digest()->text());
  if (!matches(image.config.platform, platform)) {
    lines.say("warning: the image is for " + printable(image.config.platform.text()) +
              ", not for " + platform.text());
  }
  return !before || before->id != image.id;
}

int pull_image(const Request& request, const std::filesystem::path& root) {
  const Reference name = parse_reference(request.image);
  const bool alone = !name.digest && !request.image.ends_with(":" + name.tag);
  if (request.all_tags && !alone)
    throw Error("--all-tags takes a name without a tag or digest, not " + quoted(request.image));
  const Platform platform =
      request.platform.empty() ? host_platform() : parse_platform(request.platform);
  OwnedStore owned(root);
  Lines lines(request.quiet);
  std::vector<Reference> names{name};
  if (request.all_tags) {
    names = tagged_names(name);
  } else if (alone) {
    lines.say("Using default tag: latest");
  }
  bool newer = false;
  for (const Reference& each : names) newer = pull_one(owned.store, each, platform, lines) || newer;
  std::string shown = name.familiar();
  std::string whole = name.text();
  if (request.all_tags) {
    shown.resize(shown.rfind(':'));
    whole.resize(whole.rfind(':'));
  }
  lines.say((newer ? "Status: Downloaded newer image for " : "Status: Image is up to date for ") +
            shown);
  print(whole + "\n");
  return 0;
}

}  // namespace

std::function<int()> declare_pull(CLI::App& app, const Globals& globals) {
  auto request = std::make_shared<Request>();
  app.description(
      "Gets an image from a registry. Layers that are in the store are not downloaded; the others "
      "are verified and unpacked while they are. A pull that was interrupted goes on where it was. "
      "Logins are those of docker (~/.docker/config.json).");
  app.add_option("image", request->image, "the image's name")
      ->required()
      ->type_name("NAME[:TAG|@DIGEST]");
  app.add_option("--platform", request->platform, "the variant to get (default: the host's own)")
      ->type_name("OS/ARCH");
  app.add_flag("-a,--all-tags", request->all_tags, "get all that the repository has a tag for");
  app.add_flag("-q,--quiet", request->quiet, "print nothing but the image's whole name");
  app.footer(R"(
Examples:
  slipway pull debian:bookworm
  slipway pull --platform linux/arm64 debian:bookworm
  slipway pull localhost:5000/team/app:1.2
  slipway pull --all-tags localhost:5000/team/app
)");
  return [request, &globals] { return pull_image(*request, globals.root); };
}

}  // namespace slipway
