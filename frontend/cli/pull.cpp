// slipway pull: an image from a registry.
#include "command.hpp"
#include "owned_store.hpp"
#include "print.hpp"
#include "table.hpp"

#include <cache/registry/pull.hpp>
#include <ir/error.hpp>
#include <ir/printable.hpp>

#include <CLI/CLI.hpp>

#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace slipway {
namespace {

struct Request {
  std::string image;
  std::string platform;
  bool quiet = false;
};

// Docker's lines, on standard error.
class Lines : public PullProgress {
 public:
  explicit Lines(bool quiet) : quiet_(quiet) {}

  void resolved(const Digest& digest) override { digest_ = digest; }
  void layers(const std::vector<BlobDescriptor>& layers) override { layers_ = layers; }
  void stored(std::size_t position, bool present) override {
    const BlobDescriptor& layer = layers_.at(position);
    say(short_id(layer.digest) +
        (present ? ": Already exists" : ": Pull complete, " + size_text(layer.size)));
  }
  void say(const std::string& text) const {
    if (!quiet_) std::fputs((text + "\n").c_str(), stderr);
  }
  const std::optional<Digest>& digest() const { return digest_; }

 private:
  bool quiet_;
  std::optional<Digest> digest_;
  std::vector<BlobDescriptor> layers_;
};

int pull_image(const Request& request, const std::filesystem::path& root) {
  const Reference name = parse_reference(request.image);
  const Platform platform =
      request.platform.empty() ? host_platform() : parse_platform(request.platform);
  OwnedStore owned(root);
  Store& store = owned.store;
  const std::optional<Image> before = store.images().find(name, platform);
  Lines lines(request.quiet);
  if (name.tag == "latest" && request.image.find("latest") == std::string::npos) {
    lines.say("Using default tag: latest");
  }
  lines.say((name.digest ? name.digest->text() : name.tag) + ": Pulling from " + name.repository);
  const Image image = pull(store, name, platform, lines);
  if (lines.digest()) lines.say("Digest: " + lines.digest()->text());
  lines.say(before && before->id == image.id
                ? "Status: Image is up to date for " + name.familiar()
                : "Status: Downloaded newer image for " + name.familiar());
  if (!matches(image.config.platform, platform)) {
    lines.say("warning: the image is for " + printable(image.config.platform.text()) +
              ", not for " + platform.text());
  }
  print(name.text() + "\n");
  return 0;
}

}  // namespace

std::function<int()> declare_pull(CLI::App& app, const Globals& globals) {
  auto request = std::make_shared<Request>();
  app.description(
      "Gets an image from a registry. Layers that are in the store are not downloaded; the others "
      "are verified and unpacked while they are. Logins are those of docker "
      "(~/.docker/config.json).");
  app.add_option("image", request->image, "the image's name")
      ->required()
      ->type_name("NAME[:TAG|@DIGEST]");
  app.add_option("--platform", request->platform, "the variant to get (default: the host's own)")
      ->type_name("OS/ARCH");
  app.add_flag("-q,--quiet", request->quiet, "print nothing but the image's whole name");
  app.footer(R"(
Examples:
  slipway pull debian:bookworm
  slipway pull --platform linux/arm64 debian:bookworm
  slipway pull localhost:5000/team/app:1.2
)");
  return [request, &globals] { return pull_image(*request, globals.root); };
}

}  // namespace slipway
