// slipway rebase: an image's own layers on another base, without building it.
#include "command.hpp"
#include "given_name.hpp"
#include "owned_store.hpp"
#include "print.hpp"

#include <cache/store.hpp>
#include <executor/rebase/rebase.hpp>
#include <ir/error.hpp>
#include <ir/reference.hpp>

#include <CLI/CLI.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace slipway {
namespace {

struct Request {
  std::string image;
  std::string onto;
  std::string from;
  std::vector<std::string> tags;
};

// The image of that name for the platform that another one is for.
Image base_for(Store& store, const std::string& name, const Image& image) {
  if (name == "scratch") return scratch_image(image.config.platform);
  const Digest id = store.images().resolve(name);
  std::optional<Image> base = store.images().find(id, image.config.platform);
  if (!base)
    throw Error(quoted(name) + " is not in the store for " + image.config.platform.text())
        .hint("slipway pull --platform " + image.config.platform.text() + " " + name);
  return std::move(*base);
}

Digest moved(Store& store, const Request& request, const Image& image) {
  const Image onto = base_for(store, request.onto, image);
  const Image from =
      request.from.empty() ? find_base(store, image) : base_for(store, request.from, image);
  return store.images().put(rebase(store, image, from, onto));
}

int run_rebase(const Request& request, const std::filesystem::path& root) {
  std::vector<Reference> names;
  for (const std::string& tag : request.tags) names.push_back(given_name(tag));
  Store store(root);
  const Digest id = store.images().resolve(request.image);
  Digest result;
  if (const std::optional<StoredIndex> index = store.images().find_index(id)) {
    std::vector<Digest> images;
    for (const Image& image : index->images) images.push_back(moved(store, request, image));
    result = store.images().put_index(images);
  } else {
    result = moved(store, request, store.images().get(request.image));
  }
  for (const Reference& name : names) store.images().tag(name, result);
  print(result.text() + "\n");
  return 0;
}

}  // namespace

std::function<int()> declare_rebase(CLI::App& app, const Globals& globals) {
  auto request = std::make_shared<Request>();
  app.description(
      "Puts the layers of an image above its base onto another base, without building it, and "
      "prints\n"
      "the ID of the image that this gives. Only where a build on the new base would give the "
      "same\n"
      "layers: COPY --link and ADD --link always do; COPY, ADD and WORKDIR do where what they "
      "write\n"
      "to is the same in both bases; RUN never does. What the image sets itself stays (variables,\n"
      "ENTRYPOINT, labels ...), all else is the new base's. Where it cannot be known what a build\n"
      "would give, that is an error with every reason, and nothing is made.");
  app.add_option("image", request->image, "a name, an ID or the beginning of one")
      ->required()
      ->type_name("IMAGE");
  app.add_option("--onto", request->onto, "the new base: an image of the store, or scratch")
      ->required()
      ->type_name("NEWBASE");
  app.add_option(
         "--from", request->from,
         "the base that it was built on (default: the one image of the store that its layers "
         "and history begin with)")
      ->type_name("OLDBASE");
  app.add_option("-t,--tag", request->tags, "a name for the result; may be repeated")
      ->type_name("NAME[:TAG]")
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app.footer(R"(
Examples:
  slipway pull debian:bookworm && slipway rebase app:1 --onto debian:bookworm -t app:1-patched
  slipway rebase app:1 --from debian@sha256:... --onto debian:trixie -t app:trixie

Of an image of several platforms each is moved, onto the new base's image for it.
)");
  return [request, &globals] { return run_rebase(*request, globals.root); };
}

}  // namespace slipway
