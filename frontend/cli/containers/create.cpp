// slipway create: a container, without starting it.
#include "../command.hpp"
#include "../owned_store.hpp"
#include "../print.hpp"
#include "cidfile.hpp"
#include "container_image.hpp"
#include "container_request.hpp"

#include <ir/error.hpp>

#include <CLI/CLI.hpp>

#include <cstdio>
#include <filesystem>
#include <memory>

namespace slipway {
namespace {

// docker's, of what is wrong with the flags.
constexpr int usage_status = 125;

int create(const CreateRequest& asked, const Globals& globals) {
  CidFile cidfile(asked.cidfile);
  OwnedStore owned(globals.root);
  const Image image = container_image(owned.store, asked);
  const Container container = create_container(
      owned.store, image, asked.image, asked.container, [](const Diagnostic& note) {
        std::fputs(render(note, "warning", use_color()).c_str(), stderr);
      });
  cidfile.write(container.id);
  print(container.id + "\n");
  return 0;
}

constexpr const char* footer = R"(
Examples:
  slipway create --name db -v data:/var/lib/db db     make it now ...
  slipway start db                                    ... and start it later
  slipway create -it --name tools debian:bookworm bash
  slipway start -ai tools
  slipway cp $(slipway create app):/usr/bin/app .     a file of an image

Flags stand before the image: what stands behind it is the program's. The container's ID is printed.
)";

}  // namespace

std::function<int()> declare_create(CLI::App& app, const Globals& globals) {
  auto flags = std::make_shared<ContainerFlags>();
  app.description(
      "Makes a container from an image, as `slipway run` does, and does not start it. IMAGE is a "
      "name or "
      "an ID; one that is not here is pulled.");
  declare_container_flags(app, *flags);
  app.footer(footer);
  return [flags, &app, &globals] {
    CreateRequest asked;
    try {
      take_words(app, *flags);
      asked = create_request(*flags, std::filesystem::current_path());
    } catch (const Error& error) {
      std::fputs(render(error, use_color()).c_str(), stderr);
      return usage_status;
    }
    return create(asked, globals);
  };
}

}  // namespace slipway
