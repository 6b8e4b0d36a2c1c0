// slipway cat: what a file of an image holds.
#include "command.hpp"
#include "image_path.hpp"
#include "owned_store.hpp"
#include "print.hpp"

#include <cache/store.hpp>
#include <executor/export/merged.hpp>
#include <ir/error.hpp>
#include <ir/lowering/paths.hpp>

#include <unistd.h>
#include <CLI/CLI.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {
namespace {

struct Request {
  std::vector<std::string> places;
  std::string platform;
};

// A terminal gets line breaks and tabs, and a blank for every other control character: the file is
// a stranger's. Who wants the bytes redirects them.
std::string for_terminal(std::string text) {
  for (char& c : text) {
    const auto byte = static_cast<unsigned char>(c);
    // Those above 0x7F are controls only where they stand alone, and terminals that take UTF-8 do
    // not act on them; 0x9B would begin a sequence on others.
    if ((byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7F || byte == 0x9B) c = ' ';
  }
  return text;
}

int show(const Request& request, const std::filesystem::path& root) {
  OwnedStore owned(root);
  Store& store = owned.store;
  const bool terminal = ::isatty(STDOUT_FILENO) == 1;
  for (const std::string& place : request.places) {
    const ImagePath wanted = parse_image_path(place);
    if (wanted.path.empty())
      throw Error(quoted(place) + " names no file")
          .hint("write IMAGE:PATH with an absolute path: " + wanted.image + ":/etc/os-release");
    const Image image = image_named(store, wanted.image, request.platform);
    const StackView files = store.layers().view(image.layers);
    const StackView::Resolved found = files.resolve(rooted(wanted.path).substr(1), true);
    if (!found.entry && !found.path.empty()) refuse_missing_path(files, wanted);
    if (!found.entry || found.entry->type == Entry::Type::directory)
      throw Error(quoted(wanted.path) + " in the image " + quoted(wanted.image) + " is a directory")
          .hint("slipway ls " + place);
    if (found.entry->type != Entry::Type::file)
      throw Error(quoted(wanted.path) + " in the image " + quoted(wanted.image) +
                  " is no regular file");
    read_merged(files, *found.entry, [&](std::span<const std::byte> bytes) {
      const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      terminal ? print(for_terminal(std::string(text))) : print(text);
    });
  }
  return 0;
}

}  // namespace

std::function<int()> declare_cat(CLI::App& app, const Globals& globals) {
  auto request = std::make_shared<Request>();
  app.description("Prints files of an image, without unpacking or running it.");
  app.add_option("file", request->places, "an image and the absolute path of a file in it")
      ->required()
      ->type_name("IMAGE:PATH...");
  app.add_option("--platform", request->platform, "of an image of several platforms, this one's")
      ->type_name("OS/ARCH");
  app.footer(R"(
Examples:
  slipway cat debian:/etc/os-release
  slipway cat app:1.2:/usr/bin/app > app

Links are followed within the image. On a terminal control characters are shown as blanks.
)");
  return [request, &globals] { return show(*request, globals.root); };
}

}  // namespace slipway
