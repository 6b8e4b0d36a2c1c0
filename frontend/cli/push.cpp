// slipway push: an image into a registry.
#include "command.hpp"
#include "owned_store.hpp"
#include "print.hpp"
#include "transfer_lines.hpp"

#include <cache/archive/pack.hpp>
#include <cache/images/facts.hpp>
#include <cache/registry/push.hpp>
#include <ir/error.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace slipway {
namespace {

struct Request {
  std::string image;
  std::string platform;
  bool all_tags = false;
  bool quiet = false;
};

// Layers, as docker shows them; configs and statements go unseen.
class Lines : public PushProgress {
 public:
  explicit Lines(bool quiet) : transfers_(TransferLines::by_stderr(quiet), "Pushing") {}

  void began(const BlobDescriptor& blob) override {
    const bool layer = blob.media_type.find("layer") != std::string::npos ||
                       blob.media_type.find("rootfs") != std::string::npos;
    if (layer) places_.emplace(blob.digest, transfers_.add(blob, "Waiting"));
  }
  void sent(const Digest& digest, std::uint64_t bytes) override {
    if (const auto place = places_.find(digest); place != places_.end())
      transfers_.moved(place->second, bytes);
  }
  void done(const Digest& digest, Outcome outcome, const std::string& from) override {
    const auto place = places_.find(digest);
    if (place == places_.end()) return;
    switch (outcome) {
      case Outcome::sent:
        return transfers_.ended(place->second, "Pushed");
      case Outcome::there:
        return transfers_.ended(place->second, "Layer already exists");
      case Outcome::mounted:
        return transfers_.ended(place->second, "Mounted from " + from);
    }
  }
  void warned(const std::string& text) override { say("warning: registry: " + quoted(text)); }
  void say(const std::string& text) { transfers_.say(text); }
  // What comes now is another image's.
  void end() {
    transfers_.end();
    places_.clear();
  }

 private:
  TransferLines transfers_;
  std::map<Digest, std::size_t> places_;
};

void push_one(Store& store, const Reference& name, const Request& request, Lines& lines) {
  Digest id = store.images().resolve(name.text());
  if (!request.platform.empty()) {
    const Platform wanted = parse_platform(request.platform);
    const std::optional<Image> image = store.images().find(name, wanted);
    if (!image)
      throw Error("the store has no variant of " + quoted(name.familiar()) + " for " +
                  wanted.text());
    id = image->id;
  }
  const BlobDescriptor root = push(store, name, stored_image(store, id, {name}), {}, lines);
  store.image_facts().put_digest(id, name, root.digest);
  lines.end();
  if (!request.quiet)
    print(name.tag + ": digest: " + root.digest.text() + " size: " + std::to_string(root.size) +
          "\n");
}

// Those of the repository that the store has, by tag.
std::vector<Reference> names_of(Store& store, const Reference& name) {
  std::vector<Reference> names;
  for (const ImageSummary& image : store.images().list()) {
    for (const Reference& each : image.names) {
      if (each.domain == name.domain && each.repository == name.repository && !each.digest)
        names.push_back(each);
    }
  }
  std::sort(names.begin(), names.end(),
            [](const Reference& a, const Reference& b) { return a.tag < b.tag; });
  return names;
}

int push_image(const Request& request, const std::filesystem::path& root) {
  const Reference name = parse_reference(request.image);
  const bool alone = !name.digest && !request.image.ends_with(":" + name.tag);
  if (request.all_tags && !alone)
    throw Error("--all-tags takes a name without a tag or digest, not " + quoted(request.image));
  if (name.digest)
    throw Error("a digest cannot be pushed to: " + quoted(request.image))
        .hint("give the image a tag with slipway tag, and push that");
  OwnedStore owned(root);
  Store& store = owned.store;
  Lines lines(request.quiet);
  const std::string repository = name.domain + "/" + name.repository;
  lines.say("The push refers to repository [" + repository + "]");
  if (!request.all_tags) {
    if (alone) lines.say("Using default tag: latest");
    if (store.images().platforms(name).empty())
      throw Error("an image does not exist locally with the tag: " + name.familiar())
          .hint("`slipway images` lists those there are, `slipway tag` gives one another name");
    push_one(store, name, request, lines);
  } else {
    const std::vector<Reference> names = names_of(store, name);
    if (names.empty())
      throw Error("an image does not exist locally with the name: " + name.familiar());
    for (const Reference& each : names) push_one(store, each, request, lines);
  }
  if (request.quiet) print((request.all_tags ? repository : name.text()) + "\n");
  return 0;
}

}  // namespace

std::function<int()> declare_push(CLI::App& app, const Globals& globals) {
  auto request = std::make_shared<Request>();
  app.description(
      "Puts an image into the registry that its name names. Layers that the registry has are not "
      "sent, and a push that was interrupted goes on where it was. What was pulled goes out as it "
      "came, byte for byte. Logins are those of docker (~/.docker/config.json).");
  app.add_option("image", request->image, "the image's name")->required()->type_name("NAME[:TAG]");
  app.add_flag("-a,--all-tags", request->all_tags,
               "put all that the store has a tag of the name for");
  app.add_option("--platform", request->platform,
                 "of several platforms' images put this one alone, without an index")
      ->type_name("OS/ARCH");
  app.add_flag("-q,--quiet", request->quiet, "print nothing but the image's whole name");
  app.footer(R"(
Examples:
  slipway push localhost:5000/team/app:1.2
  slipway push --all-tags localhost:5000/team/app
)");
  return [request, &globals] { return push_image(*request, globals.root); };
}

}  // namespace slipway
